"""Where somebody is signed in: a list of browsers, each of which is signed out at once (ASVS 7.4.5, 7.5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal.errors import NotFound
from portal.extensions import db
from portal.models import Account, Session
from portal.services import accounts, audit, known_browsers, sessions
from portal.services.sessions import SignedIn

MOST_SHOWN = 50
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Browsers:
    """The sessions that last, those used last first, and how many there are in all."""

    sessions: Sequence[Session]
    count: int


def of(account: Account) -> Browsers:
    """Where ``account`` is signed in."""
    theirs = select(Session).where(Session.account_id == account.id, sessions.lasting())
    newest = theirs.order_by(Session.last_used_at.desc(), Session.id.desc()).limit(MOST_SHOWN)
    return Browsers(db.session.scalars(newest).all(), count(account))


def count(account: Account) -> int:
    """In how many browsers ``account`` is signed in."""
    theirs = select(func.count()).select_from(Session).where(Session.account_id == account.id, sessions.lasting())
    return db.session.scalars(theirs).one()


def end_own(signed_in: SignedIn, session_id: int) -> None:
    """Sign oneself out of one browser. Raises NotFound for a session that is not one's own."""
    _end(accounts.locked(signed_in.account.id), session_id, signed_in)


def end_others(signed_in: SignedIn, known_tokens: Sequence[str]) -> None:
    """Sign oneself out everywhere else: no other browser is known any more, but for the one that shows these tokens."""
    account = accounts.locked(signed_in.account.id)
    ended = sessions.end_all(account, but=signed_in.session)
    known_browsers.forget_all(account, but=known_tokens)
    audit.record("account:session:all-ended", person=account.person, by=signed_in.account, sessions=ended)


def end(account: Account, session_id: int, by: SignedIn) -> None:
    """An administrator signs somebody out of one browser. Raises NotPermitted, and NotFound for another's session."""
    _end(accounts.for_move(account, by), session_id, by)


def end_all(account: Account, by: SignedIn) -> None:
    """An administrator signs somebody out everywhere, and no browser is known any more. Raises NotPermitted."""
    account = accounts.for_move(account, by)
    ended = sessions.end_all(account)
    known_browsers.forget_all(account)
    audit.record("account:session:all-ended", person=account.person, by=by.account, sessions=ended)


def _end(account: Account, session_id: int, by: SignedIn) -> None:
    theirs = select(Session).where(Session.id == session_id, Session.account_id == account.id)
    found = db.session.scalars(theirs).one_or_none() if 0 < session_id <= LARGEST_ID else None
    if found is None:
        raise NotFound
    if sessions.end_one(found):
        audit.record("account:session:ended", person=account.person, by=by.account)
