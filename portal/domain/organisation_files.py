"""Organisation files, read row by row: the two layouts of the Organisation Data Service, and the product's own CSV.

ODS files have no header. Columns: 1 code, 2 name, 3 national grouping, 5 to 9 address lines, 10 postcode, 11 open date,
12 close date, 13 status (practices alone have one: A active, C closed, D dormant, P proposed). They say nothing about
other names, domains, parents and successors; a row without a national grouping says nothing about its region.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

from portal.domain import organisation_values as values
from portal.domain.delimited_text import Damage, Record, records, shown
from portal.domain.organisation_values import BadValue

ODS_WIDTHS = (27, 24)
ODS_COUNTRY = "GB"
ODS_REGIONS = {
    "Y54": "North of England",
    "Y55": "Midlands and East of England",
    "Y56": "London",
    "Y57": "South of England",
    "Y58": "South West",
    "Y59": "South East",
    "Y60": "Midlands",
    "Y61": "East of England",
    "Y62": "North West",
    "Y63": "North East and Yorkshire",
    "W00": "Wales",
}
"""National groupings by their names; the file has the codes alone. One that is not here goes by its code."""

ODS_STATUSES = ("", "A", "C", "D")
ODS_CLOSED = ("C", "D")

NAME_KINDS = {"acronyms": "acronym", "former_names": "former", "other_names": "alternative"}
COLUMNS = (
    "code", "name", "kind", "country", "region", "parent_code", "town", "postcode", "status", "opened_on", "closed_on",
    "successor_code", "acronyms", "former_names", "other_names", "email_domains",
)  # fmt: skip
NEEDED_COLUMNS = ("code", "name")

_GUARDED = re.compile(r"'+[=+\-@＝＋－＠\x00-\x1f]")
"""A cell that an export kept from being taken for a formula; one apostrophe comes off again."""


class FileFormat(StrEnum):
    """How a file is laid out; AUTO looks at its first line."""

    AUTO = "auto"
    ODS = "ods"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """What one row says. A column that the file does not mention is not in ``columns``, ``names`` or is None."""

    line: int
    code: str
    size: int
    columns: dict[str, str | date | None]
    region: str | None = None
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    domains: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row with a bad value, and why, in plain words."""

    line: int
    reason: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """A row that is fine but not for us yet: a proposed organisation."""

    line: int
    reason: str
    size: int = 0


Row = OrganisationRow | RefusedRow | LeftOutRow


def rows(file: BinaryIO, file_format: FileFormat = FileFormat.AUTO) -> Iterator[Row]:
    """Each row of an organisation file, in a stream. Raises Damage, with its line, as soon as the file shows it."""
    found = records(file)
    first = next(found, None)
    if first is None:
        raise Damage(1, "the file is empty")
    if _is_ods(first, file_format):
        return _rows(chain([first], found), len(first.cells), "", _ods_row)
    header = _header(first)
    return _rows(found, len(header), "the header names ", lambda record: _own_row(record, header))


def _is_ods(first: Record, file_format: FileFormat) -> bool:
    names_columns = any(column in NEEDED_COLUMNS for column in _column_names(first))
    if file_format is FileFormat.CSV or (file_format is FileFormat.AUTO and names_columns):
        return False
    if len(first.cells) in ODS_WIDTHS:
        return True
    columns = _count(len(first.cells))
    if file_format is FileFormat.ODS:
        raise Damage(first.line, f"{columns}; an ODS file has 27 or 24")
    wanted = "an ODS file has 27 or 24 columns, any other file begins with a header that names code and name"
    raise Damage(first.line, f"{columns} and no header; {wanted}")


def _count(number: int) -> str:
    return "1 column" if number == 1 else f"{number:,} columns"


def _column_names(first: Record) -> list[str]:
    return [re.sub(r"[\s_-]+", "_", cell.strip().casefold()) for cell in first.cells[: len(COLUMNS) + 1]]


def _header(first: Record) -> list[str]:
    header = _column_names(first)
    for column in header:
        if column not in COLUMNS:
            raise Damage(first.line, f"the header names a column that is not known: {shown(column) or '(nothing)'}")
        if header.count(column) > 1:
            raise Damage(first.line, f"the header names {column} twice")
    for column in NEEDED_COLUMNS:
        if column not in header:
            raise Damage(first.line, f"the header lacks the column {column}")
    return header


def _rows(found: Iterator[Record], width: int, whose: str, read: Callable[[Record], Row]) -> Iterator[Row]:
    for record in found:
        if len(record.cells) != width:
            expected = f"{whose}{width}" if whose else f"the first line has {width}"
            raise Damage(record.line, f"{_count(len(record.cells))} where {expected}")
        yield read(record)


def _own_row(record: Record, header: list[str]) -> Row:
    cells = (cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell for cell in record.cells)
    return _row(record, dict(zip(header, cells, strict=True)), _OWN_READERS)


def _ods_row(record: Record) -> Row:
    cells = record.cells
    practice_status = cells[12].strip().upper()
    if practice_status == "P":
        return LeftOutRow(record.line, f"{shown(cells[0].strip())} is proposed", record.size)
    if practice_status not in ODS_STATUSES:
        return RefusedRow(record.line, f"status: {shown(practice_status)} is none of A, C, D and P", record.size)
    closed = bool(cells[11].strip()) or practice_status in ODS_CLOSED
    grouping = cells[2].strip()
    said = {
        "code": cells[0],
        "name": cells[1],
        "kind": "GP practice" if practice_status else "NHS trust",
        "country": ODS_COUNTRY,
        "town": next((line for line in reversed(cells[4:9]) if line.strip()), ""),
        "postcode": cells[9],
        "status": "closed" if closed else "active",
        "opened_on": cells[10],
        "closed_on": cells[11],
    }
    if grouping:
        said["region"] = ODS_REGIONS.get(grouping, grouping)
    return _row(record, said, _ODS_READERS)


def _row(record: Record, cells: dict[str, str], readers: dict[str, Callable[[str], Any]]) -> Row:
    """The row that these cells say; all its faults are told together."""
    said: dict[str, Any] = {}
    faults: list[str] = []
    for column, cell in cells.items():
        try:
            said[column] = readers[column](cell)
        except BadValue as fault:
            faults.append(str(fault))
    faults += _contradictions(said)
    if faults:
        return RefusedRow(record.line, "; ".join(faults), record.size)
    code, region, domains = said.pop("code"), said.pop("region", None), said.pop("email_domains", None)
    names = {kind: said.pop(column) for column, kind in NAME_KINDS.items() if column in said}
    if not said.get("status"):
        said.pop("status", None)
        if said.get("closed_on"):
            said["status"] = "closed"
    return OrganisationRow(record.line, code, record.size, said, region, names, domains)


def _contradictions(said: dict[str, Any]) -> Iterator[str]:
    code = said.get("code")
    for column in ("parent_code", "successor_code"):
        if code and said.get(column, "").casefold() == code.casefold():
            yield f"{column}: {code} cannot be its own"
    opened_on, closed_on = said.get("opened_on"), said.get("closed_on")
    if opened_on and closed_on and closed_on < opened_on:
        yield f"closed_on: {closed_on} is before it opened ({opened_on})"


_OWN_READERS: dict[str, Callable[[str], Any]] = {
    "code": values.own_code,
    "name": values.own_name,
    "country": values.country,
    "status": values.status,
    "email_domains": values.email_domains,
    **{column: partial(values.text, column) for column in ("kind", "town", "postcode")},
    **{column: partial(values.name, column) for column in ("region",)},
    **{column: partial(values.code, column) for column in ("parent_code", "successor_code")},
    **{column: partial(values.day, column) for column in ("opened_on", "closed_on")},
    **{column: partial(values.names, column) for column in NAME_KINDS},
}
_ODS_READERS: dict[str, Callable[[str], Any]] = {
    **_OWN_READERS,
    "opened_on": partial(values.day, "opened_on", dashes=False),
    "closed_on": partial(values.day, "closed_on", dashes=False),
}
