"""Organisations, people and accounts in given states, built through the real tables.

    trust = organisation(code="RX1", name="NORTH TRUST")
    bruno = person(trust, "Bruno Contact", types=["admin"], state=AccountState.LOCKED)
    grant(bruno, Role.LOCAL_ADMINISTRATOR, organisation=trust)

Each call is a transaction of its own. Everybody who may sign in has the password ``PASSWORD``; whoever waits for a
first sign-in has the temporary password ``TEMPORARY_PASSWORD``.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import func, select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.domain.search_terms import fold, initial_of
from portal.domain.usernames import code_prefix
from portal.extensions import db
from portal.models import (
    Account,
    Listing,
    ListingContact,
    Organisation,
    OrganisationDomain,
    OrganisationName,
    Person,
    PersonContactType,
    Region,
    RoleGrant,
)
from portal.services import record_index, sequences
from portal.transactions import write

PASSWORD = "copper lantern meadow"
TEMPORARY_PASSWORD = "4F7K-9QXD-2M8W"

_hashes: dict[tuple[str, str], str] = {}


def hash_of(password: str) -> str:
    """The password's hash with the application's own parameters; counted once for a run, because it is slow."""
    hasher = _hasher()
    key = (password, f"{hasher.memory_cost}/{hasher.time_cost}/{hasher.parallelism}")
    if key not in _hashes:
        _hashes[key] = hasher.hash(password)
    return _hashes[key]


def _hasher() -> PasswordHasher:
    from portal.services import passwords

    return passwords.HASHER


def region(name: str = "North West") -> Region:
    with write():
        made = Region(name=name, slug=fold(name).replace(" ", "-"))
        db.session.add(made)
    return made


def organisation(
    code: str = "42061",
    name: str = "COUNTY OFFICE OF EDUCATION",
    *,
    region: Region | None = None,
    domains: Iterable[str] = (),
    acronyms: Iterable[str] = (),
    former_names: Iterable[str] = (),
    **columns: Any,
) -> Organisation:
    """An active organisation; ``columns`` are the table's other columns."""
    with write():
        made = Organisation(
            code=code,
            code_folded=code.casefold(),
            code_bare=code_prefix(code),
            name=name,
            name_folded=fold(name),
            initial=initial_of(name),
            region_id=region.id if region else None,
            **columns,
        )
        made.domains = [OrganisationDomain(domain=domain) for domain in domains]
        made.other_names = [
            OrganisationName(kind=kind, name=other, name_folded=fold(other))
            for kind, others in (("acronym", acronyms), ("former", former_names))
            for other in others
        ]
        db.session.add(made)
    return made


def listing(organisation: Organisation, *desks: tuple[str, str, str], message: str = "", hours: str = "") -> Listing:
    """A public listing whose published contacts are ``desks``: name, phone, e-mail."""
    with write():
        made = Listing(organisation_id=organisation.id, message=message, hours=hours, checked_at=clock.now())
        made.contacts = [
            ListingContact(position=position, name=name, phone=phone, email=email)
            for position, (name, phone, email) in enumerate(desks, start=1)
        ]
        db.session.add(made)
    return made


def person(
    organisation: Organisation,
    name: str = "Nomi Contact",
    *,
    email: str | None = None,
    types: Iterable[str] = (),
    state: AccountState = AccountState.ACTIVE,
    account: dict[str, Any] | None = None,
    **columns: Any,
) -> Person:
    """A person with an account in ``state``. ``email=""`` is a person without an address.

    ``account`` and ``columns`` set further columns of the two tables.
    """
    first, _, last = name.rpartition(" ")
    address = f"{fold(name).replace(' ', '.')}@coe.example" if email is None else email
    held = sorted(types)
    now = clock.now()
    with write():
        made = Person(
            ess_id=sequences.next_value(sequences.ESS_ID),
            organisation_id=organisation.id,
            first_name=first,
            last_name=last,
            primary_email=address,
            created_at=now,
            updated_at=now,
            **columns,
        )
        here = {"organisation_id": organisation.id}
        made.contact_types = [PersonContactType(contact_type=held_type, **here) for held_type in held]
        made.account = Account(**{**_columns_of(state, name, organisation, now), **here, **(account or {})})
        _say_what_is_not_given(made)
        record_index.refresh(made)
        db.session.add(made)
    return made


def _say_what_is_not_given(made: Person) -> None:
    """Columns that the database would fill, for what is made of them before."""
    for name in (
        "middle_name",
        "secondary_email",
        "primary_phone",
        "secondary_phone",
        "mobile_phone",
        "employee_number",
    ):
        setattr(made, name, getattr(made, name) or "")


def _columns_of(state: AccountState, name: str, organisation: Organisation, now: datetime) -> dict[str, Any]:
    """What the account's columns say in each state, as the verbs leave them."""
    if state is AccountState.NOT_REGISTERED:
        return {"state": state}
    first, _, last = name.rpartition(" ")
    stem = f"{organisation.code}{first[:1]}{last}".lower().replace(" ", "")
    taken = db.session.scalar(select(func.count()).select_from(Account).where(Account.username.startswith(stem)))
    username = f"{stem}{(taken or 0) + 1}"
    if state is AccountState.INACTIVE:
        return {"state": state, "username": username}
    if state is AccountState.REGISTRATION_PENDING:
        return {
            "state": state,
            "username": username,
            "temporary_password_hash": hash_of(TEMPORARY_PASSWORD.replace("-", "")),
            "temporary_password_issue": f"issue-{username}",
            "temporary_password_expires_at": now + timedelta(hours=24),
        }
    columns = {
        "state": state,
        "username": username,
        "password_hash": hash_of(PASSWORD),
        "password_changed_at": now,
        "enrolled": True,
    }
    failed = {"failures_since_success": 3, "failures_total": 3, "last_failure_at": now}
    if state is AccountState.LOCKED:
        columns |= {"failures": 3, "locked_at": now, **failed}
    if state is AccountState.UNLOCK_PENDING:
        columns |= {"unlock_expires_at": now + timedelta(hours=24), **failed}
    return columns


def grant(
    person: Person, role: Role, *, organisation: Organisation | None = None, region: Region | None = None
) -> RoleGrant:
    """A role held from now on; without a scope it is for everything."""
    with write():
        made = RoleGrant(
            account_id=person.account.id,
            role=role,
            organisation_id=organisation.id if organisation else None,
            region_id=region.id if region else None,
            granted_at=clock.now(),
        )
        db.session.add(made)
    return made
