"""/livez and /readyz: what each fault turns, and what it does not; and the address that probes ask by."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, text

from portal import clock as the_clock
from portal.extensions import db
from portal.models import OutboxMessage, Person, RecoveryRequest
from portal.services import health, outbox, recovery
from portal.services.recovery import Need
from portal.transactions import write
from tests.support.client import CheckingClient
from tests.support.databases import Databases, PostgresqlDatabases


@pytest.mark.parametrize(("path", "says"), [("/livez", "ok\n"), ("/readyz", "ready\n")])
@pytest.mark.parametrize("host", ["10.0.0.9", "10.0.0.9:8000", "[fd00::9]:8000", "pod-7.cluster.local"])
def test_health_is_told_under_any_host(client: CheckingClient, path: str, says: str, host: str):
    assert client.get(path, headers={"Host": host}).text == says


@pytest.mark.parametrize("path", ["/", "/sign-in", "/brand.css", "/livez/", "/nothing"])
def test_every_other_page_has_one_host(client: CheckingClient, path: str):
    answer = client.open(path, headers={"Host": "10.0.0.9"})
    assert (answer.status_code, answer.text) == (400, "Bad request\n")


@contextmanager
def migrated_elsewhere() -> Iterator[None]:
    stamp("an earlier one")
    yield
    stamp(health.newest_migrations()[0])


def stamp(version: str) -> None:
    with db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        connection.commit()


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**63)
    yield
    monkeypatch.undo()


@contextmanager
def no_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise db.engine.dialect.dbapi.OperationalError("unable to open database file")  # type: ignore[union-attr]

    db.engine.dispose()
    event.listen(db.engine, "do_connect", refuse)
    yield
    event.remove(db.engine, "do_connect", refuse)


@contextmanager
def read_only(databases: Databases) -> Iterator[None]:
    if isinstance(databases, PostgresqlDatabases):
        databases.run(f"ALTER DATABASE {databases.name} SET default_transaction_read_only = on")
        db.engine.dispose()
        yield
        databases.run(f"ALTER DATABASE {databases.name} RESET default_transaction_read_only")
        db.engine.dispose()
        return
    # Somebody writes, and does not come to an end.
    with db.engine.connect().execution_options(writes=True) as connection:
        connection.execute(text("SELECT 1"))
        yield


@contextmanager
def stopping(app: Flask) -> Iterator[None]:
    app.extensions[health.STOPPING] = byte = mmap.mmap(-1, 1)
    byte[0] = 1
    yield
    del app.extensions[health.STOPPING]


FAULTS = {
    "stopping": "web server: is stopping\n",
    "migrated elsewhere": "database: not at the newest migration; run portal db upgrade\n",
    "no connection": "database: does not answer\n",
    "read only": "database: takes no writes\n",
    "full disk": "instance folder: its disk is full\n",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_turns_one_flag_and_it_turns_back(
    app: Flask, databases: Databases, client: CheckingClient, monkeypatch: pytest.MonkeyPatch, fault: str
):
    broken = {
        "stopping": lambda: stopping(app),
        "migrated elsewhere": migrated_elsewhere,
        "no connection": lambda: no_connection(monkeypatch),
        "read only": lambda: read_only(databases),
        "full disk": lambda: full_disk(monkeypatch),
    }[fault]
    monkeypatch.setattr(health, "PROBE_SECONDS", 0)
    assert client.get("/readyz").text == "ready\n"
    with broken():
        answer = client.get("/readyz", expect=503)
        assert answer.text == FAULTS[fault]
        assert client.get("/livez").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"


def test_a_process_lives_without_its_database(app: Flask, client: CheckingClient, monkeypatch: pytest.MonkeyPatch):
    """Whoever restarts what does not live would otherwise restart all of them while the database is away."""
    with no_connection(monkeypatch):
        assert client.get("/livez").text == "ok\n"


def test_a_folder_that_cannot_be_written_is_not_ready(
    app: Flask, client: CheckingClient, monkeypatch: pytest.MonkeyPatch
):
    before = os.access
    folder = app.config["INSTANCE_PATH"]
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != folder and before(path, mode))
    assert client.get("/readyz", expect=503).text == "instance folder: cannot be written\n"


def test_mail_that_waits_is_told_and_takes_nobody_out_of_rotation(clock, client: CheckingClient, employee: Person):
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    clock.shift(timedelta(minutes=14))
    assert client.get("/readyz").text == "ready\n"
    clock.shift(timedelta(minutes=2))
    assert client.get("/readyz").text == "ready\nmail: has been waiting for 16 minutes\n"
    with write():
        db.session.query(OutboxMessage).update({"state": "done", "finished_at": the_clock.now()})
    assert client.get("/readyz").text == "ready\n"


def test_requests_for_recovery_that_nobody_looks_up_are_told_too(clock, app: Flask, client: CheckingClient):
    with write():
        recovery.ask("erin", Need.PASSWORD)
    clock.shift(timedelta(hours=1))
    assert client.get("/readyz").text == "ready\nrecovery: has been waiting for 60 minutes\n"
    with write():
        db.session.query(RecoveryRequest).delete()


def test_a_log_that_has_grown_is_told(app: Flask, client: CheckingClient):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("about SQLite")
    with Path(f"{db.engine.url.database}-wal").open("ab") as log:
        log.truncate(100 * 2**20)
    assert client.get("/readyz").text == "ready\ndatabase: its write-ahead log has grown to 100 MiB\n"
    assert "note   SQLite: its write-ahead log has grown" in app.test_cli_runner().invoke(args=["check"]).output


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_no_answer_tells_a_version(app: Flask, client: CheckingClient, path: str):
    answer = client.get(path)
    assert not any(character.isdigit() for character in answer.text)
