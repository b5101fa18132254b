"""Completing a registration: the first password of one's own, and the session that it opens."""

from portal.domain.account_state import AccountAction
from portal.models import Account
from portal.services import accounts, passwords, sessions
from portal.services.sessions import SignedIn


class EnrolmentOver(Exception):  # noqa: N818 - an answer, not an error
    """The registration was completed, begun anew or withdrawn while a password was being chosen."""


def complete(signed_in: SignedIn, password: str) -> str:
    """Choose the own password; answers the token of the session that this opens. The temporary one is used up.

    Raises EnrolmentOver when the session ended meanwhile: its temporary password is not the one in use any more.
    """
    hashed = passwords.hash_of(password)
    account = accounts.locked(signed_in.account.id)
    if sessions.is_over(signed_in):
        raise EnrolmentOver
    return finish(account, hashed)


def finish(account: Account, hashed: str) -> str:
    """The move itself, with the hash of the password; answers the token of the session that it opens.

    ``account`` must come from ``accounts.locked``, and whoever asks must have shown what lets in.
    """
    accounts.apply(account, AccountAction.COMPLETE_REGISTRATION, "account:registration:completed", None)
    accounts.put_password(account, hashed)
    accounts.note_success(account)
    accounts.note(account, "registration-completed")
    sessions.end_all(account)
    return sessions.start(account, "full")
