"""The migrations on databases that are in use: every row of every table stays, and a kill leaves all or nothing."""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from sqlalchemy import Column, Connection, MetaData, Table, text

from portal.extensions import LOCK_SECONDS, db, sqlite_module
from tests.migrations.test_kills import CYCLES, check_whole, is_migrating, upgrade
from tests.migrations.test_migrations import REVISIONS, Blank, blank, inventory, programs  # noqa: F401
from tests.support.databases import Databases
from tests.support.server import Portal

Rows = dict[str, list[dict[str, Any]]]
ROWS_OF_EACH = 3
BEFORE = REVISIONS[-2]


def fill(connection: Connection) -> None:
    """Some rows in every table as it is now: whatever their types, checks and foreign keys ask for."""
    reflected = MetaData()
    reflected.reflect(connection)
    for table in reflected.sorted_tables:
        if table.name == "alembic_version" or table.name.startswith("people_search"):
            continue
        for number in range(1, ROWS_OF_EACH + 1):
            connection.execute(table.insert().values(row_of(table, number)))


def row_of(table: Table, number: int) -> dict[str, Any]:
    """One row: what a check asks for by name, the rest by type; ``number`` is its id and that of all that it is of."""
    named: dict[str, Any] = {
        "state": "active" if table.name == "accounts" else "queued",
        "state_order": 5,
        "kind": {"sessions": "full", "organisation_names": "former"}.get(table.name, "some kind"),
        "contact_type": ("admin", "payroll", "tpa")[number - 1],
        "role": "local_administrator",
        "gender": "",
        "staff_group": "permanent",
        "status": "active",
        "zone": "internet",
        "has_no_email": False,
        "failures": 1,
        "failures_total": 7,
    }
    return {column.name: named.get(column.name, value_of(column, number)) for column in table.columns}


def value_of(column: Column[Any], number: int) -> Any:
    kind = column.type.python_type
    if kind is str:
        return f"{column.name}-{number}"[-(getattr(column.type, "length", None) or 99) :]
    typed: dict[type, Any] = {
        datetime: datetime(2026, 11, number, 9, 30, 15, 123456, tzinfo=UTC),
        date: date(2026, 11, number),
        bool: number % 2 == 0,
        bytes: bytes([number]) * 32,
        dict: {"number": number},
    }
    return typed.get(kind, number)


def rows() -> Rows:
    """Everything that stands in the tables, by the columns that they have now."""
    reflected = MetaData()
    with db.engine.connect() as connection:
        reflected.reflect(connection)
        return {
            table.name: [dict(row._mapping) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in reflected.sorted_tables
            if table.name != "alembic_version" and not table.name.startswith("people_search")
        }


def without_terms(rows: Rows) -> Rows:
    """Rows without what a migration may put together anew: the text that a search looks in."""
    return rows | {"people": [{**row, "search_text": None} for row in rows["people"]]}


def common(found: Rows, wanted: Rows) -> Rows:
    """``found``, without the tables and columns that ``wanted`` does not have."""
    return {
        name: [{key: row[key] for key in before} for row, before in zip(found[name], kept, strict=True)]
        for name, kept in wanted.items()
    }


def fill_at(revision: str) -> Rows:
    """A database at ``revision`` with rows in every table."""
    flask_migrate.upgrade(revision=revision)
    with db.engine.connect().execution_options(writes=True) as connection:
        fill(connection)
        connection.commit()
    return rows()


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_upgrade_keeps_every_row_and_makes_what_a_new_database_has(blank: Blank, revision: str):  # noqa: F811
    with blank():
        flask_migrate.upgrade()
        fresh = (inventory(), programs())
    with blank():
        before = fill_at(revision)
        assert all(len(kept) == ROWS_OF_EACH for kept in before.values())
        flask_migrate.upgrade()
        assert (inventory(), programs()) == fresh
        after = rows()
        assert without_terms(common(after, before)) == without_terms(before)
        assert {name for name, kept in after.items() if not kept} == set(after) - set(before), "new tables are empty"
        check_foreign_keys()


def test_the_last_step_is_taken_back_with_every_row_that_was_there_before_it(blank: Blank):  # noqa: F811
    with blank():
        flask_migrate.upgrade(revision=BEFORE)
        earlier = (inventory(), programs())
    with blank():
        full = fill_at("head")
        flask_migrate.downgrade()
        assert (inventory(), programs()) == earlier
        kept = rows()
        assert kept == common(full, kept)
        assert all(len(left) == ROWS_OF_EACH for left in kept.values())
        check_foreign_keys()
        flask_migrate.upgrade()
        assert without_terms(common(rows(), kept)) == without_terms(kept)


def check_foreign_keys() -> None:
    if db.engine.dialect.name == "sqlite":
        with db.engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == LOCK_SECONDS * 1000


def test_a_migration_that_leaves_a_foreign_key_pointing_nowhere_is_undone(blank: Blank):  # noqa: F811
    with blank():
        if db.engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL never looks away from its foreign keys")
        flask_migrate.upgrade(revision=BEFORE)
        before = inventory()
        with closing(sqlite_module().connect(str(db.engine.url.database), isolation_level=None)) as other:
            other.execute("INSERT INTO outbox_mentions (message_id, account_id) VALUES (999, 999)")
        with pytest.raises(SystemExit):
            flask_migrate.upgrade()
        assert inventory() == before


@pytest.fixture
def filled(databases: Databases, tmp_path: Path) -> Iterator[Portal]:
    """An installation of the release before, in use."""
    with databases.blank() as uri:
        installed = Portal(tmp_path, uri)
        try:
            yield installed
        finally:
            installed.end()


@pytest.mark.processes
def test_an_upgrade_of_a_database_in_use_that_is_killed_leaves_all_or_nothing(filled: Portal) -> None:
    with filled.database():
        before = fill_at(BEFORE)
        old = inventory()
    for number in range(CYCLES):
        killed = upgrade(filled, f"killed-{number}")
        while not is_migrating(filled) and killed.is_running():
            pass
        time.sleep(random.uniform(0, 0.05))
        killed.kill()
        with filled.database():
            whole = inventory() != old
            assert without_terms(common(rows(), before)) == without_terms(before)
        if whole:
            check_whole(filled)
        assert upgrade(filled, f"again-{number}").process.wait(60) == 0
        check_whole(filled)
        with filled.database():
            assert without_terms(common(rows(), before)) == without_terms(before)
            flask_migrate.downgrade()
            assert inventory() == old
