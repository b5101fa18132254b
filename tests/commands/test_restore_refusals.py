"""``portal restore``: what is no whole backup of ours is refused; what is there may be gone, or broken."""

import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db, working_on
from portal.models import Organisation, Person
from portal.services import audit, audit_heads
from portal.transactions import write
from tests import factories
from tests.support.embedded import Embedded, looking_into
from tests.support.trail import entries


@pytest.fixture
def backed_up(embedded: Embedded, employee: Person) -> Embedded:
    """A backup with Erin and two entries; Nomi came later, and a third entry."""
    number, organisation = employee.id, employee.organisation_id
    for failures in (1, 2):
        with write():
            audit.record("account:sign-in:failed", person=employee, failures=failures)
    embedded.backup()
    factories.person(db.session.get_one(Organisation, organisation), "Nomi Later")
    with write():
        audit.record("account:sign-in:failed", person=db.session.get_one(Person, number), failures=3)
    return embedded


def names() -> list[str]:
    return list(db.session.scalars(select(Person.last_name).order_by(Person.id)))


def sql(*statements: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with looking_into(file) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def damage(file: Path) -> None:
    """Every page but the first few is nonsense."""
    content = bytearray(file.read_bytes())
    content[40_960:] = b"\xa5" * (len(content) - 40_960)
    file.write_bytes(content)


def write_log_beside(file: Path) -> None:
    file.with_name(file.name + "-wal").write_bytes(b"x")


def another(file: Path) -> None:
    file.unlink()
    sql("CREATE TABLE songs (title)")(file)


NO_TRIGGER = "DROP TRIGGER audit_entries_never_change"
DAMAGES: list[tuple[Any, str]] = [
    (lambda file: file.write_bytes(b""), "it is no SQLite database"),
    (lambda file: file.write_text("-- a dump\nCREATE TABLE people"), "it is no SQLite database"),
    (cut, "(malformed|it is damaged)"),
    (damage, "(malformed|it is damaged)"),
    (another, "it is no database of Gatehouse"),
    (sql("UPDATE alembic_version SET version_num = '9999'"), "of a newer version of Gatehouse, at the migration 9999"),
    (sql("UPDATE people SET organisation_id = 4711"), "a row of people points to one of organisations that is not"),
    (sql(NO_TRIGGER), "it lacks the triggers that guard the audit trail"),
    (sql("DROP TABLE known_browsers"), "lacks the tables known_browsers"),
    (
        sql(
            "DROP TRIGGER audit_entries_never_go",
            "DELETE FROM audit_entries WHERE sequence = 2",
            "CREATE TRIGGER audit_entries_never_go BEFORE DELETE ON audit_entries BEGIN SELECT 1; END",
        ),
        "its audit trail does not fit: chain 42061, entry 2: it is missing, says the head",
    ),
    (write_log_beside, "stands beside it: it was not made by portal backup"),
]


@pytest.mark.parametrize(("change", "why"), DAMAGES)
def test_what_is_no_whole_backup_is_refused_and_nothing_changes(
    backed_up: Embedded, change: Callable[[Path], None], why: str
):
    change(backed_up.file)
    said = backed_up.refusal()
    assert said.startswith(f"Error: {backed_up.file}: ")
    assert re.search(why, said), said
    assert names() == ["Employee", "Later"]


def test_the_portals_own_database_is_not_put_back_into_itself(backed_up: Embedded):
    assert "it is the portal's own database" in backed_up.refusal(backed_up.live)


def test_the_file_itself_is_left_as_it_is(backed_up: Embedded):
    backed_up.file.chmod(0o400)
    before = backed_up.file.read_bytes()
    backed_up.restore()
    assert backed_up.file.read_bytes() == before


def test_a_backup_of_an_older_version_is_brought_up_to_date(backed_up: Embedded, app: Flask):
    with working_on(backed_up.file):
        flask_migrate.downgrade(revision="0001")
    backed_up.restore()
    assert names() == ["Employee"]
    with db.engine.connect() as connection:
        newest = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert newest != "0001"
    assert backed_up.run("audit", "verify")


def gone(live: Path) -> None:
    live.unlink()


def nonsense(live: Path) -> None:
    live.write_bytes(b"nonsense" * 5000)


@pytest.mark.parametrize("change", [gone, nonsense])
@pytest.mark.parametrize("exported", [True, False])
def test_a_database_that_is_gone_or_no_database_any_more_is_replaced(
    backed_up: Embedded, change: Callable[[Path], None], exported: bool
):
    """The log that stood beside it belongs to it, and would damage what comes in its place."""
    if exported:
        audit_heads.advance()
    log = backed_up.live.with_name(backed_up.live.name + "-wal")
    left = log.read_bytes()
    assert left
    db.session.remove()
    db.engine.dispose()
    change(backed_up.live)
    log.write_bytes(left)
    said = backed_up.restore().stdout
    assert "The database that was there did not answer, and its file was replaced: restart" in said
    lost = "  chain 42061, entries 3 to 3" if exported else "nothing tells what it was."
    assert lost in said
    assert names() == ["Employee"]
    assert stat.S_IMODE(backed_up.live.stat().st_mode) == 0o600
    assert "fits" in backed_up.run("audit", "verify").stdout
    with looking_into(backed_up.live) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_database_whose_pages_are_damaged_gets_new_ones(backed_up: Embedded):
    db.session.remove()
    db.engine.dispose()
    with looking_into(backed_up.live) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(backed_up.live)
    assert "nothing tells what it was" in backed_up.restore().stdout
    assert names() == ["Employee"]
    with looking_into(backed_up.live) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    backed_up.run("audit", "verify")


def test_an_empty_database_is_filled(backed_up: Embedded):
    """As it is on a new machine, before `portal db upgrade`."""
    db.session.remove()
    db.engine.dispose()
    for ending in ("-wal", "-shm"):
        backed_up.live.with_name(backed_up.live.name + ending).unlink(missing_ok=True)
    backed_up.live.write_bytes(b"")
    backed_up.restore()
    assert names() == ["Employee"]


def test_what_a_killed_restore_left_goes_with_the_next(backed_up: Embedded):
    left = backed_up.live.with_name(f".{backed_up.live.name}.dead.part")
    for ending in ("", "-wal", "-shm"):
        shutil.copyfile(backed_up.file, left.with_name(left.name + ending))
    backed_up.restore()
    assert not [name for name in backed_up.beside() if ".part" in name]


def test_a_damaged_file_of_exported_heads_does_not_keep_a_backup_out(backed_up: Embedded):
    (audit_heads.folder() / audit_heads.FILE).write_text("nonsense\n")
    backed_up.restore()
    assert [entry.event for entry in entries()][-1] == "installation:database:restored"
    backed_up.run("audit", "verify")
