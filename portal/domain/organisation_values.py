"""What a cell of an organisation file may hold: each function answers the value to keep, or says what is wrong."""

import re
import unicodedata
from datetime import date

from portal.domain.delimited_text import shown
from portal.domain.search_terms import fold

LENGTHS = {
    "code": 60,
    "name": 300,
    "kind": 60,
    "country": 60,
    "region": 190,
    "town": 120,
    "postcode": 20,
    "parent_code": 60,
    "successor_code": 60,
    "acronyms": 300,
    "former_names": 300,
    "other_names": 300,
    "email_domains": 253,
}
"""The longest value of each column, in characters; a slug, made of the region's name, must fit its column too."""

RESERVED_CODES = frozenset({"missing", "account-managers"})
"""Words that stand where a code would in ``/find-administrator/<code>``."""

SEPARATOR = "||"
MAX_VALUES = 500
MOST_FOLDED = 3
"""How many characters case folding can make of one."""

_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PLAIN_LETTER = re.compile(r"[A-Za-z0-9]")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_DATE = re.compile(r"[0-9]{8}")
_LABEL = re.compile(r"(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?")


class BadValue(ValueError):  # noqa: N818 - it names what is wrong with the cell
    """A cell holds what its column cannot; the text says which column and what to write."""


def text(column: str, cell: str) -> str:
    """Plain text: NFC, trimmed, single spaces. Raises BadValue for line breaks, other controls and what is too long."""
    if not cell:
        return ""
    if _LINE_BREAK.search(cell.strip()):
        raise BadValue(f"{column}: goes on over several lines; is a quotation mark missing or too many?")
    value = " ".join(unicodedata.normalize("NFC", cell).split())
    if _CONTROL.search(value):
        raise BadValue(f"{column}: holds a control character ({shown(value)})")
    if len(value) > LENGTHS[column]:
        raise BadValue(f"{column}: longer than {LENGTHS[column]} characters ({shown(value)})")
    return value


def name(column: str, cell: str) -> str:
    """A name that can be looked up: its folded form fits its column too. Raises BadValue."""
    value = text(column, cell)
    if value.isascii() or len(unicodedata.normalize("NFKD", value)) * MOST_FOLDED <= LENGTHS[column]:
        return value
    if len(fold(value)) > LENGTHS[column]:
        raise BadValue(f"{column}: longer than {LENGTHS[column]} characters with its ligatures spelt out")
    return value


def own_name(cell: str) -> str:
    """The organisation's name; there must be one. Raises BadValue."""
    value = name("name", cell)
    if not value:
        raise BadValue("name: is missing")
    if not _PLAIN_LETTER.search(value) and not fold(value):
        raise BadValue(f"name: holds no letter and no digit ({shown(value)})")
    return value


def own_code(cell: str) -> str:
    """The organisation's code; there must be one, and it stands in URLs. Raises BadValue."""
    value = code("code", cell)
    if not value:
        raise BadValue("code: is missing")
    if value.casefold() in RESERVED_CODES:
        raise BadValue(f"code: {value} is a word of the portal's own")
    return value


def code(column: str, cell: str) -> str:
    """The code of an organisation, or nothing: ASCII, so that every database folds it alike. Raises BadValue."""
    value = text(column, cell)
    if value and not _CODE.fullmatch(value):
        raise BadValue(f"{column}: {shown(value)} is no code (letters, digits, full stops, hyphens, underscores)")
    return value


def country(cell: str) -> str:
    """A country; two letters are an ISO code, in capitals. Raises BadValue."""
    value = text("country", cell)
    return value.upper() if len(value) == 2 and value.isascii() else value


def status(cell: str) -> str:
    """``active``, ``closed``, or nothing. Raises BadValue."""
    value = cell.strip().casefold()
    if value not in ("", "active", "closed"):
        raise BadValue(f"status: {shown(cell.strip())} is neither active nor closed")
    return value


def day(column: str, cell: str, *, dashes: bool = True) -> date | None:
    """A date as 2024-03-31, or without ``dashes`` as 20240331; None for an empty cell. Raises BadValue."""
    value = cell.strip()
    if not value:
        return None
    try:
        if (_ISO_DATE if dashes else _PLAIN_DATE).fullmatch(value):
            return date.fromisoformat(value if dashes else f"{value[:4]}-{value[4:6]}-{value[6:]}")
    except ValueError:
        pass
    example = "2024-03-31" if dashes else "20240331"
    raise BadValue(f"{column}: {shown(value)} is no date (write it as {example})")


def names(column: str, cell: str) -> tuple[str, ...]:
    """Several names in one cell, each once, in the file's order. Raises BadValue."""
    if not cell:
        return ()
    return _each_once(column, [name(column, part) for part in cell.split(SEPARATOR)])


def email_domains(cell: str) -> tuple[str, ...]:
    """E-mail domains, in small letters, each once. Raises BadValue."""
    if not cell:
        return ()
    return _each_once("email_domains", [_email_domain(part) for part in cell.split(SEPARATOR)])


def _each_once(column: str, values: list[str]) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(value for value in values if value))
    if len(kept) > MAX_VALUES:
        raise BadValue(f"{column}: more than {MAX_VALUES} values")
    return kept


def _email_domain(part: str) -> str:
    value = text("email_domains", part).lower()
    labels = value.split(".")
    if value and (len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels)):
        raise BadValue(f"email_domains: {shown(value)} is no domain (write it as trust.example)")
    return value
