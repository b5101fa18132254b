"""A record in words: its fields' labels, its choices, its values, and what differs between two versions of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.domain.contact_details import ContactDetails

GENDERS: dict[str, LazyString] = {
    "female": _("Female"),
    "male": _("Male"),
    "non_binary": _("Non-binary"),
    "prefer_not_to_say": _("Prefer not to say"),
}
STAFF_GROUPS: dict[str, LazyString] = {"permanent": _("Permanent"), "bank": _("Bank")}
STATUSES: dict[str, LazyString] = {"active": _("Active"), "inactive": _("Inactive")}
CONTACT_TYPES: dict[str, LazyString] = {
    "admin": _("Admin Contact"),
    "benefit": _("Benefit Contact"),
    "account_receivable": _("Account Receivable Contact"),
    "payroll": _("Payroll Contact"),
    "senior_admin": _("Senior Admin Contact"),
    "tpa": _("TPA Contact"),
}

IDENTITY_CHECKS: dict[str, LazyString] = {
    "known": _("known to me"),
    "photo_id": _("photo ID seen"),
    "video": _("video call"),
    "other": _("other"),
}
"""How somebody's identity was checked, within a sentence."""

EVENT_KINDS: dict[str, LazyString] = {
    "sign-in": _("Signing in and out"),
    "lock": _("Locked and unlocked"),
    "registration": _("Registration"),
    "password": _("Passwords and recovery"),
    "record": _("Record and status"),
    "role": _("Roles"),
    "many": _("Many people at once"),
}
"""What a trail of events is narrowed down to."""

BULK_WORKS: dict[str, LazyString] = {
    "register": _("Register"),
    "re-enrol": _("Re-Enrol"),
    "make-active": _("Make active"),
    "make-inactive": _("Make inactive"),
}
"""What can be done to many people at once."""

FIELDS: dict[str, LazyString] = {
    "first_name": _("First Name"),
    "middle_name": _("Middle Name"),
    "last_name": _("Last Name"),
    "prefix": _("Name Prefix"),
    "suffix": _("Name Suffix"),
    "gender": _("Gender"),
    "primary_phone": _("Primary Phone Number"),
    "secondary_phone": _("Secondary Phone Number"),
    "mobile_phone": _("Mobile Phone Number"),
    "primary_email": _("Primary Email Address"),
    "confirm_primary_email": _("Confirm Primary Email Address"),
    "has_no_email": _("Has no e-mail address"),
    "email_is_temporary": _("The primary address is temporary"),
    "secondary_email": _("Secondary Email Address"),
    "job_title": _("Job Title"),
    "staff_group": _("Staff group"),
    "employee_number": _("Employee number"),
    "smartcard_linked": _("A smartcard is or was linked"),
    "status": _("Status"),
    "types": _("Contact Types"),
}


@dataclass(frozen=True)
class Difference:
    """A field of which the record says something else than what was typed."""

    label: str
    present: str
    typed: str


def types_text(types: Iterable[str]) -> str:
    """Contact types in words, in the order of the alphabet."""
    return ", ".join(sorted(str(CONTACT_TYPES.get(name, name)) for name in types))


def value_text(name: str, value: object) -> str:
    """A field's value in words, as a reader or a conflict shows it."""
    if name == "types":
        return types_text(value)  # type: ignore[arg-type]
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    known = {"gender": GENDERS, "staff_group": STAFF_GROUPS, "status": STATUSES}.get(name, {})
    return str(known.get(str(value), value))


def differences(present: ContactDetails, typed: ContactDetails) -> list[Difference]:
    """What the record says now and the form says otherwise, in the form's order."""
    changes = typed.changes_from(present)
    return [
        Difference(str(label), value_text(name, changes[name][0]), value_text(name, changes[name][1]))
        for name, label in FIELDS.items()
        if name in changes
    ]


def changes_text(changes: Mapping[str, Sequence[Any]]) -> str:
    """Each field that changed, by its label in the form: what it was, and what it is."""
    return "; ".join(_change(name, *pair) for name, pair in changes.items())


def _change(name: str, before: Any, after: Any) -> str:
    label = str(FIELDS.get(name, name))
    if isinstance(after, bool):
        return gettext("%(field)s: %(value)s", field=label, value=value_text(name, after))
    was, now = (value_text(name, value) if value else "" for value in (before, after))
    if not was:
        return gettext("%(field)s set to %(after)s", field=label, after=now)
    if not now:
        return gettext("%(field)s, which was %(before)s, removed", field=label, before=was)
    return gettext("%(field)s from %(before)s to %(after)s", field=label, before=was, after=now)
