"""SQLite's write-ahead log: it grows while somebody reads for long, that is told, and afterwards it is short again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import text

from portal import clock as the_clock
from portal import worker
from portal.extensions import USUAL_LOG_BYTES, db
from portal.models import RecoveryRequest
from portal.services import health, housekeeping
from portal.transactions import write

MIB = 2**20


@pytest.fixture(autouse=True)
def sqlite(app: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL looks after its own log")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that counts as grown by two MiB."""
    monkeypatch.setattr(health, "LARGEST_LOG_BYTES", 2 * MIB)


def write_much(mib: int) -> None:
    """A transaction for each MiB. Due in a thousand years, so that no worker takes it up."""
    now = the_clock.now()
    for _ in range(mib):
        with write():
            far = now.replace(year=9000)
            row = RecoveryRequest(
                identifier="x" * MIB, need="username", address="", zone="internet", created_at=now, due_at=far
            )
            db.session.add(row)
        db.session.expunge_all()


@contextmanager
def reading() -> Iterator[None]:
    """Somebody reads, and does not come to an end."""
    with db.engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM recovery_requests"))
        yield
        connection.rollback()


def test_it_is_short_while_nobody_reads_for_long(app: Flask):
    write_much(30)
    assert health.log_bytes() < 8 * MIB
    assert health.grown_log() == []


def test_what_a_long_reader_made_it_grow_to_goes_with_the_writes_that_follow(app: Flask):
    with reading():
        write_much(USUAL_LOG_BYTES // MIB + 8)
        assert health.log_bytes() > USUAL_LOG_BYTES
    write_much(2)
    assert health.log_bytes() <= USUAL_LOG_BYTES


def test_the_worker_empties_it_once_the_reader_is_gone_and_waits_for_nobody(clock, app: Flask, soon: None):
    with reading():
        write_much(4)
        assert health.grown_log() == [f"database: its write-ahead log has grown to {health.log_bytes() // MIB} MiB"]
        began = time.monotonic()
        worker.do_once(Event())
        assert time.monotonic() - began < housekeeping.SHORTEN_SECONDS + 2
        assert health.log_bytes() > 4 * MIB
        began = time.monotonic()
        worker.do_once(Event())
        assert time.monotonic() - began < housekeeping.SHORTEN_SECONDS, "not again within a minute: writers wait for it"
    clock.shift(timedelta(minutes=1))
    worker.do_once(Event())
    assert health.log_bytes() < MIB // 4
    assert health.grown_log() == []


def test_every_connection_is_as_patient_as_before(app: Flask, soon: None):
    with reading():
        write_much(4)
        housekeeping.shorten_log()
    db.session.rollback()
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
