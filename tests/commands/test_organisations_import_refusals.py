"""``portal organisations import`` and bad mornings: damaged and hostile files, wrong usage, memory."""

import os
import tracemalloc

import pytest

from tests.commands.organisation_files import counts, dump, real, run_import, slice_of, write_csv


@pytest.fixture
def trusts():
    """The real trusts of 2025, as bytes."""
    return real("ods/etr_2025.csv").read_bytes()


def in_line(content: bytes, number: int, change) -> bytes:
    """The content with one line changed, its line end kept."""
    lines = content.split(b"\r\n")
    lines[number - 1] = change(lines[number - 1])
    return b"\r\n".join(lines)


DAMAGE = {
    "a column more": (lambda content: in_line(content, 200, lambda line: line + b',""'), 200),
    "a column less": (lambda content: in_line(content, 200, lambda line: line.removesuffix(b',""')), 200),
    "28 columns throughout": (lambda content: content.replace(b"\r\n", b',""\r\n'), 1),
    "cp1252": (
        lambda content: in_line(content, 200, lambda line: line.replace(b"TRUST", "TRÜST".encode("cp1252"))),
        200,
    ),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), 1),
    "a NUL": (lambda content: in_line(content, 200, lambda line: line.replace(b"TRUST", b"TR\0ST")), 200),
    "cut inside the last line": (lambda content: content[:-40], 273),
    "cut before the last line's last quote": (lambda content: content[:-3], 273),
    "cut between the two characters of the line end": (lambda content: content[:-1], 273),
    "cut in the middle": (lambda content: b"\r\n".join(content.split(b"\r\n")[:200])[:-9], 200),
    "an unclosed quote": (
        lambda content: in_line(content, 200, lambda line: line[:6] + line[6:].replace(b'","', b",", 1)),
        200,
    ),
    "an unclosed quote at a line's end": (
        lambda content: in_line(content, 200, lambda line: line.removesuffix(b'"')),
        200,
    ),
    "a quote not doubled": (lambda content: in_line(content, 200, lambda line: line.replace(b" ", b' "', 1)), 200),
    "old Macintosh line ends": (lambda content: content.replace(b"\r\n", b"\r"), 1),
    "a long cell": (lambda content: in_line(content, 200, lambda line: line.replace(b"TRUST", b"T" * 20_000)), 200),
    "a million columns": (lambda content: in_line(content, 200, lambda line: b"," * 1_000_000), 200),
    "nothing at all": (lambda content: b"", 1),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_refused_with_its_line_and_leaves_the_database_as_it_was(app, tmp_path, trusts, kind):
    run_import(app, slice_of(real("ods/etr_2022.csv"), tmp_path, 20))
    before = dump()
    spoil, line = DAMAGE[kind]
    file = tmp_path / "trusts.csv"
    file.write_bytes(spoil(trusts))

    result = run_import(app, file)

    assert result.exit_code == 1
    assert f"Error: trusts.csv, line {line}: " in result.stderr
    assert "Nothing was imported." in result.stderr
    assert result.stdout == ""
    assert dump() == before


def test_an_own_csv_without_its_header_is_refused(app, tmp_path):
    file = tmp_path / "own.csv"
    file.write_bytes(b"RX1,North\r\n")
    result = run_import(app, file)
    assert result.exit_code == 1
    assert "own.csv, line 1: 2 columns and no header" in result.stderr


def test_a_format_that_the_file_has_not_is_refused(app, tmp_path):
    result = run_import(app, write_csv(tmp_path, "code,name", "RX1,North"), "--format", "ods")
    assert result.exit_code == 1
    assert "line 1: 2 columns; an ODS file has 27 or 24" in result.stderr


def test_a_header_alone_is_done_at_once(app, tmp_path):
    assert set(counts(run_import(app, write_csv(tmp_path, "code,name"))).values()) == {0}


def test_wrong_usage_ends_with_2(app, tmp_path):
    file = write_csv(tmp_path, "code,name")
    for wrong in (
        [str(tmp_path)],
        [str(tmp_path / "nowhere.csv")],
        [str(file), "--format", "xlsx"],
        [],
        [str(file), "b"],
    ):
        result = app.test_cli_runner().invoke(args=["organisations", "import", *wrong])
        assert result.exit_code == 2, wrong
        assert "Usage:" in result.stderr


def test_a_pipe_is_refused_instead_of_waited_for(app, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = run_import(app, tmp_path / "pipe")
    assert result.exit_code == 1
    assert "pipe is not a file that can be read twice" in result.stderr


def test_a_file_that_is_no_longer_the_one_that_was_checked_is_refused(app, tmp_path):
    from portal.domain.delimited_text import Damage
    from portal.domain.organisation_files import FileFormat
    from portal.services import organisation_import
    from portal.services.code_ledger import CodeLedger

    file = write_csv(tmp_path, "code,name", "RX1,North")
    with file.open("rb") as content, CodeLedger() as codes:
        checked = organisation_import.check(content, FileFormat.AUTO, codes, lambda size: None)
        write_csv(tmp_path, "code,name", "RX1,North", "RX2,South")
        with pytest.raises(Damage, match="changed while it was being read"):
            organisation_import.apply(checked, "own.csv", None, lambda rows: None)


def test_values_of_a_file_move_no_cursor_of_the_terminal(app, tmp_path):
    result = run_import(app, write_csv(tmp_path, "code,name", "\x1b[2J,North", "RX1,No\x07rth"))
    assert counts(result)["refused"] == 2
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def peak_of(work) -> int:
    """The most memory that Python's objects took at a time, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(app, tmp_path):
    """Many rows of all kinds: new, bad, twice there, with parents that nobody knows."""

    def row(number: int, rows: int) -> str:
        name = f"Organisation {number}" if number % 9 else ""
        return f"M{number % (rows - rows // 10)},{name},P{number},A{number} || B{number}"

    def file(rows: int):
        lines = (row(number, rows) for number in range(rows))
        return write_csv(tmp_path, "code,name,parent_code,acronyms", *lines, name=f"{rows}.csv")

    small, large = file(600), file(4_000)
    run_import(app, small)
    least = peak_of(lambda: run_import(app, small, "--dry-run"))
    most = peak_of(lambda: run_import(app, large, "--dry-run"))
    assert most < least + 600_000, f"{least:,} bytes for 600 rows, {most:,} for 4,000"
