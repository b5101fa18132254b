"""Browsers that have signed in to an account before: they keep their owner in while a stranger locks it (ASVS 6.1.1).

A cookie holds a token of 256 bits for each account that the browser knows; the database holds its hash and the
browser's own count of failures, which alone decides while the account is locked.
"""

import secrets
from collections.abc import Sequence

from flask import current_app, request
from sqlalchemy import select, update
from werkzeug.wrappers import Response

from portal import clock
from portal.extensions import db
from portal.models import Account, KnownBrowser
from portal.services.tokens import token_hash
from portal.transactions import begin_write

MOST_ACCOUNTS = 5
"""Accounts that one browser is remembered for, such as on a ward's shared computer; the newest stay."""

YEAR_SECONDS = 365 * 24 * 3600


def _cookie_name() -> str:
    return "__Host-known-browser" if current_app.config["SESSION_COOKIE_SECURE"] else "known-browser"


def presented() -> list[str]:
    """The tokens that the request's browser shows."""
    return request.cookies.get(_cookie_name(), "").split(".")[:MOST_ACCOUNTS]


def of(account: Account, tokens: list[str]) -> KnownBrowser | None:
    """The row of the browser that shows one of ``tokens``, when it knows ``account`` and was not voided."""
    hashes = [token_hash(token) for token in tokens if token]
    if not hashes:
        return None
    return db.session.scalars(
        select(KnownBrowser).where(
            KnownBrowser.account_id == account.id, KnownBrowser.token_hash.in_(hashes), KnownBrowser.void_at.is_(None)
        )
    ).first()


def knows(account_id: int | None, tokens: Sequence[str]) -> bool:
    """Whether the browser that shows ``tokens`` is known to the account; a name without one costs the same query."""
    hashes = [token_hash(token) for token in tokens if token]
    if not hashes:
        return False
    found = select(KnownBrowser.id).where(
        KnownBrowser.account_id == (account_id or 0),
        KnownBrowser.token_hash.in_(hashes),
        KnownBrowser.void_at.is_(None),
    )
    return db.session.scalars(found).first() is not None


def remember(account: Account, tokens: Sequence[str]) -> tuple[str, ...]:
    """After a sign-in: the browser is known, its failures are forgotten and its token is a new one.

    Answers what its cookie holds from now on: the new token, and of ``tokens`` those of other accounts.
    """
    begin_write()
    known = of(account, list(tokens))
    hashes = {token_hash(token): token for token in tokens if token}
    of_this_account = select(KnownBrowser.token_hash).where(
        KnownBrowser.account_id == account.id, KnownBrowser.token_hash.in_(hashes)
    )
    spent = {bytes(spent) for spent in db.session.scalars(of_this_account)} if hashes else set()
    token = secrets.token_urlsafe(32)
    if known is None:
        known = KnownBrowser(account_id=account.id, token_hash=token_hash(token))
        db.session.add(known)
    known.token_hash, known.failures, known.last_used_at = token_hash(token), 0, clock.now()
    others = (other for hashed, other in hashes.items() if hashed not in spent)
    return (token, *others)[:MOST_ACCOUNTS]


def note_failure(known: KnownBrowser, limit: int) -> bool:
    """A wrong guess from a known browser; at the limit it is known no longer, which is answered."""
    known.failures += 1
    if known.failures >= limit:
        known.void_at = clock.now()
    return known.void_at is not None


def forget_all(account: Account, but: Sequence[str] = ()) -> None:
    """Every browser is a stranger again, but for one that shows a token of ``but``.

    After a reset or a re-enrolment, and when the person signs out everywhere.
    """
    begin_write()
    kept = [token_hash(token) for token in but if token]
    db.session.execute(
        update(KnownBrowser)
        .where(KnownBrowser.account_id == account.id, KnownBrowser.void_at.is_(None))
        .where(KnownBrowser.token_hash.not_in(kept))
        .values(void_at=clock.now())
    )


def put_into_cookie(answer: Response, tokens: Sequence[str]) -> None:
    """The browser keeps its tokens; a sign-out leaves them."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    answer.set_cookie(
        _cookie_name(), ".".join(tokens), max_age=YEAR_SECONDS, httponly=True, samesite="Lax", secure=secure, path="/"
    )
