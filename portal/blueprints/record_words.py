"""A record in words: its fields' labels, its choices, its values, and what differs between two versions of it."""

from collections.abc import Iterable
from dataclasses import dataclass

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
}
"""What a trail of events is narrowed down to."""

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
