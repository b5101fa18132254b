"""The migrations, on the database that this run is on: from nothing up, down to nothing, up again, as the tables say.

Each test has databases of its own, with nothing in them at first.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from portal import create_app
from portal.extensions import db
from tests.support.databases import Databases
from tests.support.source import ROOT

MIGRATIONS = ROOT / "migrations"
REVISIONS = [script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]

Blank = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def blank(databases: Databases, tmp_path: Path) -> Blank:
    """``with blank():`` is an application's context on a database that holds nothing."""

    @contextmanager
    def on_nothing() -> Iterator[None]:
        with databases.blank() as uri:
            app: Flask = create_app({"INSTANCE_PATH": str(tmp_path), "SQLALCHEMY_DATABASE_URI": uri})
            with app.app_context():
                yield
                db.session.remove()
                db.engine.dispose()

    return on_nothing


def is_ours(_thing: Any, name: str, _kind: str, reflected: bool, _compared: Any) -> bool:
    """The search's index is each database's own affair."""
    return not (reflected and str(name).startswith("people_search"))


def inventory() -> dict[str, Any]:
    """All that a schema has: columns, constraints and indexes by name."""
    inspector = inspect(db.engine)
    found: dict[str, Any] = {}
    names = {name for name in inspector.get_table_names() if not name.startswith("people_search")}
    for table in sorted(names - {"alembic_version"}):
        found[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": by_name(inspector.get_foreign_keys(table)),
            "unique": by_name(inspector.get_unique_constraints(table)),
            "checks": {
                check["name"]: normalised(str(check["sqltext"])) for check in inspector.get_check_constraints(table)
            },
            "indexes": {
                name: index | {"dialect_options": {key: str(value) for key, value in options.items()}}
                for name, index in by_name(inspector.get_indexes(table)).items()
                if name != "people_search"
                for options in [index.get("dialect_options", {})]
            },
        }
    return found


def by_name(things: Any) -> dict[Any, Any]:
    return {thing["name"]: dict(thing) for thing in things}


def normalised(condition: str) -> str:
    return " ".join(condition.split())


def programs() -> set[str]:
    """The names of triggers and functions, which no inspector lists."""
    queries = ["SELECT name FROM sqlite_master WHERE type = 'trigger'"]
    if db.engine.dialect.name == "postgresql":
        queries = [
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
            "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public'",
        ]
    with db.engine.connect() as connection:
        return {name for query in queries for name in connection.scalars(text(query))}


def execute(statement: str) -> Any:
    """One statement, kept."""
    with db.engine.connect().execution_options(writes=True) as connection:
        answer = connection.execute(text(statement))
        value = answer.scalar() if answer.returns_rows else None
        connection.commit()
        return value


def test_from_nothing_up_every_table_is_there(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        assert set(inventory()) == set(db.metadata.tables)


def test_down_again_nothing_is_left_and_up_once_more_all_is_as_before(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        first, first_programs = inventory(), programs()
        flask_migrate.downgrade(revision="base")
        assert inventory() == {}
        assert programs() == set()
        flask_migrate.upgrade()
        assert (inventory(), programs()) == (first, first_programs)


def test_each_step_can_be_taken_back(blank: Blank):
    with blank():
        for revision in REVISIONS:
            before = inventory()
            flask_migrate.upgrade(revision=revision)
            after = inventory()
            flask_migrate.downgrade()
            assert inventory() == before, f"{revision} leaves something behind"
            flask_migrate.upgrade(revision=revision)
            assert inventory() == after


def test_the_migrations_make_what_the_tables_say(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True, "include_object": is_ours}
            )
            assert compare_metadata(context, db.metadata) == []
        migrated = inventory()
    with blank():
        # Checks and names too, which the comparison above does not look at.
        db.create_all()
        assert migrated == inventory()


def test_every_constraint_and_index_has_a_name_of_the_convention(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        for table, parts in inventory().items():
            assert parts["primary key"]["name"] == f"pk_{table}"
            for kind, prefix in (("foreign keys", "fk"), ("unique", "uq"), ("checks", "ck"), ("indexes", "ix")):
                for name in parts[kind]:
                    duplicated = kind == "indexes" and name in parts["unique"]
                    assert duplicated or str(name).startswith(f"{prefix}_{table}"), f"{table}: {kind} {name}"


def test_every_foreign_key_to_something_that_grows_has_an_index(blank: Blank):
    """Without one, a look from the other side reads the whole table."""
    # Nobody asks for all that an administrator did; and of guesses in hand there are only ever a few.
    looked_at_from_one_side = {"audit_entries.actor_account_id", "sign_in_reservations.known_browser_id"}
    with blank():
        flask_migrate.upgrade()
        bare = []
        for table, parts in inventory().items():
            firsts = {index["column_names"][0] for index in parts["indexes"].values()}
            firsts |= {unique["column_names"][0] for unique in parts["unique"].values()}
            firsts |= set(parts["primary key"]["constrained_columns"][:1])
            keys = [key["constrained_columns"][0] for key in parts["foreign keys"].values()]
            bare += [f"{table}.{column}" for column in keys if column not in firsts]
    assert set(bare) - looked_at_from_one_side == set()


ENTRY = (
    "INSERT INTO audit_entries (id, chain, sequence, at, event, address, zone, details, previous_hash, hash) "
    "VALUES (1, 0, 1, '2026-11-16 09:00:00', 'sign-in:unknown:failed', 'x', 'internet', '{}', '0', '1')"
)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET event = 'nothing:at:all'",
        "UPDATE audit_entries SET hash = hash",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_entries WHERE id = 1",
    ],
)
def test_the_audit_trail_refuses_to_be_changed(blank: Blank, change: str):
    with blank():
        flask_migrate.upgrade()
        execute(ENTRY)
        with pytest.raises(DBAPIError, match="append-only"):
            execute(change)
        assert execute("SELECT event FROM audit_entries") == "sign-in:unknown:failed"


def test_the_audit_trail_refuses_to_be_emptied_at_once(blank: Blank):
    with blank():
        if db.engine.dialect.name == "sqlite":
            pytest.skip("SQLite has no TRUNCATE")
        flask_migrate.upgrade()
        with pytest.raises(DBAPIError, match="append-only"):
            execute("TRUNCATE audit_entries CASCADE")


def test_a_second_upgrade_changes_nothing(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        first = inventory()
        flask_migrate.upgrade()
        assert inventory() == first


def test_migrations_are_numbered_in_their_order_and_have_one_head():
    names = sorted(file.name for file in (MIGRATIONS / "versions").glob("*.py"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert [name[:4] for name in names] == REVISIONS
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names)


def test_a_moment_is_kept_with_its_time_zone(blank: Blank):
    with blank():
        flask_migrate.upgrade()
        kept = {
            column["type"].timezone  # type: ignore[attr-defined]
            for table in inspect(db.engine).get_table_names()
            for column in inspect(db.engine).get_columns(table)
            if "TIMESTAMP" in str(column["type"]).upper()
        }
    assert kept <= {True}
