"""``portal people import``: asks nothing, applies what is good, names what is not, and may be run again."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import AuditEntry, Organisation, Person
from tests import factories
from tests.support.peoples_files import csv_bytes, workbook_bytes

HEAD = ("first_name", "last_name", "primary_email", "job_title")


def rows(*lines: tuple[str, ...]) -> list[dict[str, str]]:
    return [dict(zip(HEAD, line, strict=True)) for line in lines]


@pytest.fixture
def run(app: Flask, tmp_path: Path):
    def imported(content: bytes, *options: str, name: str = "people.csv", code: str = "42061"):
        file = tmp_path / name
        file.write_bytes(content)
        return app.test_cli_runner().invoke(args=["people", "import", code, str(file), *options])

    return imported


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Person)) or 0


def test_good_rows_are_applied_and_bad_ones_named(organisation: Organisation, run):
    factories.person(organisation, "Katie Contact")
    organisation_id = organisation.id
    result = run(csv_bytes(rows(
        ("Nia", "New", "nia@coe.example", ""),
        ("Katie", "Contact", "katie.contact@coe.example", "Head"),
        ("", "Nobody", "nobody", ""),
    )))  # fmt: skip
    assert result.exit_code == 0
    assert "people.csv: 3 rows" in result.output
    assert "New             1  row 2" in result.output
    assert "Changed         1  row 3" in result.output
    assert "row 4: primary_email: “nobody” is no e-mail address; first_name: this must be there" in result.output
    titles = db.session.scalars(select(Person.job_title).where(Person.first_name == "Katie")).all()
    assert (count(), titles) == (2, ["Head"])
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "organisation:import:applied")).one()
    assert (entry.chain, entry.details["new"], entry.details["refused"]) == (organisation_id, 1, 1)


def test_a_dry_run_says_the_same_and_writes_nothing(organisation: Organisation, run):
    content = csv_bytes(rows(("Nia", "New", "nia@coe.example", "")))
    result = run(content, "--dry-run")
    assert result.exit_code == 0
    assert "dry run: nothing was written" in result.output
    assert "New             1  row 2" in result.output
    assert count() == 0
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_it_is_safe_to_run_twice(organisation: Organisation, run):
    content = csv_bytes(rows(("Nia", "New", "nia@coe.example", ""), ("Bo", "Li", "bo@coe.example", "")))
    run(content)
    result = run(content)
    assert "Unchanged       2  rows 2-3" in result.output
    assert count() == 2


def test_a_workbook_is_read_too(organisation: Organisation, run):
    result = run(workbook_bytes([HEAD[:2], ("Nia", "New")]), name="people.xlsx")
    assert result.exit_code == 0
    assert count() == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'first_name,last_name\n"Nia,New\n', "people.csv, line 2: a quote that opens here is not closed"),
        (b"first_name\nNia\n", "no column, or more than one, is last_name"),
        (b"first_name,First Name,last_name\na,b,c\n", "no column, or more than one, is first_name"),
        (b"", "line 1: the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(organisation: Organisation, run, content: bytes, said: str):
    result = run(content)
    assert result.exit_code == 1
    assert said in result.output
    assert count() == 0


def test_an_organisation_that_is_not_there_is_said(organisation: Organisation, run):
    result = run(csv_bytes(rows(("Nia", "New", "", ""))), code="NOWHERE")
    assert (result.exit_code, "there is no organisation with the code NOWHERE" in result.output) == (1, True)


def test_the_last_administrator_is_not_made_inactive_by_a_file(local_admin: Person, run):
    row = {"ess_id": str(local_admin.ess_id), "first_name": "Lena", "last_name": "Administrator", "status": "inactive"}
    result = run(csv_bytes([row]))
    assert "row 2: Nobody would be left who administers the organisation" in result.output
