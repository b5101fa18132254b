"""Contacts: an organisation's people, and the verbs that keep their records.

Verbs take ``by``, who does it, and raise NotPermitted where ``by`` may not, and what else their docstrings say.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.contact_details import ContactDetails
from portal.domain.email_addresses import fold_email
from portal.domain.roles import Permission, Role, may_act_on
from portal.errors import NotFound
from portal.extensions import db
from portal.models import Account, Organisation, Person, PersonContactType
from portal.models.person import LARGEST_ESS_ID
from portal.services import accounts, address_notices, administrators, audit, organisations, record_index, sequences
from portal.services.accounts import NotPermitted
from portal.services.sessions import SignedIn
from portal.transactions import begin_write

MOST_DUPLICATES = 5

COLUMNS = (
    "prefix", "first_name", "middle_name", "last_name", "suffix", "gender", "primary_phone", "secondary_phone",
    "mobile_phone", "primary_email", "has_no_email", "email_is_temporary", "secondary_email", "job_title",
    "staff_group", "employee_number", "smartcard_linked",
)  # fmt: skip
"""What the details and the table name alike."""


class Conflict(Exception):  # noqa: N818 - an answer, not an error
    """Somebody else has saved the record since it was opened; it now says ``details``."""

    def __init__(self, details: ContactDetails, version: int) -> None:
        super().__init__(f"the record is at version {version}")
        self.details = details
        self.version = version


class DuplicateAddress(Exception):  # noqa: N818
    """Other people of the organisation have the e-mail address, and nobody said that this is meant."""

    def __init__(self, people: Sequence[Person]) -> None:
        super().__init__("the e-mail address stands in another record")
        self.people = people


def get_for(actor: SignedIn, code: str, ess_id: int, permission: Permission) -> Person:
    """The person of the organisation ``code``, when ``actor`` reaches it with ``permission``. Raises NotFound."""
    organisation = organisations.get_for(actor, code, permission)
    found = None
    if ess_id <= LARGEST_ESS_ID:
        found = db.session.scalars(
            select(Person)
            .where(Person.organisation_id == organisation.id, Person.ess_id == ess_id)
            .options(
                joinedload(Person.account).selectinload(Account.roles),
                joinedload(Person.organisation),
                selectinload(Person.contact_types),
            )
        ).one_or_none()
    if found is None:
        raise NotFound
    return found


def get_to_change(actor: SignedIn, code: str, ess_id: int) -> Person:
    """The person, when ``actor`` may change the record. Raises NotFound out of reach, NotPermitted above it."""
    person = get_for(actor, code, ess_id, Permission.KEEP_CONTACTS)
    if is_above(actor, person):
        raise NotPermitted
    return person


def get_to_act_on(actor: SignedIn, code: str, ess_id: int) -> Person:
    """The person, when ``actor`` may act on the account. Raises NotFound, NotPermitted above it and for one's own."""
    person = get_to_change(actor, code, ess_id)
    if is_own(actor, person):
        raise NotPermitted
    return person


def keeps(actor: SignedIn, organisation: Organisation) -> bool:
    """Whether ``actor`` may change the records of ``organisation``, or only see them."""
    return organisations.may(actor, organisation, Permission.KEEP_CONTACTS)


def sees(actor: SignedIn, organisation: Organisation) -> bool:
    """Whether ``actor`` may see the records of ``organisation``, or only find people in it."""
    return organisations.may(actor, organisation, Permission.SEE_CONTACTS)


def adds(actor: SignedIn, organisation: Organisation) -> bool:
    """Whether ``actor`` may add people to ``organisation`` and register them."""
    return organisations.may(actor, organisation, Permission.ADD_CONTACTS)


def is_above(actor: SignedIn, person: Person) -> bool:
    """Whether the person holds a higher role than ``actor``, who then keeps neither record nor account (ASVS 8.2.1)."""
    return not may_act_on(actor.roles, roles_of(person))


def may_change(actor: SignedIn, person: Person) -> bool:
    """Whether ``actor`` may change this record."""
    return not is_above(actor, person) and keeps(actor, person.organisation)


def is_own(actor: SignedIn | None, person: Person) -> bool:
    """Whether this is the record of ``actor``."""
    return actor is not None and actor.account.person_id == person.id


def roles_of(person: Person) -> frozenset[Role]:
    """The roles that the person's account holds now."""
    return frozenset(grant.role for grant in person.account.roles if grant.ended_at is None)


def details_of(person: Person) -> ContactDetails:
    """What the record says now."""
    return ContactDetails(
        **{column: getattr(person, column) for column in COLUMNS}, status=status_of(person), types=person.type_names
    )


def status_of(person: Person) -> str:
    """Active or Inactive: one fact with the account's state."""
    return "inactive" if person.account.state is AccountState.INACTIVE else "active"


def is_alone_with(person: Person) -> bool:
    """Whether nobody else has this person's address, so that it is enough to sign in with."""
    theirs = Person.primary_email_folded == person.primary_email_folded
    others = select(Person.id).join(Person.account).where(theirs, Account.state != AccountState.INACTIVE)
    return db.session.scalar(others.where(Person.id != person.id).limit(1)) is None


def people_with_address(organisation: Organisation, address: str, but: Person | None = None) -> Sequence[Person]:
    """Other people of the organisation with this primary e-mail address, the first few."""
    query = select(Person).where(
        Person.primary_email_folded == fold_email(address), Person.organisation_id == organisation.id
    )
    if but is not None:
        query = query.where(Person.id != but.id)
    return db.session.scalars(query.order_by(Person.sort_name, Person.id).limit(MOST_DUPLICATES)).all()


def create(
    organisation: Organisation, details: ContactDetails, by: SignedIn | None, *, allow_duplicate: bool = False
) -> Person:
    """A new person with an account that is not registered; created as Inactive, it is deactivated at once.

    Raises DuplicateAddress unless that is allowed.
    """
    begin_write()
    if not allow_duplicate:
        _refuse_duplicate(organisation, details, None)
    (person,) = create_many(organisation, [details], by)
    return person


def create_many(organisation: Organisation, every: Sequence[ContactDetails], by: SignedIn | None) -> list[Person]:
    """New people, in as many statements as one takes; whether others have their addresses is not looked at."""
    begin_write()
    now, first = clock.now(), sequences.next_value(sequences.ESS_ID, len(every))
    made = []
    for ess_id, details in enumerate(every, start=first):
        person = Person(ess_id=ess_id, organisation_id=organisation.id, version=1, created_at=now, updated_at=now)
        _write(person, details)
        accounts.open_account(person)
        made.append(person)
    db.session.add_all(made)
    db.session.flush()
    audit.record_many("person:record:created", made, by.account if by else None)
    for person, details in zip(made, every, strict=True):
        if details.status == "inactive":
            accounts.deactivate(person.account, by)
    return made


def save(
    person: Person,
    details: ContactDetails,
    by: SignedIn | None,
    *,
    version: int | None,
    allow_duplicate: bool = False,
    confirmed: bool = False,
) -> dict[str, list[object]]:
    """Keep what the form says, details and contact types together; answers what changed, nothing when nothing did.

    ``by`` None is the command line. A changed status is the move deactivate or reactivate.

    Raises Conflict when the record is no longer at ``version``,
    DuplicateAddress for a changed address that another record has unless that is allowed, MoveRefused, and
    LastAdministrator unless ``confirmed``.
    """
    person = held(person)
    if by is not None and not may_change(by, person):
        raise NotPermitted
    check_version(person, version)
    present = details_of(person)
    details = without_what_is_not_theirs(details, present, by)
    changes = details.changes_from(present)
    if is_own(by, person) and {"primary_email", "status"} & set(changes):
        raise NotPermitted
    if not changes:
        return {}
    if changes.get("status", [""])[-1] == "inactive":
        administrators.refuse_to_leave_none(person.account, by, confirmed=confirmed)
    if "primary_email" in changes:
        if not allow_duplicate:
            _refuse_duplicate(person.organisation, details, person)
        person.email_bounced_at = None
        accounts.leave_address(person.account)
    rewrite(person, details)
    _tell_of(person, changes, by)
    if "status" in changes:
        _change_status(person, details.status, by, confirmed)
    return changes


def _tell_of(person: Person, changes: dict[str, list[object]], by: SignedIn | None) -> None:
    """The trail of what the record says otherwise; and, of another address, the one before."""
    recorded = {name: pair for name, pair in changes.items() if name != "status"}
    if recorded:
        entry = audit.record("person:record:changed", person=person, by=by.account if by else None, changes=recorded)
        before = str(changes.get("primary_email", [""])[0])
        if before:
            address_notices.tell(person.account, before, by, entry)


def _change_status(person: Person, status: str, by: SignedIn | None, confirmed: bool) -> None:
    if status == "inactive":
        accounts.deactivate(person.account, by, confirmed=confirmed)
    else:
        accounts.reactivate(person.account, by)


def check_version(person: Person, version: int | None) -> None:
    """Raises Conflict when the record is not at ``version``."""
    if version != person.version:
        raise Conflict(details_of(person), person.version)


def held(person: Person) -> Person:
    """The person as it is now, held to the end of the transaction: first the account, as the moves do it."""
    begin_write()
    accounts.locked(person.account.id)
    return db.session.scalars(
        select(Person)
        .where(Person.id == person.id)
        .with_for_update(of=Person, key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def without_what_is_not_theirs(details: ContactDetails, present: ContactDetails, by: SignedIn | None) -> ContactDetails:
    """A linked smartcard stays linked, unless a central administrator says otherwise."""
    if present.smartcard_linked and by is not None and Role.CENTRAL_ADMINISTRATOR not in by.roles:
        return replace(details, smartcard_linked=True)
    return details


def _refuse_duplicate(organisation: Organisation, details: ContactDetails, but: Person | None) -> None:
    """The organisation is held from here on, so that a form that is sent twice at once finds what it made."""
    if not details.primary_email:
        return
    held = select(Organisation.id).where(Organisation.id == organisation.id)
    db.session.execute(held.with_for_update(key_share=True))
    others = people_with_address(organisation, details.primary_email, but)
    if others:
        raise DuplicateAddress(others)


def rewrite(person: Person, details: ContactDetails) -> None:
    """The record says ``details`` from now on, and is a version further. ``person`` must come from ``held``."""
    _write(person, details)
    person.version += 1
    person.updated_at = clock.now()


def _write(person: Person, details: ContactDetails) -> None:
    """The record's columns, its contact types, and what follows from both."""
    for column in COLUMNS:
        setattr(person, column, getattr(details, column))
    held = {kept.contact_type: kept for kept in person.contact_types}
    person.contact_types = [
        held.get(name) or PersonContactType(contact_type=name, organisation_id=person.organisation_id)
        for name in sorted(details.types)
    ]
    record_index.refresh(person)
