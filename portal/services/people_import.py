"""What the rows of a people file would do to an organisation's records, and doing it.

A row is judged by what the records say at that moment, once for the preview and once more when it is applied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain import contact_details, upload_rows
from portal.domain.contact_details import ContactDetails
from portal.domain.email_addresses import fold_email
from portal.domain.upload_rows import EMAILS, Fault
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.services import administrators, contacts
from portal.services.administrators import LastAdministrator
from portal.services.sessions import SignedIn

NEW, CHANGED, UNCHANGED, REFUSED = "new", "changed", "unchanged", "refused"
VERDICTS = (NEW, CHANGED, UNCHANGED, REFUSED)
Given = dict[str, str]


@dataclass(frozen=True)
class Verdict:
    """What would become of a row: whom it is about, what the record would say, what changes, what is wrong."""

    verdict: str
    name: str
    person: Person | None = None
    details: ContactDetails | None = None
    changes: dict[str, list[object]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def said(self) -> dict[str, Any]:
        """What the preview says of it."""
        if self.faults:
            return {"faults": [fault.as_said() for fault in self.faults]}
        return {"changes": self.changes} if self.changes else {}

    @property
    def address(self) -> str:
        """The e-mail address of somebody new, as it is looked up."""
        return fold_email(self.details.primary_email) if self.verdict == NEW and self.details else ""


@dataclass
class Known:
    """The people of an organisation whom some rows may mean, by what the rows name."""

    by_ess_id: dict[int, Person]
    by_address: dict[str, list[Person]]
    by_number: dict[str, list[Person]]


def known(organisation: Organisation, rows: Iterable[Given]) -> Known:
    """Whom the rows may mean, in a few queries whatever their number."""
    given = list(rows)
    numbers = {int(row["ess_id"]) for row in given if _is_number(row.get("ess_id", ""))}
    addresses = {fold_email(row["primary_email"]) for row in given if row.get("primary_email")}
    employee = {row["employee_number"] for row in given if row.get("employee_number")}
    found = Known({}, {}, {})
    for person in _people(organisation, Person.ess_id, numbers):
        found.by_ess_id[person.ess_id] = person
    for person in _people(organisation, Person.primary_email_folded, addresses):
        found.by_address.setdefault(person.primary_email_folded, []).append(person)
    for person in _people(organisation, Person.employee_number, employee):
        found.by_number.setdefault(person.employee_number, []).append(person)
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _people(organisation: Organisation, column: Any, values: set[Any]) -> list[Person]:
    if not values:
        return []
    rows = (
        select(Person)
        .where(Person.organisation_id == organisation.id, column.in_(values))
        .options(joinedload(Person.account).selectinload(Account.roles), selectinload(Person.contact_types))
    )
    return list(db.session.scalars(rows.execution_options(populate_existing=True)).unique())


def judge(organisation: Organisation, given: Given, found: Known, form: str, by: SignedIn | None) -> Verdict:
    """What a row would do now; ``by`` None is the command line."""
    name = " ".join(given.get(part, "") for part in ("first_name", "last_name")).strip()[:200]
    person, fault = _meant_by_email(given, found) if form == EMAILS else _meant(given, found)
    if fault is not None:
        return Verdict(REFUSED, name, faults=[fault])
    name = name or (person.full_name if person else "")
    present = contacts.details_of(person) if person else None
    region = contact_details.region_of(organisation.country, current_app.config["COUNTRY"])
    fields = {key: value for key, value in given.items() if key != "ess_id"}
    if form == EMAILS:
        fields.pop("employee_number", None)
        if not given.get("primary_email"):
            return Verdict(REFUSED, name, person, faults=[Fault("needed", "primary_email")])
    details, faults = upload_rows.read(fields, present, region)
    if faults or person is None or present is None:
        return Verdict(REFUSED if faults else NEW, name, person, details, faults=faults)
    details = contacts.without_what_is_not_theirs(details, present, by)
    changes = details.changes_from(present)
    faults = _not_allowed(person, changes, by)
    if faults:
        return Verdict(REFUSED, name, person, details, faults=faults)
    return Verdict(CHANGED if changes else UNCHANGED, name, person, details, changes)


def _meant(given: Given, found: Known) -> tuple[Person | None, Fault | None]:
    """The person whom a row is about, by ESS ID or else by address; None for somebody new."""
    if given.get("ess_id"):
        return _by_ess_id(given["ess_id"], found)
    address = given.get("primary_email", "")
    theirs = found.by_address.get(fold_email(address), []) if address else []
    if len(theirs) > 1:
        return None, Fault("several", "primary_email", {"value": address[:60]})
    return (theirs[0] if theirs else None), None


def _meant_by_email(given: Given, found: Known) -> tuple[Person | None, Fault | None]:
    if given.get("ess_id"):
        return _by_ess_id(given["ess_id"], found)
    number = given.get("employee_number", "")
    if not number:
        return None, Fault("who")
    theirs = found.by_number.get(number, [])
    if len(theirs) != 1:
        return None, Fault("several" if theirs else "nobody", "employee_number", {"value": number[:60]})
    return theirs[0], None


def _by_ess_id(text: str, found: Known) -> tuple[Person | None, Fault | None]:
    if not _is_number(text):
        return None, Fault("number", "ess_id", {"value": text[:60]})
    person = found.by_ess_id.get(int(text))
    return (person, None) if person else (None, Fault("nobody", "ess_id", {"value": text}))


def _not_allowed(person: Person, changes: dict[str, list[object]], by: SignedIn | None) -> list[Fault]:
    """What whoever uploads may not do to this person."""
    if by is not None and contacts.is_above(by, person):
        return [Fault("above")]
    if contacts.is_own(by, person) and {"primary_email", "status"} & set(changes):
        return [Fault("own-record")]
    if changes.get("status", [""])[-1] == "inactive":
        try:
            administrators.look_for_another(person.account)
        except LastAdministrator:
            return [Fault("last-administrator", "status")]
    return []


def too_wide(cells: int, most: int) -> Verdict:
    """Of a row with more cells than the head."""
    return Verdict(REFUSED, "", faults=[Fault("columns", facts={"value": cells, "most": most})])


def unless_said(verdict: Verdict, first: int, number: int) -> Verdict:
    """The verdict of the row ``number``, or its refusal, when ``first`` is an earlier row that says the same."""
    if first == number:
        return verdict
    code = "same-person" if verdict.person else "same-address"
    return Verdict(REFUSED, verdict.name, verdict.person, faults=[Fault(code, facts={"row": first})])


def apply(organisation: Organisation, verdicts: Sequence[Verdict], by: SignedIn | None) -> list[Verdict]:
    """Do what verdicts say, within the transaction that is open; answers them, or the refusals that came of them."""
    new = [each.details for each in verdicts if each.verdict == NEW and each.details]
    made = iter(contacts.create_many(organisation, new, by) if new else [])
    return [
        replace(each, person=next(made))
        if each.verdict == NEW
        else _save(each, by)
        if each.verdict == CHANGED
        else each
        for each in verdicts
    ]


def _save(verdict: Verdict, by: SignedIn | None) -> Verdict:
    person, details = verdict.person, verdict.details
    if person is None or details is None:
        return verdict
    try:
        contacts.save(person, details, by, version=person.version, allow_duplicate=True)
    except LastAdministrator:
        return Verdict(REFUSED, verdict.name, person, details, faults=[Fault("last-administrator", "status")])
    return verdict
