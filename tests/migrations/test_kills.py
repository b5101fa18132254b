"""`portal db upgrade` as a process: killed at any moment, and two of them at once."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import flask_migrate
import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, make_url, text

from portal.extensions import LOCK_SECONDS, db, sqlite_module
from portal.services import health
from tests.support.databases import Databases
from tests.support.server import ROOT, Portal, Started

CYCLES = int(os.environ.get("KILL_CYCLES", "2"))


@pytest.fixture
def blank_portal(databases: Databases, tmp_path: Path) -> Iterator[Portal]:
    """An installation whose database holds nothing yet."""
    with databases.blank() as uri:
        installed = Portal(tmp_path, uri)
        try:
            yield installed
        finally:
            installed.end()


def upgrade(portal: Portal, name: str) -> Started:
    """`portal db upgrade`, begun."""
    portal.folder.mkdir(exist_ok=True)
    started = Started([*portal.program(), "db", "upgrade"], portal.environment, portal.folder / f"upgrade-{name}.log")
    portal.started.append(started)
    return started


def tables(portal: Portal) -> set[str]:
    with portal.database():
        return set(inspect(db.engine).get_table_names())


def check_whole(portal: Portal) -> None:
    """All tables and triggers, at the newest migration, and fit to be served."""
    with portal.database():
        names = {name for name in inspect(db.engine).get_table_names() if not name.startswith("people_search")}
        assert names == {*db.metadata.tables, "alembic_version"}
        assert health.database_faults() == []
        version = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    assert version == set(ScriptDirectory(str(ROOT / "migrations")).get_heads())


def is_migrating(portal: Portal) -> bool:
    """Whether somebody is in the middle of a migration: its lock is taken."""
    url = make_url(portal.settings["SQLALCHEMY_DATABASE_URI"])
    if url.drivername == "sqlite":
        with closing(sqlite_module().connect(str(url.database), timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite_module().OperationalError:
                return True
            return False
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as other:
        database = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        found = other.execute(f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND {database}")  # type: ignore[arg-type]
        return found.fetchone() is not None


@contextmanager
def migrating_elsewhere(portal: Portal) -> Iterator[None]:
    """Somebody else is in the middle of a migration, and takes long."""
    url = make_url(portal.settings["SQLALCHEMY_DATABASE_URI"])
    if url.drivername == "sqlite":
        with closing(sqlite_module().connect(str(url.database), isolation_level=None)) as other:
            other.execute("PRAGMA journal_mode=WAL")
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as other:
        other.execute("SELECT pg_advisory_xact_lock(718281828)")
        yield
        other.rollback()


def test_an_upgrade_that_is_killed_in_the_middle_leaves_nothing_and_is_run_again(blank_portal: Portal) -> None:
    for number in range(CYCLES):
        killed = upgrade(blank_portal, f"killed-{number}")
        while not is_migrating(blank_portal):
            assert killed.is_running(), f"it was over before it was seen:\n{killed.said}"
        time.sleep(random.uniform(0, 0.15))
        killed.kill()
        if tables(blank_portal):
            # The kill came after its end: all of it is there.
            check_whole(blank_portal)
        again = upgrade(blank_portal, f"again-{number}")
        assert again.process.wait(60) == 0, again.said
        check_whole(blank_portal)
        with blank_portal.database():
            flask_migrate.downgrade(revision="base")
            db.session.execute(text("DROP TABLE alembic_version"))
            db.session.commit()


def test_two_upgrades_wait_for_a_third_longer_than_a_request_would_and_one_finds_all_done(
    blank_portal: Portal,
) -> None:
    with migrating_elsewhere(blank_portal):
        both = [upgrade(blank_portal, name) for name in ("one", "other")]
        time.sleep(LOCK_SECONDS + 4)
        assert all(started.is_running() for started in both), [started.said for started in both]
    assert [started.process.wait(60) for started in both] == [0, 0], [started.said for started in both]
    check_whole(blank_portal)
