"""Files of people: their columns, and how a cell is kept from being read as a formula (ASVS 1.2.10).

An export can be changed and imported again: what stands here is the same for both.
"""

import re
from collections.abc import Iterable

from portal.domain.contact_details import ContactDetails

DETAILS = (
    "prefix", "first_name", "middle_name", "last_name", "suffix", "gender", "primary_phone", "secondary_phone",
    "mobile_phone", "primary_email", "has_no_email", "email_is_temporary", "secondary_email", "job_title",
    "staff_group", "employee_number", "smartcard_linked", "status", "types",
)  # fmt: skip
"""What the contact form asks, by its fields' names."""
READ_ONLY = ("username", "state", "last_sign_in")
"""What an export says besides and an import leaves alone."""
COLUMNS = ("ess_id", "username", *DETAILS, "state", "last_sign_in")
"""The columns of an export, in their order."""
YES = "yes"
BETWEEN_TYPES = ";"

_READ_AS_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\x00-\x1f\x7f-\x9f]")


def guarded(cell: str) -> str:
    """A cell as CSV carries it: what a spreadsheet could take for a formula begins with an apostrophe.

    What begins with apostrophes before such a sign gets one more, so that taking one off gives the cell back.
    """
    return f"'{cell}" if _READ_AS_FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell that ``guarded`` wrote, and any other as it is."""
    return cell[1:] if cell.startswith("'") and _READ_AS_FORMULA.match(cell) else cell


def joined_types(types: Iterable[str]) -> str:
    """The contact types in one cell."""
    return BETWEEN_TYPES.join(sorted(types))


def cells_of(details: ContactDetails) -> dict[str, str]:
    """What the details say, as a file's cells say it."""
    found: dict[str, str] = {}
    for name in DETAILS:
        value = getattr(details, name)
        if isinstance(value, bool):
            value = YES if value else ""
        found[name] = joined_types(value) if name == "types" else value
    return found
