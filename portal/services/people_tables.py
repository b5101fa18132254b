"""A people file as rows of text, CSV or XLSX: read whole, refused where it is damaged or larger than it seems.

Limits come first (ASVS 5.2.1-5.2.3, 1.5.1): a workbook's parts are looked through, in a stream, before it is opened.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain
from typing import IO

import python_calamine

from portal.domain import delimited_text
from portal.domain.delimited_text import BLOCK_BYTES, MAX_CELL_CHARACTERS, Damage
from portal.domain.people_files import unguarded
from portal.domain.upload_rows import MOST_COLUMNS

MOST_ROWS = 200_000
MOST_PARTS = 500
MOST_BYTES = 400 * 1024 * 1024
"""What a workbook's parts may come to, unpacked."""
MOST_TIMES = 200
"""How many times as large as the file its parts may be: text in cells shrinks some tens of times."""
SMALL_BYTES = 4 * 1024 * 1024
TOO_MUCH = "the workbook unpacks into far more than a list of people"
_CELL = re.compile(rb'<c [^>]*?r="([A-Z]{1,4})(\d{1,9})"')
_TAIL = 64


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row's number in the file, from 1, and its cells."""

    number: int
    cells: list[str]


def rows(file: IO[bytes]) -> Iterator[TableRow]:
    """The rows of a file, its head first; empty ones are left out. Raises Damage."""
    beginning = file.read(8)
    file.seek(0)
    if beginning.startswith(b"PK\x03\x04"):
        found = _rows_of_workbook(file)
    elif beginning.startswith(b"\xd0\xcf\x11\xe0"):
        raise Damage(1, "the file is an old Excel file, or one with a password; save it as .xlsx without one")
    elif beginning.startswith((b"MZ", b"\x7fELF", b"%PDF")):
        raise Damage(1, "the file is neither CSV nor an Excel workbook")
    else:
        found = _rows_of_text(file)
    return _within_limits(found)


def _within_limits(found: Iterator[TableRow]) -> Iterator[TableRow]:
    head = next(found, None)
    if head is None:
        raise Damage(1, "the file is empty")
    for count, row in enumerate(chain([head], found)):
        if len(row.cells) > MOST_COLUMNS:
            raise Damage(row.number, f"more than {MOST_COLUMNS} columns")
        if count > MOST_ROWS:
            raise Damage(row.number, f"more than {MOST_ROWS:,} rows; make several files of it")
        yield row


def _rows_of_text(file: IO[bytes]) -> Iterator[TableRow]:
    encoding, delimiter = delimited_text.encoding_of(file), delimited_text.delimiter_of(file)
    for record in delimited_text.records(file, delimiter, encoding):
        cells = [unguarded(cell) for cell in record.cells]
        if any(cell.strip() for cell in cells):
            yield TableRow(record.line, cells)


def _rows_of_workbook(file: IO[bytes]) -> Iterator[TableRow]:
    _look_through(file)
    file.seek(0)
    try:
        sheet = python_calamine.CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
        found = sheet.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        raise Damage(1, "the file is no workbook that can be read; save it anew as .xlsx") from error
    for number, cells in enumerate(found, start=1):
        texts = [_text(cell) for cell in cells]
        if any(len(text) > MAX_CELL_CHARACTERS for text in texts):
            raise Damage(number, f"a cell is longer than {MAX_CELL_CHARACTERS:,} characters")
        if any(text.strip() for text in texts):
            yield TableRow(number, texts)


def _text(cell: object) -> str:
    """A cell as the text that somebody would have typed."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if cell is not None else ""


def _look_through(file: IO[bytes]) -> None:
    """Raises Damage for a workbook that would unpack into too much, spans too wide an area, or brings macros."""
    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise Damage(1, f"the workbook has more than {MOST_PARTS} parts")
            if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
                raise Damage(1, "the workbook has macros; save it as .xlsx without them")
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise Damage(1, "the file is no Excel workbook; save it as .xlsx or CSV")
            limit = max(SMALL_BYTES, min(MOST_BYTES, size * MOST_TIMES))
            if sum(part.file_size for part in parts) > limit:
                raise Damage(1, TOO_MUCH)  # it says so itself; one that does not is counted
            for part in parts:
                limit -= _look_at(archive, part, limit)
    except Damage:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Damage(1, "the workbook is damaged, or protected by a password") from error


def _look_at(archive: zipfile.ZipFile, part: zipfile.ZipInfo, limit: int) -> int:
    """The bytes of one part, unpacked. Raises Damage past ``limit``, for a document type and for a cell far out."""
    is_sheet, read, tail = part.filename.startswith("xl/worksheets/"), 0, b""
    with archive.open(part) as content:
        while block := content.read(BLOCK_BYTES):
            read += len(block)
            if read > limit:
                raise Damage(1, TOO_MUCH)
            if b"<!DOCTYPE" in tail + block or b"<!ENTITY" in tail + block:
                raise Damage(1, "the workbook declares entities, which no list of people needs")
            if is_sheet:
                _look_at_cells(tail + block)
            tail = block[-_TAIL:]
    return read


def _look_at_cells(piece: bytes) -> None:
    """Only the widest and the last matter: whatever spans more would be filled up with empty cells."""
    for letters, digits in _CELL.findall(piece):
        if len(letters) > 2 or int(digits) > MOST_ROWS + 1:
            raise Damage(min(int(digits), 2**31), "a cell stands far outside of a list of people")
