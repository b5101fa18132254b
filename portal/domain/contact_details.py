"""A contact's record: what may stand in it.

Choices are named by their field values; the words for people are the pages' business. Names may hold any printable
character, phones are judged by their country, e-mail addresses by their syntax, never by asking the network.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import email_validator
import phonenumbers
from babel import Locale

from portal.domain.email_addresses import fold_email
from portal.domain.search_terms import fold

PREFIXES = ("Mr", "Mrs", "Miss", "Ms", "Mx", "Dr", "Prof", "Rev")
SUFFIXES = ("Jr", "Sr", "II", "III", "IV")
GENDERS = ("female", "male", "non_binary", "prefer_not_to_say")
STAFF_GROUPS = ("permanent", "bank")
STATUSES = ("active", "inactive")
CONTACT_TYPES = ("admin", "benefit", "account_receivable", "payroll", "senior_admin", "tpa")

LENGTHS = {
    "first_name": 100,
    "middle_name": 100,
    "last_name": 100,
    "primary_phone": 40,
    "secondary_phone": 40,
    "mobile_phone": 40,
    "primary_email": 254,
    "secondary_email": 254,
    "job_title": 120,
    "employee_number": 40,
}
"""Characters that a field's column holds."""

REPLACEMENT = "\ufffd"
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_PRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})

# The portal's networks decide which names reach a mail server, also .local and .test ones.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


@dataclass(frozen=True)
class ContactDetails:
    """Everything that the contact form says, checked and normalised."""

    first_name: str
    last_name: str
    prefix: str = ""
    middle_name: str = ""
    suffix: str = ""
    gender: str = ""
    primary_phone: str = ""
    secondary_phone: str = ""
    mobile_phone: str = ""
    primary_email: str = ""
    has_no_email: bool = False
    email_is_temporary: bool = False
    secondary_email: str = ""
    job_title: str = ""
    staff_group: str = "permanent"
    employee_number: str = ""
    smartcard_linked: bool = False
    status: str = "active"
    types: frozenset[str] = field(default_factory=frozenset)

    def changes_from(self, earlier: "ContactDetails") -> dict[str, list[object]]:
        """What is different, by field name: what it was, and what it is here. The types come as sorted lists."""
        pairs = ((name.name, getattr(earlier, name.name), getattr(self, name.name)) for name in fields(self))
        return {name: [_plain(before), _plain(after)] for name, before, after in pairs if before != after}


@dataclass(frozen=True)
class OwnDetails:
    """What people may change in their own record, checked and normalised; the rest is their administrators'."""

    primary_phone: str
    secondary_phone: str
    mobile_phone: str
    secondary_email: str


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def tidy(text: str) -> str:
    """Text as it is kept: NFC, trimmed. What no page can show again becomes U+FFFD, which is then not printable."""
    trimmed = unicodedata.normalize("NFC", text).strip()
    return "".join(mark if _can_be_shown(mark) else REPLACEMENT for mark in trimmed)


def _can_be_shown(mark: str) -> bool:
    point = ord(mark)
    noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return not noncharacter and unicodedata.category(mark) not in _NOT_PRINTABLE


def is_printable(text: str) -> bool:
    """Whether every character can stand in a line of print: no line ends, NUL, controls or changes of direction."""
    return all(mark not in _BIDI_CONTROLS and mark != REPLACEMENT and _can_be_shown(mark) for mark in text)


def is_visible(text: str) -> bool:
    """Whether there is anything to see: a letter, a digit, a sign, a symbol."""
    return any(unicodedata.category(mark)[0] in "LNPS" for mark in text)


def choice(text: str, known: Iterable[str]) -> str:
    """The choice that ``text`` means, whatever its case, spaces and hyphens; ``text`` itself when it means none."""
    meant = fold(text)
    return next((value for value in known if fold(value) == meant), text)


def region_of(country: str, otherwise: str) -> str:
    """The two letters of the country in which an organisation's phone numbers are read; it may be kept as its name."""
    code = country.strip().upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return code
    wanted = fold(country)
    names = Locale("en").territories
    return next(
        (found for found, name in names.items() if found in phonenumbers.SUPPORTED_REGIONS and fold(name) == wanted),
        otherwise.upper(),
    )


def tidy_phone(text: str) -> str:
    """A phone number as it is kept: as typed, with plain digits and single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def is_phone(text: str, region: str) -> bool:
    """Whether ``text`` can be dialled in ``region``: a national or international number, or a local one."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number))


def example_phone(region: str) -> str:
    """A number of ``region`` as people write it there, to show what is wanted."""
    number = phonenumbers.example_number(region)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)) if number else ""


def email_address(text: str) -> str | None:
    """The address in the form in which it is kept, or None when it is none. Special-use domains are accepted.

    Letters before the @ are plain ones: few mail servers carry others (RFC 6531), and a mail that cannot be sent helps
    nobody.
    """
    try:
        found = email_validator.validate_email(text, check_deliverability=False, allow_smtputf8=False)
        normalized = found.normalized
    except email_validator.EmailNotValidError:
        return None
    return normalized if len(fold_email(normalized)) <= LENGTHS["primary_email"] else None
