"""The External Message: what to tell the person now, one fixed text for each state and circumstance."""

from datetime import datetime

from flask_babel import gettext as _

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.email_addresses import masked
from portal.domain.lockout import TEMPORARY_PASSWORD_GUESSES
from portal.filters import date_in_words, time_of_day
from portal.models import Account, OutboxMessage, Person
from portal.services import accounts


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
            return _("The record is inactive. Once it is active again, they can be registered.")
        case _:
            return _active(person)


def at_moment(at: datetime) -> str:
    """A moment in words, such as 14:02 on 22 November 2026."""
    return _("%(time)s on %(date)s", time=time_of_day(at), date=date_in_words(at))


def _not_registered(person: Person) -> str:
    if not person.primary_email:
        return _("They are not registered yet; an e-mail address is needed first.")
    return _("They are not registered yet: no temporary password has been sent.")


def _pending(account: Account, mail: OutboxMessage | None) -> str:
    expires_at = account.temporary_password_expires_at
    address = masked(mail.recipient) if mail else ""
    if account.temporary_password_failures >= TEMPORARY_PASSWORD_GUESSES or expires_at is None:
        return _(
            "The temporary password was entered wrongly %(times)s times and no longer works. A new one is needed.",
            times=TEMPORARY_PASSWORD_GUESSES,
        )
    if mail is not None and mail.state == "dropped":
        return _(
            "The temporary password was not sent to %(address)s, because the address was changed. Re-Enrol sends a new "
            "one.",
            address=address,
        )
    if account.temporary_password_hash is None:
        return _(
            "The temporary password went to an address that was changed since, and no longer works. Re-Enrol sends a "
            "new one."
        )
    if clock.now() >= expires_at:
        return _("The temporary password expired at %(at)s. A new one is needed.", at=at_moment(expires_at))
    until = at_moment(expires_at)
    if mail is None:
        return _("A temporary password was given and works until %(until)s.", until=until)
    if mail.state == "failed":
        return _(
            "The temporary password could not be delivered to %(address)s. Check the address; a new one is needed.",
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


def _locked(person: Person) -> str:
    account = person.account
    if accounts.password_is_disabled(account):
        return _(
            "After too many failed sign-ins the password is disabled. They choose a new one with “Forgotten password”, "
            "or are re-enrolled."
        )
    if account.state is AccountState.UNLOCK_PENDING and account.unlock_expires_at is not None:
        return _(
            "The account was unlocked, but nobody signed in before %(until)s, and it is locked again. Unlock it once "
            "more, or they choose a new password with “Unlock account”.",
            until=at_moment(account.unlock_expires_at),
        )
    if account.locked_at is None:
        return _("The account is locked. Unlock it, or they choose a new password with “Unlock account”.")
    if not person.primary_email:
        return _(
            "The account was locked at %(at)s after failed sign-ins. There is no e-mail address to reset the password "
            "with: unlock it.",
            at=at_moment(account.locked_at),
        )
    return _(
        "The account was locked at %(at)s after failed sign-ins. Unlock it, or they choose a new password with “Unlock "
        "account”.",
        at=at_moment(account.locked_at),
    )


def _unlocked(person: Person) -> str:
    expires_at = person.account.unlock_expires_at
    until = at_moment(expires_at) if expires_at else ""
    if not person.primary_email:
        return _(
            "The account is unlocked until %(until)s. There is no e-mail address: tell them to sign in by then with "
            "their own password.",
            until=until,
        )
    return _(
        "The account is unlocked: they sign in before %(until)s with their own password, or choose a new one with "
        "“Forgotten password”.",
        until=until,
    )


def _active(person: Person) -> str:
    if not person.primary_email:
        return _(
            "They sign in with the username %(username)s and their own password. Without an e-mail address they cannot "
            "reset it themselves.",
            username=person.account.username,
        )
    return _(
        "They sign in with the username %(username)s, or their e-mail address, and their own password. If it is "
        "forgotten, “Forgotten password” mails a link.",
        username=person.account.username,
    )
