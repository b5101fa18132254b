"""A form that was sent, and waits while its sender gives the password again: kept beside the session, to go on with.

It goes on only from the page that its sender was led to. Whoever shares a session that was stolen cannot slip a form of
their own in between: that would be held under another key than the one which the sender's page has.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import update

from portal import clock
from portal.extensions import db
from portal.models import Session
from portal.services.sessions import SignedIn
from portal.transactions import begin_write

KEPT = timedelta(minutes=10)
LONGEST = 16_000
"""Characters of names and values; a longer form is typed once more."""

Fields = list[tuple[str, str]]


def hold(signed_in: SignedIn, path: str, fields: Iterable[tuple[str, str]]) -> str:
    """Keep what was sent to ``path``, in place of what was kept before; answers the key with which it goes on.

    No token is kept, and of a form with a password nothing at all: it could not go on by itself. Nor is a long one.
    """
    begin_write()
    key = secrets.token_urlsafe(16)
    kept = [(name, value) for name, value in fields if name != "csrf_token"]
    secret = any("password" in name.lower() for name, _value in kept)
    fits = sum(len(name) + len(value) for name, value in kept) <= LONGEST
    held = {"key": key, "at": clock.now().isoformat(), "path": path, "fields": kept}
    signed_in.session.held_form = held if fits and not secret else None
    return key


def keep_only(signed_in: SignedIn, key: str) -> bool:
    """The password was given on the page with ``key``, and what is held under another one goes.

    Answers whether a form stays.
    """
    begin_write()
    held = signed_in.session.held_form
    if held is not None and not secrets.compare_digest(held["key"].encode(), key.encode()):
        signed_in.session.held_form = None
    return signed_in.session.held_form is not None


def held_for(signed_in: SignedIn, path: str) -> Fields | None:
    """What was sent to ``path`` and goes on, now that the password was given; None when there is nothing."""
    held, confirmed_at = signed_in.session.held_form, signed_in.session.confirmed_at
    if held is None or confirmed_at is None or held["path"] != path:
        return None
    at = datetime.fromisoformat(held["at"])
    if not at <= confirmed_at or clock.now() - at > KEPT:
        return None
    return [(name, value) for name, value in held["fields"]]


def use_up(signed_in: SignedIn) -> None:
    """What was held is being sent, or something else is."""
    begin_write()
    signed_in.session.held_form = None


def forget_old() -> None:
    """What nobody went on with is kept no longer than it may be used."""
    begin_write()
    left = Session.held_form.is_not(None), Session.last_used_at < clock.now() - KEPT
    db.session.execute(update(Session).where(*left).values(held_form=None))
