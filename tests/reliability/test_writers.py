"""Many write at once, and SQLite lets one after the other: nobody is told that the database is locked.

WRITERS and WRITING_SECONDS make it longer; `make test-kills` does.
"""

import os
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.domain.account_state import AccountState
from portal.extensions import LOCK_SECONDS, db, sqlite_module
from portal.models import Counter as Numbers
from portal.services import sequences
from portal.transactions import write
from tests.factories import PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import Trust
from tests.support.guesses import at_once
from tests.support.mail_faults import MailServer
from tests.support.server import Portal
from tests.support.visitor import visiting
from tests.support.waiting import wait_until

WRITERS = int(os.environ.get("WRITERS", "20"))
SECONDS = int(os.environ.get("WRITING_SECONDS", "4"))


class Writers:
    """So many at once, in threads of their own, until the time is over; and what they were told."""

    def __init__(self, portal: Portal, trust: Trust) -> None:
        self.portal, self.trust = portal, trust
        self.told: Counter[tuple[str, int]] = Counter()
        self.until = 0.0
        people = {self._administrate: AccountState.NOT_REGISTERED, self._sign_in: AccountState.ACTIVE}
        self.threads = [
            threading.Thread(target=duty, args=(ess_id,))
            for duty, state in people.items()
            for ess_id in trust.add(WRITERS // 2, state, f"Writer{state.name[:3].title()}")
        ]

    def write(self) -> None:
        self.until = time.monotonic() + SECONDS
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()

    def _administrate(self, ess_id: int) -> None:
        with visiting(self.portal.url) as visitor:
            visitor.sign_in(self.trust.administrator, PASSWORD)
            self._note("register", visitor.send(self.trust.move(ess_id, "register"), expect=None))
            while self._goes_on("re-enrol"):
                self._note("re-enrol", visitor.send(self.trust.move(ess_id, "re-enrol"), expect=None))

    def _sign_in(self, ess_id: int) -> None:
        name = self.trust.usernames[ess_id]
        with visiting(self.portal.url) as visitor:
            while self._goes_on("sign-in"):
                visitor.get("/recover?need=password")
                asked = {"identifier": name, "need": "password"}
                self._note("recover", visitor.send("/recover", asked, expect=None))
                typed = {"username": name, "password": "not this one"}
                self._note("sign-in", visitor.send("/sign-in", typed, expect=None))

    def _goes_on(self, what: str) -> bool:
        """Until the time is over, and on a busy machine until there was something to see."""
        return time.monotonic() < self.until or sum(self.told[key] for key in list(self.told) if key[0] == what) < 20

    def _note(self, what: str, answer: httpx.Response) -> None:
        self.told[what, answer.status_code] += 1


def test_writers_at_once_are_never_told_that_the_database_is_locked(
    portal: Portal, trust: Trust, mail_server: MailServer
) -> None:
    processes = [portal.serve("--workers", "2"), portal.worker(), portal.worker()]
    writers = Writers(portal, trust)
    writers.write()
    assert set(writers.told) == {("register", 303), ("re-enrol", 303), ("recover", 303), ("sign-in", 422)}
    wait_until(lambda: "queued" not in trust.states_of_mail(), "all mail is delivered", seconds=90 + SECONDS)
    for process in processes:
        assert "did not answer" not in process.said
        assert "locked" not in process.said
    with trust.database():
        ledger.check(trust.initial)


def test_sqlite_keeps_what_it_was_told(portal: Portal, trust: Trust) -> None:
    if not trust.is_sqlite:
        pytest.skip("about SQLite")
    with trust.database(), db.engine.connect() as first, db.engine.connect() as second:
        for connection in (first, second):
            in_force = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "mmap_size")
            }
            assert in_force == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": LOCK_SECONDS * 1000,
                "mmap_size": 0,
            }
    # What a connection of somebody else's sees: the file itself says WAL.
    with sqlite3.connect(portal.instance / "portal.sqlite3") as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    plain.close()


def test_who_read_before_is_refused_at_once_and_who_begins_to_write_waits(app: Flask) -> None:
    """What SQLite does when a transaction that has read begins to write: no timeout helps. So none of ours does."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("about SQLite")
    file, patience = str(db.engine.url.database), 5.0
    with (
        closing(sqlite_module().connect(file, timeout=patience, isolation_level=None)) as other,
        closing(sqlite_module().connect(file, timeout=patience, isolation_level=None)) as stale,
    ):
        stale.execute("BEGIN")
        stale.execute("SELECT * FROM counters").fetchall()
        other.execute("INSERT INTO counters (name, value) VALUES ('a', 1)")
        began = time.monotonic()
        with pytest.raises(sqlite_module().OperationalError, match="locked"):
            stale.execute("UPDATE counters SET value = 2")
        assert time.monotonic() - began < 0.5
        stale.execute("ROLLBACK")

        # The same in a transaction of ours: what was read is let go, and the lock is waited for.
        db.session.scalars(select(Numbers)).all()
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE counters SET value = 3")
        with ThreadPoolExecutor(1) as pool:
            began = time.monotonic()
            ours = pool.submit(add_one, app)
            time.sleep(1)
            assert not ours.done()
            other.execute("COMMIT")
            assert ours.result(10) == 4
        assert 1 <= time.monotonic() - began < LOCK_SECONDS


def add_one(app: Flask) -> int:
    with app.app_context():
        read = db.session.scalars(select(Numbers)).one()
        with write():
            read.value += 1
            return read.value


def test_changes_that_meet_lose_nothing(app: Flask) -> None:
    def next_ten() -> list[int]:
        found = []
        with app.app_context():
            for _ in range(10):
                db.session.execute(text("SELECT 1 FROM counters")).all()
                with write():
                    found.append(sequences.next_value("one"))
        return found

    numbers = [number for ten in at_once([next_ten] * 8) for number in ten]
    assert sorted(numbers) == list(range(1, 81))
