"""What the tests of the import share: the real files, the command, and the database as rows."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from portal.extensions import Base, db
from portal.models import Organisation

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def real(name: str) -> Path:
    """A file of real data; the test is skipped where there is none."""
    file = DATA / name
    if not file.exists():
        pytest.skip(f"the real data is not here: {file}")
    return file


def slice_of(file: Path, folder: Path, lines: int) -> Path:
    """The first so many lines of a file."""
    part = folder / file.name
    with file.open("rb") as whole:
        part.write_bytes(b"".join(whole.readline() for _ in range(lines)))
    return part


def run_import(app: Flask, file: Path, *options: str) -> Result:
    """``portal organisations import`` as it is run; its session ends with it."""
    result = app.test_cli_runner().invoke(args=["organisations", "import", str(file), *options])
    db.session.rollback()
    db.session.expunge_all()
    return result


def counts(result: Result) -> dict[str, int]:
    """The figures of the summary."""
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith("  ") and not line.startswith("  line ")]
    words = [line.replace("Left out", "Left_out").split() for line in lines]
    return {word[0].lower(): int(word[1].replace(",", "")) for word in words}


def said(result: Result, heading: str) -> list[str]:
    """The lines below a heading of the summary."""
    lines = result.stdout.splitlines()
    if heading not in lines:
        return []
    rest = lines[lines.index(heading) + 1 :]
    ends = next((number for number, line in enumerate(rest) if not line.startswith("  ")), len(rest))
    return [line.strip() for line in rest[:ends]]


def dump(*without: str) -> dict[str, list[Any]]:
    """Every row of every table, but of those named."""
    db.session.rollback()
    tables = [table for table in Base.metadata.sorted_tables if table.name not in without]
    kept = {table.name: sorted(map(tuple, db.session.execute(select(table))), key=repr) for table in tables}
    db.session.rollback()
    return kept


def organisation(code: str) -> Organisation:
    return db.session.scalars(select(Organisation).where(Organisation.code == code)).one()


def names_of(code: str, kind: str) -> list[str]:
    return [name.name for name in organisation(code).other_names if name.kind == kind]


def write_csv(folder: Path, columns: str, *rows: str, name: str = "own.csv") -> Path:
    file = folder / name
    file.write_bytes("".join(f"{line}\r\n" for line in (columns, *rows)).encode())
    return file
