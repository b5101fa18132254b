"""Who can sign in to the demonstration, and how a person's rows are put together, one at a time or thousands."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, insert, select

from portal.domain import record_terms
from portal.domain.account_state import AccountState
from portal.domain.email_addresses import fold_email
from portal.domain.passwords import ALPHABET
from portal.domain.usernames import username_base
from portal.extensions import Model, db
from portal.models import Account, Counter, Organisation, Person, PersonContactType
from portal.services import sequences

GROUPS, GROUP = 4, 4


@dataclass(frozen=True)
class SignIn:
    """An account of the demonstration that can sign in: its role (``employee`` for none), and how.

    ``credential_version`` is that of the password: it ``works`` while the account is active and has no other one.
    """

    role: str
    name: str
    organisation: str
    username: str
    password: str
    credential_version: int = 1
    works: bool = True


@dataclass
class Member:
    """One person of the demonstration, before there are rows; ``account`` and ``record`` are further columns."""

    first_name: str
    last_name: str
    email: str = ""
    job_title: str = ""
    types: tuple[str, ...] = ()
    state: AccountState = AccountState.NOT_REGISTERED
    ess_id: int = 0
    account: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    username: str | None = None
    person_id: int = 0
    account_id: int = 0


def new_password() -> str:
    """Eighty random bits in four groups: nobody has to remember it, and somebody may have to type it."""
    signs = ALPHABET.lower()
    return "-".join("".join(secrets.choice(signs) for _ in range(GROUP)) for _ in range(GROUPS))


class Usernames:
    """Usernames as the portal makes them, counted here and written to its counters once, at the end."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def next(self, organisation: Organisation, member: Member) -> str:
        """The next free username for this name."""
        base = username_base(organisation.code, member.first_name, member.last_name)
        self.last[base] = self.last.get(base, 0) + 1
        return f"{base}{self.last[base]}"

    def keep(self) -> None:
        """The portal's counters go on from here."""
        rows = [{"name": f"{sequences.USERNAME}{base}", "value": value} for base, value in self.last.items()]
        _insert(Counter, rows)


def add(organisation: Organisation, members: list[Member], usernames: Usernames, now: datetime) -> None:
    """Write the rows of ``members`` in bulk; those without an ESS ID get the next ones of the sequence."""
    without = [member for member in members if not member.ess_id]
    first = sequences.next_value(sequences.ESS_ID, len(without)) if without else 0
    for number, member in enumerate(without):
        member.ess_id = first + number
    for member in members:
        was_registered = member.state is not AccountState.NOT_REGISTERED
        member.username = usernames.next(organisation, member) if was_registered else None
    # Plain inserts, and the ids read back at once: answering ids row by row would take four times as long.
    _insert(Person, [_person_row(organisation, member, now) for member in members])
    here = select(Person.ess_id, Person.id).where(Person.organisation_id == organisation.id)
    people = {row.ess_id: row.id for row in db.session.execute(here)}
    for member in members:
        member.person_id = people[member.ess_id]
    _insert(Account, [_account_row(organisation, member) for member in members])
    # By their numbers: a database that was just filled knows nothing of its sizes, and may join row by row.
    ids = [member.person_id for member in members]
    theirs = select(Account.person_id, Account.id).where(Account.person_id.between(min(ids), max(ids)))
    accounts = {row.person_id: row.id for row in db.session.execute(theirs)}
    for member in members:
        member.account_id = accounts[member.person_id]
    held = [
        {"person_id": member.person_id, "contact_type": held, "organisation_id": organisation.id}
        for member in members
        for held in member.types
    ]
    if held:
        _insert(PersonContactType, held)


def _insert(model: type[Model], rows: list[dict[str, Any]]) -> None:
    """One statement for all rows, without what the mapper would do for each."""
    db.session.execute(insert(cast(Table, model.__table__)), rows)


def _person_row(organisation: Organisation, member: Member, now: datetime) -> dict[str, Any]:
    names = (member.first_name, "", member.last_name)
    phones = [member.record.get(name, "") for name in ("primary_phone", "secondary_phone", "mobile_phone")]
    numbers = (member.username or "", str(member.ess_id), member.record.get("employee_number", ""))
    return {
        "ess_id": member.ess_id,
        "organisation_id": organisation.id,
        "first_name": member.first_name,
        "last_name": member.last_name,
        "sort_name": record_terms.sort_name(*names),
        "search_text": record_terms.search_text(names, [member.email], numbers, phones),
        "primary_email": member.email,
        "primary_email_folded": fold_email(member.email),
        "job_title": member.job_title,
        "is_contact": bool(member.types),
        "sorted_types": record_terms.sorted_types(member.types),
        "created_at": now,
        "updated_at": now,
        "has_no_email": False,
        "email_is_temporary": False,
        "email_bounced_at": None,
        "secondary_email": "",
        "primary_phone": "",
        "mobile_phone": "",
        "staff_group": "permanent",
        "employee_number": "",
        "smartcard_linked": False,
        "prefix": "",
        **member.record,
    }


ACCOUNT_DEFAULTS: dict[str, Any] = {
    "password_hash": None, "password_changed_at": None, "temporary_password_hash": None,
    "temporary_password_issue": None, "temporary_password_expires_at": None,
    "temporary_password_failures": 0, "enrolled": False, "re_enrolled": False, "unlock_expires_at": None,
    "locked_at": None, "failures": 0, "failures_since_success": 0, "failures_total": 0, "last_failure_at": None,
    "sign_ins": 0, "last_sign_in_at": None, "previous_sign_in_at": None, "internal_message": "",
    "internal_detail": "", "internal_message_at": None,
}  # fmt: skip


def _account_row(organisation: Organisation, member: Member) -> dict[str, Any]:
    return {
        **ACCOUNT_DEFAULTS,
        "person_id": member.person_id,
        "organisation_id": organisation.id,
        "state": member.state,
        "username": member.username,
        **member.account,
    }
