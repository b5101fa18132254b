"""The External Message: what to tell the person now, in words to read out; one fixed text a state and circumstance."""

from datetime import datetime

from flask_babel import gettext as _

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.email_addresses import masked
from portal.domain.lockout import TEMPORARY_PASSWORD_GUESSES
from portal.filters import date_in_words, time_of_day
from portal.models import Account, OutboxMessage, Person
from portal.services import accounts, enrolment_links

SIGNED_IN_WHILE_LOCKED = "signed-in-while-locked"


def message(person: Person, invitation: OutboxMessage | None) -> str:
    """The text for ``person``; ``invitation`` is the newest mail that carried a temporary password."""
    account = person.account
    match accounts.shown_state(account):
        case AccountState.NOT_REGISTERED:
            return _not_registered(person)
        case AccountState.REGISTRATION_PENDING:
            return _pending(account, invitation)
        case AccountState.LOCKED:
            return _locked(person)
        case AccountState.UNLOCK_PENDING:
            return _unlocked(person)
        case AccountState.INACTIVE:
            return _("Your record is inactive, so the account cannot be used.")
        case _:
            return _active(person)


def at_moment(at: datetime) -> str:
    """A moment in words, such as 14:02 on 22 November 2026."""
    return _("%(time)s on %(date)s", time=time_of_day(at), date=date_in_words(at))


def _not_registered(person: Person) -> str:
    if not person.primary_email:
        return _("You are not registered. We need an e-mail address for you first.")
    return _("You are not registered: there is no temporary password for you yet.")


def _pending(account: Account, mail: OutboxMessage | None) -> str:
    expires_at = account.temporary_password_expires_at
    if enrolment_links.is_awaited(account):
        return _awaiting_link(account)
    if mail is not None and mail.parameters.get("issue") != account.temporary_password_issue:
        mail = None  # another one was given in person since
    address = masked(mail.recipient) if mail else ""
    if account.temporary_password_failures >= TEMPORARY_PASSWORD_GUESSES or expires_at is None:
        return _(
            "The temporary password was entered wrongly %(times)s times and no longer works. You need a new one.",
            times=TEMPORARY_PASSWORD_GUESSES,
        )
    if mail is not None and mail.state == "dropped":
        return _(
            "The temporary password was not sent to %(address)s, because the address was changed. You need a new one.",
            address=address,
        )
    if account.temporary_password_hash is None:
        return _(
            "The temporary password went to an address that was changed since, and no longer works. You need a new one."
        )
    if clock.now() >= expires_at:
        return _("The temporary password expired at %(at)s. You need a new one.", at=at_moment(expires_at))
    if enrolment_links.registration_is_over(account):
        return _("The temporary password no longer works. You need a new one.")
    until = at_moment(expires_at)
    if mail is None:
        return _("A temporary password was given to you and works until %(until)s.", until=until)
    if mail.state == "failed":
        return _(
            "The temporary password could not be delivered to %(address)s. Is that address right? You need a new one.",
            address=address,
        )
    if mail.state == "done":
        return _(
            "A temporary password was sent to %(address)s at %(sent)s and works until %(until)s.",
            address=address,
            sent=at_moment(mail.finished_at or mail.created_at),
            until=until,
        )
    return _(
        "A temporary password is on its way to %(address)s and works until %(until)s.", address=address, until=until
    )


def _awaiting_link(account: Account) -> str:
    expires_at = account.temporary_password_expires_at
    if expires_at is not None and clock.now() >= expires_at:
        expired = at_moment(expires_at)
        return _(
            "The link to choose your password expired at %(at)s. You need a new one, or a temporary password.",
            at=expired,
        )
    if expires_at is None or enrolment_links.registration_is_over(account):
        return _("The link to choose your password no longer works. You need a new one, or a temporary password.")
    return _("A link to choose your password was made for you and works until %(until)s.", until=at_moment(expires_at))


def _locked(person: Person) -> str:
    """Why the account is locked; and, where a link can be mailed, that its owner needs nobody to get in."""
    if accounts.password_is_disabled(person.account):
        ways = _("Choose a new one with “Forgotten password” on the sign-in page."), _("You need a new one from us.")
    else:
        ways = (
            _("Choose a new password with “Unlock account” on the sign-in page, or ask us to unlock it."),
            _("Ask us to unlock it."),
        )
    return f"{_why_locked(person.account)} {ways[0] if person.primary_email else ways[1]}"


def _why_locked(account: Account) -> str:
    if accounts.password_is_disabled(account):
        return _("There were too many failed attempts to sign in, and your password no longer works.")
    if account.state is AccountState.UNLOCK_PENDING and account.unlock_expires_at is not None:
        return _(
            "Your account was unlocked, but nobody signed in before %(until)s, and it is locked again.",
            until=at_moment(account.unlock_expires_at),
        )
    if account.locked_at is None:
        return _("Your account is locked.")
    return _("Your account was locked at %(at)s after failed attempts to sign in.", at=at_moment(account.locked_at))


def _unlocked(person: Person) -> str:
    expires_at = person.account.unlock_expires_at
    until = at_moment(expires_at) if expires_at else ""
    if not person.primary_email:
        return _("Your account is unlocked: sign in before %(until)s with your own password.", until=until)
    return _(
        "Your account is unlocked: sign in before %(until)s with your own password, or choose a new one with "
        "“Forgotten password” on the sign-in page.",
        until=until,
    )


def _active(person: Person) -> str:
    account = person.account
    if account.internal_message == SIGNED_IN_WHILE_LOCKED:
        return _(
            "Failed attempts had locked your account. You signed in from a browser that knows you, and that unlocked "
            "it. If the attempts were not yours, tell us."
        )
    if not person.primary_email:
        return _(
            "Sign in with the username %(username)s and your own password. Without an e-mail address you cannot reset "
            "it yourself.",
            username=account.username,
        )
    return _(
        "Sign in with the username %(username)s, or your e-mail address, and your own password. If you have forgotten "
        "it, “Forgotten password” on the sign-in page mails you a link.",
        username=account.username,
    )
