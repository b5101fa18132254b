"""Helping somebody back in, for administrators and reset operators: a temporary password in person, a recovery mail.

What a reset operator may not do is refused here, not only on the page (NIST SP 800-63B-4 4.2).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.domain.account_state import AccountAction, AccountState, MoveRefused
from portal.domain.identity_check import IdentityCheck
from portal.domain.roles import Permission, Role, operator_may_reset
from portal.models import Account, Person
from portal.services import (
    accounts,
    administrator_notices,
    audit,
    organisations,
    outbox,
    recovery,
    temporary_passwords,
    tokens,
)
from portal.services.accounts import NotPermitted
from portal.services.sessions import SignedIn


class NotAnOperators(NotPermitted):
    """A reset operator may not help this person, who holds a role or has a smartcard; an administrator may."""


class CheckMissing(ValueError):  # noqa: N818 - an answer, not an error
    """The identity check does not say enough, and nothing is issued without it."""


class MailedOften(Exception):  # noqa: N818
    """The link was mailed as often as it is within ten minutes."""


@dataclass(frozen=True)
class Given:
    """What the slip says; it stands nowhere else."""

    username: str
    temporary_password: str
    expires_at: datetime


def give_in_person(account: Account, by: SignedIn, check: IdentityCheck) -> Given:
    """Give a temporary password on the screen: it ends what let in before, and a notice goes to the address held.

    Raises CheckMissing, NotPermitted (NotAnOperators where an administrator may) and MoveRefused.
    """
    if not check.is_complete:
        raise CheckMissing
    issued = temporary_passwords.new()
    account = accounts.for_move(account, by)
    refuse_unless_possible(account, by)
    username = accounts.name_account(account)
    expires_at = temporary_passwords.put(account, issued)
    account.re_enrolled = True
    accounts.end_credentials(account)
    details: dict[str, Any] = {
        "expires_at": expires_at.isoformat(),
        "method": check.method,
        "reference": check.reference.strip(),
    }
    event = "account:registration:given-in-person"
    entry = accounts.apply(account, AccountAction.GIVE_IN_PERSON, event, by, **details)
    accounts.note(account, "given-in-person")
    outbox.queue("in-person", account=account, entry=entry, by=by.account.id)
    administrator_notices.tell_the_others(account, "in-person", by, entry)
    return Given(username, tokens.temporary_password(issued.issue, tokens.present_key()), expires_at)


def refuse_unless_possible(account: Account, by: SignedIn) -> None:
    """Raises what ``give_in_person`` would for the account as it is; a reset operator registers nobody."""
    accounts.for_reading(account, by)
    refuse_operator(by, account.person)
    accounts.refuse_unless_allowed(account, AccountAction.GIVE_IN_PERSON)
    if account.state is AccountState.NOT_REGISTERED and is_operator(by, account.person):
        raise MoveRefused(account.state, AccountAction.GIVE_IN_PERSON)


def send_recovery_mail(account: Account, by: SignedIn) -> None:
    """Mail the link with which the owner chooses a new password, as if the owner had asked for it.

    Raises NotPermitted, MoveRefused, NoEmailAddress, and MailedOften.
    """
    account = accounts.for_move(account, by)
    refuse_operator(by, account.person)
    accounts.refuse_unless_allowed(account, AccountAction.RESET_PASSWORD)
    accounts.need_email(account)
    link = recovery.link_to_mail(account)
    if link is None:
        raise MailedOften
    event = "account:recovery:link-sent"
    entry = audit.record(event, person=account.person, by=by.account, times=link.times_mailed)
    accounts.note(account, "recovery-queued")
    outbox.queue("password-reset", account=account, entry=entry, not_after=link.expires_at, links=[link.id], barred=[])


def is_operator(by: SignedIn, person: Person) -> bool:
    """Whether ``by`` reaches the person as a reset operator only."""
    return organisations.roles_in(by, person.organisation) == {Role.PASSWORD_RESET_OPERATOR}


def refuse_operator(by: SignedIn, person: Person) -> None:
    """Raises NotAnOperators, and NotPermitted for whoever has no right to help people of the organisation in."""
    if not organisations.may(by, person.organisation, Permission.RESET_PASSWORDS):
        raise NotPermitted
    held = frozenset(grant.role for grant in person.account.roles if grant.ended_at is None)
    if is_operator(by, person) and not operator_may_reset(held, person.smartcard_linked):
        raise NotAnOperators
