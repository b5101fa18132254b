"""Signing in: a guess at a name's password that opens a session when it is right."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from portal.domain.account_state import AccountAction, AccountState
from portal.domain.email_addresses import fold_email
from portal.extensions import db
from portal.models import Account, Person
from portal.services import accounts, audit, guesses, known_browsers, sessions
from portal.services.guesses import Way

# What every sign-in asks, built once.
BY_USERNAME = select(Account.id).where(Account.username == bindparam("folded"))
BY_EMAIL = (
    select(Account.id)
    .join(Account.person)
    .where(Person.primary_email_folded == bindparam("folded"), Account.state != AccountState.INACTIVE)
    .limit(2)
)


@dataclass(frozen=True)
class Admitted:
    """Somebody is in: with a session of their own, or with one that may only choose a password."""

    token: str
    enrolling: bool
    browser_tokens: tuple[str, ...] = ()
    """What makes the browser a known one; nothing for somebody who has no password of their own yet."""


def attempt(identifier: str, password: str, known_tokens: Sequence[str] = ()) -> Admitted | None:
    """One sign-in with a username or an e-mail address. None: it failed, whatever the reason.

    ``known_tokens`` are what the browser shows of accounts that it signed in to before. Raises TooMany, before
    anything is reserved or hashed, when too many others failed from this address; a known browser is never held up.
    """
    account_id = find(identifier)

    def admit(account: Account, way: Way) -> Admitted:
        if way is Way.TEMPORARY:
            audit.record("account:temporary-password:accepted", person=account.person)
            return Admitted(sessions.start(account, "enrolment"), enrolling=True)
        while_locked = accounts.shown_state(account) is AccountState.LOCKED
        event = "account:sign-in:succeeded-while-locked" if while_locked else "account:sign-in:succeeded"
        accounts.apply(account, AccountAction.SIGN_IN, event, None, known_browser=while_locked)
        accounts.note_success(account)
        accounts.note(account, "signed-in-while-locked" if while_locked else "signed-in")
        browser_tokens = known_browsers.remember(account, known_tokens)
        return Admitted(sessions.start(account, "full"), enrolling=False, browser_tokens=browser_tokens)

    return guesses.make(account_id, password, known_tokens, admit, typed=identifier)


def find(identifier: str) -> int | None:
    """The account of a username, or of an e-mail address that one account alone has."""
    folded = fold_email(identifier.replace("\0", ""))  # which PostgreSQL refuses in any text
    found = db.session.scalars(BY_EMAIL if "@" in folded else BY_USERNAME, {"folded": folded}).all()
    return found[0] if len(found) == 1 else None
