"""A damaged file is refused with the line that shows it; what is merely unusual is read."""

import io
import time

import pytest

from portal.domain import delimited_text
from portal.domain.delimited_text import MAX_CELL_CHARACTERS, MAX_ROW_BYTES, Damage, records, shown


def cells(content: bytes) -> list[list[str]]:
    return [record.cells for record in records(io.BytesIO(content))]


def damage(content: bytes) -> Damage:
    with pytest.raises(Damage) as raised:
        cells(content)
    return raised.value


def test_quotes_line_breaks_and_commas_inside_quotes_belong_to_the_cell():
    assert cells(b'a,"b ""c"", d"\r\n"e\nf",g\n') == [["a", 'b "c", d'], ["e\nf", "g"]]


def test_a_row_knows_the_line_it_begins_on():
    assert [record.line for record in records(io.BytesIO(b'a\n"b\nc"\n\nd\n'))] == [1, 2, 5]


def test_the_last_line_may_do_without_its_line_end():
    assert cells(b"a,b\nc,d") == [["a", "b"], ["c", "d"]]


def test_a_byte_order_mark_and_mixed_line_ends_are_fine():
    assert cells(b"\xef\xbb\xbfa,b\r\nc,d\n") == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a,b\nc,\xe9\n", 2, "not UTF-8: the byte E9"),
        ("a,b\n".encode("utf-16"), 1, "UTF-16"),
        ("a,b\n".encode("utf-16-be"), 1, "NUL"),
        (b"PK\x03\x04\n", 1, "spreadsheet"),
        (b"\x1f\x8b\n", 1, "compressed"),
        (b"a,b\nc\0,d\n", 2, "NUL"),
        (b'a,b\nc,"d', 2, "not closed"),
        (b"a,b\r\nc,d\r", 2, "carriage return alone"),
        (b"a,b\rc,d\r", 1, "carriage return alone"),
        (b"a,b\nc\rd,e\n", 2, "carriage return stands inside"),
        (b'a,b\nc,"d\ne,f\n', 2, "not closed"),
        (b'a,b\nc,"d\ne,"f"\n', 2, "not closed as it should be"),
        (b'a,b\nc,"d" e\n', 2, "not closed as it should be"),
        (b'a,b\nc,d"e\nf,g\n', 2, "a quote stands inside a cell"),
        (b"a\n" + b"x" * (MAX_CELL_CHARACTERS + 1) + b"\n", 2, "a cell is longer than 10,000"),
        (b"a\n" + b"," * 1_000_000 + b"\n", 2, "longer than 65,536 bytes"),
        (b"a\n" + b"x" * 5_000_000, 2, "longer than 65,536 bytes"),
        (b'a\n"' + b"x\n" * 1_000_000, 2, "not closed within 65,536 bytes"),
    ],
)
def test_damage_is_refused_with_its_line(content, line, words):
    found = damage(content)
    assert found.line == line
    assert words in found.reason


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(delimited_text, "MAX_FILE_BYTES", 10)
    assert damage(b"1234\n1234\n1234\n").line == 3


class EndlessLine(io.RawIOBase):
    """A line without end, as a hostile or broken disk would give it; it counts what was taken."""

    taken = 0

    def readline(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size > 0, "the whole line would be read"
        self.taken += size
        return b"x" * size


def test_of_a_line_without_end_only_as_much_as_a_row_may_hold_is_read():
    file = EndlessLine()
    started = time.monotonic()
    with pytest.raises(Damage, match="line 1: longer"):
        list(records(file))
    assert file.taken <= MAX_ROW_BYTES + 1
    assert time.monotonic() - started < 1


def test_what_a_message_shows_of_a_file_moves_no_cursor_and_is_short():
    assert shown("a\x1b[2Jb\u202ec\n") == "a\ufffd[2Jb\ufffdc\ufffd"
    assert len(shown("x" * 1000)) == 61
