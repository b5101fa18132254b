"""Lines and cells of CSV text as files bring them in: read in a stream, and refused where the file is damaged.

Limits are small on purpose (ASVS 5.1.1, 5.2.1, 1.5.1): one row, however hostile the file, is all that is held.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_ROW_BYTES = 64 * 1024
MAX_CELL_CHARACTERS = 10_000
BLOCK_BYTES = 256 * 1024

_BOM = b"\xef\xbb\xbf"
_OTHER_FORMATS = {
    b"\xff\xfe": "is UTF-16; save it as UTF-8",
    b"\xfe\xff": "is UTF-16; save it as UTF-8",
    b"PK\x03\x04": "is a spreadsheet or an archive; save it as CSV",
    b"\x1f\x8b": "is compressed; unpack it first",
}
_NOT_SHOWN = re.compile(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SHOWN_CHARACTERS = 60


class Damage(ValueError):  # noqa: N818 - it names what is wrong with the file
    """The file as a whole cannot be trusted: nothing of it is applied. ``line`` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Record:
    """One row: the line it begins on, its cells, and the bytes it takes in the file."""

    line: int
    cells: list[str]
    size: int


def shown(text: str) -> str:
    """A piece of a file in a message: short, and without characters that move a terminal's cursor."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", cut)


def delimiter_of(file: IO[bytes]) -> str:
    """What stands between the cells of the first line: a comma, a semicolon or a tab. The file is then at its start."""
    first = file.readline(MAX_ROW_BYTES)
    file.seek(0)
    outside = re.sub(rb'"[^"]*"', b"", first)
    return max(",;\t", key=lambda mark: outside.count(mark.encode()))


def encoding_of(file: IO[bytes]) -> str:
    """UTF-8, or the code page of Western Windows for what is none. The file is then at its start."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def records(file: IO[bytes], delimiter: str = ",", encoding: str = "utf-8") -> Iterator[Record]:
    """The rows of a delimited file (RFC 4180: quotes doubled, line breaks inside quotes), blank lines left out.

    The last line may do without its line end (RFC 4180 2.2): a cut shows in a quote that is not closed, or in columns.
    Raises Damage, with its line: not UTF-8, a NUL, an unclosed or stray quote, too much of anything.
    """
    lines = _Lines(file, encoding)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Damage(lines.row_begins, _words(error)) from None
        if lines.quotes % 2:
            raise Damage(lines.row_begins, "a quote stands inside a cell without quotes around it, or is not closed")
        if lines.size > MAX_CELL_CHARACTERS and any(len(cell) > MAX_CELL_CHARACTERS for cell in cells):
            raise Damage(lines.row_begins, f"a cell is longer than {MAX_CELL_CHARACTERS:,} characters")
        if cells:
            yield Record(lines.row_begins, cells, lines.size)


def _words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end" in text:
        return "a quote that opens here is not closed"
    if "new-line character" in text:
        return "a carriage return stands inside the line; lines end in LF or CR LF"
    return "a quote that opens here is not closed as it should be, or a quote inside a cell is not doubled"


class _Lines(Iterator[str]):
    """The decoded lines of a file, each checked; it knows where the present row began and how much it has taken."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._number = 0
        self._bytes = 0
        self.row_begins = 1
        self.size = 0
        self.quotes = 0

    def begin_row(self) -> None:
        self.row_begins = self._number + 1
        self.size = self.quotes = 0

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._bytes += len(line)
        self.size += len(line)
        if self._number == 1:
            self._check_beginning(line)
        self._check(line)
        self.quotes += line.count(b'"')
        try:
            return (line.removeprefix(_BOM) if self._number == 1 else line).decode(self._encoding)
        except UnicodeDecodeError as error:
            byte = line[error.start]
            name = "UTF-8" if self._encoding == "utf-8" else "text"
            raise Damage(self._number, f"not {name}: the byte {byte:02X} after {error.start} others") from None

    def _check_beginning(self, line: bytes) -> None:
        for beginning, words in _OTHER_FORMATS.items():
            if line.startswith(beginning):
                raise Damage(1, f"the file {words}")

    def _check(self, line: bytes) -> None:
        if b"\0" in line:
            raise Damage(self._number, "a NUL character; the file is damaged or not UTF-8 text")
        if not line.endswith(b"\n") and b"\r" in line:
            raise Damage(self._number, "lines end in a carriage return alone; save the file with LF or CR LF")
        if self.size > MAX_ROW_BYTES and self._number > self.row_begins:
            raise Damage(self.row_begins, f"a quote that opens here is not closed within {MAX_ROW_BYTES:,} bytes")
        if self.size > MAX_ROW_BYTES:
            raise Damage(self._number, f"longer than {MAX_ROW_BYTES:,} bytes")
        if self._bytes > MAX_FILE_BYTES:
            raise Damage(self._number, f"the file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB")
