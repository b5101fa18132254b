"""The account's moves. ``apply`` is the one place that assigns a state: with its audit entry and its mail, in one go.

Each verb takes ``by``, who does it (None: the owner or the system), and raises MoveRefused where the state does not
allow it, NotPermitted where ``by`` may not, and NoEmailAddress where a mail is the point and there is no address.
"""

from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload

from portal import clock
from portal.domain import account_state, expiry
from portal.domain.account_state import AccountAction, AccountState, Circumstances, MoveRefused
from portal.domain.lockout import FAILURES_THAT_DISABLE
from portal.domain.roles import Role, may_act_on
from portal.domain.usernames import username_base
from portal.errors import Forbidden
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.services import (
    administrator_notices,
    administrators,
    audit,
    enrolment_links,
    known_browsers,
    outbox,
    record_index,
    sequences,
    sessions,
    temporary_passwords,
    tokens,
)
from portal.services.sessions import SignedIn
from portal.services.temporary_passwords import Issued
from portal.transactions import begin_write

# The key is left alone: an audit entry that names an account waits for nobody who holds it, so no two wait in a circle.
LOCKED_ACCOUNT = (
    select(Account)
    .where(Account.id == bindparam("account"))
    .options(joinedload(Account.person, innerjoin=True).load_only(Person.organisation_id))
    .with_for_update(of=Account, key_share=True)
    .execution_options(populate_existing=True)
)


class NotPermitted(Forbidden):
    """Nobody acts on their own account through the admin pages, nor on an account with a higher role (ASVS 8.2.1)."""


class NoEmailAddress(Exception):  # noqa: N818 - an answer, not an error
    """The move sends a mail, and the person has no e-mail address."""


def open_account(person: Person) -> Account:
    """The account of a new person, made together with the record."""
    begin_write()
    account = Account(person=person, organisation_id=person.organisation_id, state=AccountState.NOT_REGISTERED)
    db.session.add(account)
    return account


def locked(account_id: int) -> Account:
    """The account as it is now, held to the end of the transaction."""
    begin_write()
    return db.session.scalars(LOCKED_ACCOUNT, {"account": account_id}).one()


def shown_state(account: Account) -> AccountState:
    """The state as shown and as treated: an expired unlock is a lock."""
    return shown(account.state, account.unlock_expires_at)


def shown(state: AccountState, unlock_expires_at: datetime | None) -> AccountState:
    """The same of an account of which no more than this is known."""
    now, until, longest = clock.now(), unlock_expires_at, timedelta(hours=current_app.config["UNLOCK_HOURS"])
    return account_state.shown_state(state, until if expiry.lasts(until, longest, now) else None, now)


def password_is_disabled(account: Account) -> bool:
    """Whether too many failures without a success have disabled the password (NIST SP 800-63B-4 3.2.2)."""
    return account.failures_since_success >= FAILURES_THAT_DISABLE


def circumstances(account: Account) -> Circumstances:
    """What, beside its state, decides the account's moves now."""
    return Circumstances(
        first_password_by_email=current_app.config["FIRST_PASSWORD_BY_EMAIL"],
        password_disabled=password_is_disabled(account),
    )


def apply(
    account: Account,
    action: AccountAction,
    event: str,
    by: SignedIn | None,
    *,
    known_browser: bool = False,
    **details: Any,
) -> int:
    """Make a move: the new state, and its audit entry, whose id this answers.

    Raises MoveRefused for a pair that the table does not hold.

    ``account`` must come from ``locked``.
    """
    given = circumstances(account)
    if known_browser:
        given = Circumstances(True, given.first_password_by_email, given.password_disabled)
    account.state = account_state.next_state(shown_state(account), action, given)
    return audit.record(event, person=account.person, by=by.account if by else None, **details)


def note(account: Account, message: str, detail: str = "") -> None:
    """Write down the last thing that the system did for this account, for support."""
    account.internal_message, account.internal_detail = message, detail
    account.internal_message_at = clock.now()


def register(account: Account, by: SignedIn | None) -> None:
    """Give a first temporary password, by e-mail; the username is made once and kept for ever."""
    issued = temporary_passwords.new()
    account = for_move(account, by)
    refuse_unless_allowed(account, AccountAction.REGISTER)
    need_email(account)
    entry = begin_registration(account, by, temporary_passwords.put(account, issued))
    _mail_temporary_password("registration", account, by, entry, issued)


def name_account(account: Account) -> str:
    """The username, made now if there is none yet; it is kept for ever."""
    if account.username is None:
        account.username = _new_username(account.person, account.person.organisation)
        record_index.refresh(account.person)
    return account.username


def begin_registration(account: Account, by: SignedIn | None, expires_at: datetime) -> int:
    """The move itself, with the username, for whoever gives the way in that is good until ``expires_at``."""
    details: dict[str, Any] = {"username": name_account(account), "expires_at": expires_at.isoformat()}
    return apply(account, AccountAction.REGISTER, "account:registration:registered", by, **details)


def re_enrol(account: Account, by: SignedIn | None) -> None:
    """Give a new temporary password, by e-mail: the old password stops working and all sessions end."""
    issued = temporary_passwords.new()
    account = for_move(account, by)
    refuse_unless_allowed(account, AccountAction.RE_ENROL)
    need_email(account)
    had_password = account.password_hash is not None
    expires_at = temporary_passwords.put(account, issued)
    account.re_enrolled = True
    end_credentials(account)
    details: dict[str, Any] = {"expires_at": expires_at.isoformat()}
    entry = apply(account, AccountAction.RE_ENROL, "account:registration:re-enrolled", by, **details)
    _mail_temporary_password("re-enrolment", account, by, entry, issued, had_password=had_password)


def unlock(account: Account, by: SignedIn | None) -> None:
    """Clear the failures: the owner signs in with the own password in time, or the account is locked again."""
    account = for_move(account, by)
    refuse_unless_allowed(account, AccountAction.UNLOCK)
    expires_at = clock.now() + timedelta(hours=current_app.config["UNLOCK_HOURS"])
    entry = apply(account, AccountAction.UNLOCK, "account:lock:unlocked", by, expires_at=expires_at.isoformat())
    account.failures = 0
    account.unlock_expires_at = expires_at
    rows = outbox.queue("unlocked", account=account, entry=entry, not_after=expires_at)
    note(account, "unlocked-queued" if rows else "unlocked-without-email")


def deactivate(account: Account, by: SignedIn | None, *, confirmed: bool = False) -> None:
    """The record becomes Inactive: sessions end and credentials are erased.

    Raises LastAdministrator where nobody usable would be left; ``confirmed``: ``by``, who may decide that, has.
    """
    account = for_move(account, by)
    refuse_unless_allowed(account, AccountAction.DEACTIVATE)
    administrators.refuse_to_leave_none(account, by, confirmed=confirmed)
    apply(account, AccountAction.DEACTIVATE, "account:life:deactivated", by)
    end_credentials(account)
    temporary_passwords.erase(account)
    account.re_enrolled = False
    account.person.version += 1
    note(account, "deactivated")


def reactivate(account: Account, by: SignedIn | None) -> None:
    """The record becomes Active again; the account starts from Not registered, with the username that it had."""
    account = for_move(account, by)
    apply(account, AccountAction.REACTIVATE, "account:life:reactivated", by)
    account.person.version += 1
    note(account, "reactivated")


def lock(account: Account, zone: str) -> None:
    """Too many failures: one notice a lock. No session ends. Called inside the sign-in's second transaction."""
    entry = apply(account, AccountAction.LOCK, "account:lock:locked", None, failures=account.failures)
    account.locked_at = clock.now()
    account.unlock_expires_at = None
    rows = outbox.queue("locked", account=account, entry=entry, zone=zone)
    note(account, "locked-queued" if rows else "locked-without-email")


def put_password(account: Account, hashed: str) -> None:
    """A new password: whatever was good before is not any more, and all failures are forgotten."""
    account.password_hash = hashed
    account.password_changed_at = clock.now()
    account.credential_version += 1
    account.temporary_password_hash = None
    account.temporary_password_failures = 0
    account.enrolled, account.re_enrolled = True, False
    forget_failures(account)


def leave_address(account: Account) -> None:
    """What led in while the address was another is dead: links, a temporary password, and who came in with it.

    NIST SP 800-63B-4 4.2.
    """
    account.credential_version += 1
    account.temporary_password_hash = None
    sessions.end_enrolment(account)
    enrolment_links.end_all(account)


def note_success(account: Account) -> None:
    """A sign-in that succeeded."""
    forget_failures(account)
    account.sign_ins += 1
    account.previous_sign_in_at, account.last_sign_in_at = account.last_sign_in_at, clock.now()


def forget_failures(account: Account) -> None:
    """After a success the counter is zero; the total is kept."""
    account.failures = account.failures_since_success = 0
    account.unlock_expires_at = account.locked_at = None


def for_reading(account: Account, by: SignedIn) -> None:
    """Raises NotPermitted where ``by`` could make no move of this account."""
    if by.account.id == account.id or not may_act_on(by.roles, _roles(account)):
        raise NotPermitted


def for_move(account: Account, by: SignedIn | None) -> Account:
    """The account as it is now, held for what ``by`` does to it. Raises NotPermitted."""
    account = locked(account.id)
    if by is not None:
        for_reading(account, by)
    return account


def _roles(account: Account) -> frozenset[Role]:
    return frozenset(grant.role for grant in account.roles if grant.ended_at is None)


def refuse_unless_allowed(account: Account, action: AccountAction) -> None:
    """Raises MoveRefused where the account, as it is now, does not allow it."""
    state = shown_state(account)
    if not account_state.allowed(state, action, circumstances(account)):
        raise MoveRefused(state, action)


def need_email(account: Account) -> None:
    """Raises NoEmailAddress where there is none to mail to."""
    if not account.person.primary_email:
        raise NoEmailAddress


def _mail_temporary_password(
    kind: str, account: Account, by: SignedIn | None, entry: int, issued: Issued, **more: Any
) -> None:
    """The mail that carries it, and the word to the other administrators when its reader is one."""
    note(account, f"{kind}-queued")
    expires_at = account.temporary_password_expires_at
    secret: dict[str, Any] = {"issue": issued.issue, "key": tokens.present_key()}
    outbox.queue(kind, account=account, entry=entry, not_after=expires_at, **secret, **more)
    administrator_notices.tell_the_others(account, kind, by, entry)


def end_credentials(account: Account) -> None:
    """What let in does so no longer, and who is in is out."""
    account.password_hash = None
    account.credential_version += 1
    account.enrolled = False
    forget_failures(account)
    sessions.end_all(account)
    enrolment_links.end_all(account)
    known_browsers.forget_all(account)


def _new_username(person: Person, organisation: Organisation) -> str:
    base = username_base(organisation.code, person.first_name, person.last_name)
    return f"{base}{sequences.next_value(f'{sequences.USERNAME}{base}')}"
