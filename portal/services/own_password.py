"""What somebody who is signed in does with their own password: gives it again, or changes it (ASVS 6.2.3, 7.5.1).

Both are guesses like those of a sign-in: they count, lock and are written down alike, so that a session that was stolen
guesses no more than a stranger does. Both are a success for the counter, and complete an unlock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from portal import clock
from portal.domain.account_state import AccountAction, AccountState
from portal.domain.expiry import CLOCKS_APART
from portal.models import Account
from portal.services import accounts, guesses, held_forms, known_browsers, outbox, passwords, sessions
from portal.services.guesses import Way
from portal.services.sessions import SignedIn

FRESH = timedelta(minutes=60)
"""How long a password counts for changes that ask for it."""


@dataclass(frozen=True)
class Renewed:
    """The session goes on under a new token, in a browser that is known; ``goes_on``: with a form that was held."""

    token: str
    browser_tokens: tuple[str, ...]
    goes_on: bool = False


def is_fresh(signed_in: SignedIn) -> bool:
    """Whether the password was given lately enough, at the sign-in or since."""
    session = signed_in.session
    given_at = max(session.started_at, session.confirmed_at or session.started_at)
    return -CLOCKS_APART <= clock.now() - given_at <= FRESH


def confirm(signed_in: SignedIn, password: str, known_tokens: Sequence[str] = (), key: str = "") -> Renewed | None:
    """Give the password again, on a page with the ``key`` of the form that is held. None: it failed."""

    def right(account: Account, _way: Way) -> Renewed | None:
        token = sessions.renew(signed_in)
        if token is None:
            return None
        _succeed(account, "account:session:confirmed", signed_in)
        goes_on = held_forms.keep_only(signed_in, key)
        return Renewed(token, known_browsers.remember(account, known_tokens), goes_on)

    return guesses.make(signed_in.account.id, password, known_tokens, right)


def change(signed_in: SignedIn, current: str, new: str, known_tokens: Sequence[str] = ()) -> Renewed | None:
    """Choose a new password, with the current one: every other session ends. None: the current one failed.

    Mailed links die with the password; browsers that are known stay so, until somebody signs out everywhere.
    """
    hashed = passwords.hash_of(new)

    def right(account: Account, _way: Way) -> Renewed | None:
        token = sessions.renew(signed_in)
        if token is None:
            return None
        entry = _succeed(account, "account:password:changed", signed_in)
        accounts.put_password(account, hashed)
        sessions.end_all(account, but=signed_in.session)
        accounts.note(account, "password-changed")
        outbox.queue("password-changed", account=account, entry=entry, by_owner=True)
        return Renewed(token, known_browsers.remember(account, known_tokens))

    return guesses.make(signed_in.account.id, current, known_tokens, right)


def _succeed(account: Account, event: str, signed_in: SignedIn) -> int:
    """What a right password does to the account, as at a sign-in; answers the id of the entry of ``event``."""
    if accounts.shown_state(account) is AccountState.LOCKED:
        unlocked = "account:sign-in:succeeded-while-locked"
        accounts.apply(account, AccountAction.SIGN_IN, unlocked, None, known_browser=True)
        accounts.note(account, "signed-in-while-locked")
    entry = accounts.apply(account, AccountAction.SIGN_IN, event, signed_in)
    accounts.forget_failures(account)
    return entry
