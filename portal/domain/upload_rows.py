"""Rows of a people file: which column is which field, and what a row says of a person, or what is wrong with it.

The texts are for whoever reads the preview; they are translated where they are shown.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from portal.domain import contact_details
from portal.domain.contact_details import (
    CONTACT_TYPES,
    GENDERS,
    LENGTHS,
    PREFIXES,
    STAFF_GROUPS,
    STATUSES,
    SUFFIXES,
    ContactDetails,
)
from portal.domain.people_files import DETAILS, READ_ONLY
from portal.domain.search_terms import fold


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


PEOPLE, EMAILS = "people", "emails"
FORMS = (PEOPLE, EMAILS)
"""All of a record, or nothing but e-mail addresses."""
FIELDS = ("ess_id", *DETAILS)
FIELDS_OF = {PEOPLE: FIELDS, EMAILS: ("ess_id", "employee_number", "primary_email", "email_is_temporary")}
IGNORED = ("", *READ_ONLY, "confirm_primary_email", "allow_duplicate", "version")
"""Columns that stand in a file and change nothing."""
MOST_COLUMNS = 100

FAULTS: dict[str, str] = {
    "needed": _("%(field)s: this must be there"),
    "not-printable": _("%(field)s: leave out line breaks and other characters that cannot be printed"),
    "too-long": _("%(field)s: use %(most)s characters or fewer"),
    "choice": _("%(field)s: “%(value)s” is none of the choices"),
    "yes-or-no": _("%(field)s: say yes or no, not “%(value)s”"),
    "phone": _("%(field)s: “%(value)s” is no phone number with its area code"),
    "email": _("%(field)s: “%(value)s” is no e-mail address"),
    "both": _("Either an e-mail address or the word that there is none, not both"),
    "number": _("%(field)s: “%(value)s” is no whole number"),
    "nobody": _("%(field)s: nobody here has %(value)s"),
    "several": _("%(field)s: several people here have %(value)s, so it does not say who is meant"),
    "same-person": _("Row %(row)s is about the same person"),
    "same-address": _("Row %(row)s adds somebody with the same e-mail address"),
    "own-record": _("Your own e-mail address and status are not changed here"),
    "no-role": _("Whoever confirmed the upload does not keep these records any more"),
    "above": _("This account holds a higher role than yours"),
    "last-administrator": _("Nobody would be left who administers the organisation"),
    "who": _("Neither an ESS ID nor an employee number says who is meant"),
    "columns": _("The row has %(value)s cells, and the first row has %(most)s"),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row: a code of FAULTS, the field, and what its text names."""

    code: str
    field: str = ""
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def as_said(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {"code": self.code, "field": self.field, **self.facts}


def match(head: Sequence[str]) -> list[str]:
    """The field of each column, by its name in any case, with spaces or underscores; empty for what is no field."""
    names = [re.sub(r"[\s_-]+", "_", fold(cell.strip().lstrip("'"))).strip("_") for cell in head]
    return [name if name in FIELDS else "" for name in names]


def unknown(head: Sequence[str]) -> list[str]:
    """The headings that say nothing to us, exports' own columns aside."""
    names = [re.sub(r"[\s_-]+", "_", fold(cell.strip())).strip("_") for cell in head]
    return [cell for cell, name in zip(head, names, strict=True) if name not in FIELDS and name not in IGNORED]


def form_of(columns: Iterable[str]) -> str:
    """What a file with these columns holds."""
    there = set(columns)
    named = {"first_name", "last_name"} & there
    return EMAILS if not named and "primary_email" in there and {"ess_id", "employee_number"} & there else PEOPLE


def missing(columns: Iterable[str], form: str) -> list[str]:
    """The fields without which the file cannot be read."""
    there = set(columns)
    if form == EMAILS:
        lacking = [] if {"ess_id", "employee_number"} & there else ["ess_id"]
        return [*lacking, *([] if "primary_email" in there else ["primary_email"])]
    return [name for name in ("first_name", "last_name") if name not in there]


def repeated(columns: Iterable[str]) -> list[str]:
    """The fields that more than one column claims to be."""
    there = [name for name in columns if name]
    return sorted({name for name in there if there.count(name) > 1})


def by_field(columns: Sequence[str], cells: Sequence[str], form: str) -> dict[str, str]:
    """What a row's cells say, by field; columns that the form has no use for are left out."""
    used = FIELDS_OF[form]
    return {name: contact_details.tidy(cell) for name, cell in zip(columns, cells, strict=False) if name in used}


def read(given: Mapping[str, str], present: ContactDetails | None, region: str) -> tuple[ContactDetails, list[Fault]]:
    """What the record would say, and what is wrong with it. A field that the file lacks stays as it is."""
    faults: list[Fault] = []
    base = present or ContactDetails(first_name="", last_name="")
    said: dict[str, Any] = {}
    for name in DETAILS:
        if name in given:
            said[name] = _value(name, given[name], base, region, faults)
    if said.get("has_no_email") and "primary_email" not in given:
        said["primary_email"] = ""
    if said.get("primary_email") and "has_no_email" not in given:
        said["has_no_email"] = False
    details = replace(base, **said)
    if details.primary_email and details.has_no_email:
        faults.append(Fault("both", "primary_email"))
    if details.email_is_temporary and not details.primary_email:
        details = replace(details, email_is_temporary=False)
    faults += [Fault("needed", name) for name in ("first_name", "last_name") if not _visible(details, name)]
    return details, faults


def _visible(details: ContactDetails, name: str) -> bool:
    return contact_details.is_visible(getattr(details, name))


CHOICES: dict[str, tuple[str, ...]] = {
    "prefix": PREFIXES,
    "suffix": SUFFIXES,
    "gender": GENDERS,
    "staff_group": STAFF_GROUPS,
    "status": STATUSES,
}
TICKS = ("has_no_email", "email_is_temporary", "smartcard_linked")
YES = frozenset({"yes", "y", "true", "on", "1", "1.0", "x"})
NO = frozenset({"", "no", "n", "false", "off", "0", "0.0"})


def _value(name: str, text: str, base: ContactDetails, region: str, faults: list[Fault]) -> Any:
    """A cell as its field's value; what is wrong with it is added to ``faults``."""
    before = getattr(base, name)
    if name in CHOICES:
        return _choice(name, text, before, faults)
    if name in TICKS:
        return _tick(name, text, faults)
    if name == "types":
        return _types(text, faults)
    if not contact_details.is_printable(text):
        faults.append(Fault("not-printable", name))
    elif len(text) > LENGTHS[name]:
        faults.append(Fault("too-long", name, {"most": LENGTHS[name]}))
    elif name.endswith("_phone"):
        return _phone(name, text, before, region, faults)
    elif name.endswith("_email"):
        return _email(name, text, before, faults)
    return text


def _choice(name: str, text: str, before: str, faults: list[Fault]) -> str:
    if not text:
        return before if name in ("staff_group", "status") else ""
    chosen = contact_details.choice(text, CHOICES[name])
    if chosen not in CHOICES[name]:
        faults.append(Fault("choice", name, {"value": text[:60]}))
    return chosen


def _tick(name: str, text: str, faults: list[Fault]) -> bool:
    word = fold(text)
    if word not in YES | NO:
        faults.append(Fault("yes-or-no", name, {"value": text[:60]}))
    return word in YES


def _types(text: str, faults: list[Fault]) -> frozenset[str]:
    found = set()
    for word in re.split(r"[;,]", text):
        if not word.strip():
            continue
        plain = re.sub(r"[\s_-]*contact$", "", word.strip(), flags=re.IGNORECASE)
        chosen = contact_details.choice(plain, CONTACT_TYPES)
        if chosen not in CONTACT_TYPES:
            faults.append(Fault("choice", "types", {"value": word.strip()[:60]}))
        found.add(chosen)
    return frozenset(found)


def _phone(name: str, text: str, before: str, region: str, faults: list[Fault]) -> str:
    number = contact_details.tidy_phone(text)
    if number and number != before and not contact_details.is_phone(number, region):
        faults.append(Fault("phone", name, {"value": text[:60]}))
    return number


def _email(name: str, text: str, before: str, faults: list[Fault]) -> str:
    if not text or text == before:
        return text
    address = contact_details.email_address(text)
    if address is None:
        faults.append(Fault("email", name, {"value": text[:60]}))
    return address or text
