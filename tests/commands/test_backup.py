"""``portal backup``: the embedded database as it is at one moment, whole or not at all."""

import fcntl
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal import create_app
from portal.extensions import db
from portal.models import Organisation, Person
from portal.transactions import begin_write
from tests import factories
from tests.conftest import SETTINGS
from tests.support.embedded import Embedded, looking_into


def names_in(file: Path) -> list[str]:
    with looking_into(file) as connection:
        return [name for (name,) in connection.execute("SELECT last_name FROM people ORDER BY id")]


def test_all_that_was_committed_is_in_it_and_nothing_else(embedded: Embedded, employee: Person):
    begin_write()
    employee.last_name = "Halfway"
    db.session.flush()
    held, other = db.session(), embedded.app.test_cli_runner()
    result = other.invoke(args=["backup", str(embedded.file)])
    assert result.exit_code == 0, result.output
    assert held.info, "the change is not committed yet, and the backup did not wait for it"
    db.session.rollback()
    assert names_in(embedded.file) == ["Employee"]
    assert f"{embedded.file}: {embedded.file.stat().st_size:,} bytes, checked." in result.stdout


def test_the_file_stands_alone_for_its_owner_only(embedded: Embedded, employee: Person):
    with db.engine.connect() as writer:
        writer.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
        embedded.backup()
    assert stat.S_IMODE(embedded.file.stat().st_mode) == 0o600
    assert [file.name for file in embedded.file.parent.iterdir()] == ["portal.backup"]
    assert embedded.file.read_bytes()[18:20] == b"\x01\x01", "no write-ahead log is needed to read it"
    with looking_into(embedded.file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_an_older_backup_is_written_over_with_what_stood_beside_it(embedded: Embedded, organisation: Organisation):
    embedded.backup()
    factories.person(organisation, "Nomi Later")
    wal = embedded.file.with_name("portal.backup-wal")
    wal.write_bytes(b"of the older one")
    embedded.backup()
    assert not wal.exists()
    assert names_in(embedded.file) == ["Later"]


def test_a_damaged_database_leaves_the_older_backup_alone(embedded: Embedded, employee: Person):
    embedded.backup()
    before = embedded.file.read_bytes()
    with looking_into(embedded.live) as connection:
        connection.execute("UPDATE people SET organisation_id = 4711")
    said = embedded.backup(expect=1).stderr
    assert "the portal's database is damaged: a row of people points to one of organisations that is not there" in said
    assert embedded.file.read_bytes() == before
    assert [file.name for file in embedded.file.parent.iterdir()] == ["portal.backup"]


def _directory(embedded: Embedded) -> Path:
    return embedded.file.parent / "missing" / "file"


def _hard_link(embedded: Embedded) -> Path:
    os.link(embedded.live, embedded.file)
    return embedded.file


def _symbolic_link(embedded: Embedded) -> Path:
    embedded.file.symlink_to(embedded.live)
    return embedded.file


def _a_letter(embedded: Embedded) -> Path:
    embedded.file.write_text("Dear Sir or Madam")
    return embedded.file


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (lambda embedded: embedded.live, "it is the portal's own database"),
        (lambda embedded: embedded.live.with_name(embedded.live.name + "-wal"), "it is the portal's own database"),
        (_hard_link, "it is the portal's own database"),
        (_symbolic_link, "it is the portal's own database"),
        (_a_letter, "it is there already, and is no backup"),
        (lambda _embedded: Path("/dev/null"), "it is no file"),
        (_directory, "No such file or directory"),
    ],
)
def test_what_must_not_be_written_over_is_refused(embedded: Embedded, employee: Person, place: Any, why: str):
    file = place(embedded)
    before, beside = embedded.everything(), embedded.beside()
    said = embedded.backup(file, expect=1).stderr
    assert said == f"Error: {file}: {why}. Nothing was changed.\n"
    assert (embedded.everything(), embedded.beside()) == (before, beside)


def test_a_link_to_another_disk_stays_a_link(embedded: Embedded, employee: Person):
    elsewhere = embedded.file.parent / "elsewhere"
    embedded.file.symlink_to(elsewhere)
    embedded.backup()
    assert embedded.file.is_symlink()
    assert names_in(elsewhere) == ["Employee"]


def test_what_a_killed_backup_left_goes_with_the_next_and_what_another_makes_stays(
    embedded: Embedded, employee: Person
):
    abandoned, in_hand = (embedded.file.with_name(f".portal.backup.{name}.part") for name in ("dead", "alive"))
    for draft in (abandoned, in_hand):
        draft.write_bytes(b"half of it")
    abandoned.with_name(abandoned.name + "-journal").write_bytes(b"")
    with in_hand.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        embedded.backup()
    assert {file.name for file in embedded.file.parent.iterdir()} == {"portal.backup", in_hand.name}


def test_where_there_is_no_database_there_is_no_backup(embedded: Embedded):
    db.engine.dispose()
    for ending in ("", "-wal", "-shm"):
        embedded.live.with_name(embedded.live.name + ending).unlink(missing_ok=True)
    assert "there is no database at" in embedded.backup(expect=1).stderr
    assert not embedded.live.exists(), "none was made by looking"


@pytest.mark.parametrize(("command", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_on_postgresql_its_own_tools_are_named(tmp_path: Path, command: str, tool: str):
    file = tmp_path / "file"
    file.write_bytes(b"")
    app: Flask = create_app(
        {
            **SETTINGS,
            "INSTANCE_PATH": str(tmp_path),
            "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://nobody@127.0.0.1:1/none",
        }
    )
    result = app.test_cli_runner().invoke(args=[command, str(file)])
    assert result.exit_code == 1
    assert f"this installation uses PostgreSQL: use {tool}, as the README says" in result.stderr


def test_a_missing_file_is_a_wrong_use(embedded: Embedded):
    embedded.run("backup", expect=2)
    embedded.restore(embedded.file, expect=2)
