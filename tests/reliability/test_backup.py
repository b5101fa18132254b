"""Backups made and put back while people work: whole, however it ends, and nothing that is over begins again."""

import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from portal.domain.account_state import AccountState
from portal.services import audit_heads, audit_verification
from tests.factories import PASSWORD, TEMPORARY_PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import CYCLES, PAUSE, Trust
from tests.reliability.crowd import NEW_PASSWORD, Crowd
from tests.support.databases import Databases, SqliteFiles
from tests.support.embedded import looking_into
from tests.support.launched import WITH_SLOW_COPIES
from tests.support.mail_faults import MailServer
from tests.support.server import Portal
from tests.support.trail import entries
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

FILLING = (
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) "
    "INSERT INTO counters SELECT 'filling:' || n, n FROM numbers"
)
"""So much that a copy takes its time."""


@pytest.fixture(autouse=True)
def _embedded(databases: Databases) -> None:
    if not isinstance(databases, SqliteFiles):
        pytest.skip("PostgreSQL has tools of its own")


def is_whole(file: Path) -> bool:
    with looking_into(file) as connection:
        damage = connection.execute("PRAGMA integrity_check").fetchall()
        return damage == [("ok",)] and not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_what_is_backed_up_under_load_is_whole_and_agrees_with_itself(
    portal: Portal, trust: Trust, mail_server: MailServer, tmp_path: Path
) -> None:
    crowd = Crowd(portal, trust, PAUSE)
    portal.serve()
    portal.worker()
    crowd.start()
    made = []
    for number in range(CYCLES):
        crowd.wait_for(3)
        made.append(tmp_path / f"{number}.backup")
        portal.command("backup", str(made[-1]))
    crowd.stop()
    counts = []
    for number, file in enumerate(made):
        assert is_whole(file)
        another = Portal(tmp_path / f"another-{number}")
        another.command("restore", str(file))
        assert "The audit trail fits" in another.command("audit", "verify").stdout
        assert is_whole(another.instance / "portal.sqlite3")
        with another.database():
            ledger.check(trust.initial, restored=True)
            counts.append(len(entries()))
    assert counts == sorted(set(counts)), "nobody did anything between the backups"


class Office:
    """Signing in, looking and guessing, without an end; and every status that was answered."""

    def __init__(self, portal: Portal, trust: Trust) -> None:
        self.portal, self.trust = portal, trust
        self.people = trust.add(4, AccountState.ACTIVE, "Vera")
        self.victims = cycle(trust.add(3, AccountState.ACTIVE, "Vito"))
        self.statuses: Counter[int] = Counter()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(ess_id,)) for ess_id in self.people]
        self.threads.append(threading.Thread(target=self._guess))

    def __enter__(self) -> "Office":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(40)

    def wait_for(self, count: int) -> None:
        before = self.statuses.total()
        wait_until(lambda: self.statuses.total() >= before + count, "requests are answered")

    def _work(self, ess_id: int) -> None:
        while not self.over.is_set():
            with visiting(self.portal.url) as visitor:
                self._see(visitor.try_to_sign_in, self.trust.usernames[ess_id], PASSWORD, None)
                for _ in range(3):
                    self.statuses[visitor.http.get("/account").status_code] += 1

    def _guess(self) -> None:
        with visiting(self.portal.url) as visitor:
            visitor.get("/sign-in")
            while not self.over.is_set():
                wrong = {"username": self.trust.usernames[next(self.victims)], "password": "not this one"}
                self._see(visitor.send, "/sign-in", wrong, None)

    def _see(self, ask: Callable[..., object], *arguments: object) -> None:
        self.over.wait(PAUSE)
        self.statuses[ask(*arguments).status_code] += 1  # type: ignore[attr-defined]


def test_a_restore_under_a_running_portal_puts_everybody_out_and_revives_nothing(
    portal: Portal, trust: Trust, mail_server: MailServer, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    (starter,) = trust.add(1, AccountState.REGISTRATION_PENDING, "Nora")
    (reader,) = trust.add(1, AccountState.ACTIVE, "Rita")
    link = trust.recovery_tokens([reader])[reader]
    portal.serve()
    with visiting(portal.url) as lena, visiting(portal.url) as stranger, Office(portal, trust) as office:
        lena.sign_in(trust.administrator, PASSWORD)
        trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Wanda"))
        portal.command("backup", str(backup))
        # All of this is sent and used after the backup, which holds it as waiting and unused.
        portal.worker()
        wait_until(lambda: "queued" not in trust.states_of_mail(), "all mail is delivered")
        complete(stranger, trust.usernames[starter])
        reset(stranger, link)
        office.wait_for(20)
        with whole_all_the_time(trust):
            said = portal.command("restore", str(backup)).stdout
        office.wait_for(20)
        assert lena.http.get("/account").headers["Location"].startswith("/sign-in")
        check_spent(stranger, trust.usernames[starter], link)
        check_that_mail_goes_on(lena, trust, starter, mail_server)
    assert set(office.statuses) <= {200, 303, 422, 503}, office.statuses
    assert "void, of people to re-enrol: 2." in said
    portal.command("audit", "verify")
    assert is_whole(portal.instance / "portal.sqlite3")


def check_that_mail_goes_on(lena: Visitor, trust: Trust, ess_id: int, mail_server: MailServer) -> None:
    """New mail is sent, and nothing of before again."""
    sent = len(mail_server.messages)
    lena.sign_in(trust.administrator, PASSWORD)
    lena.send(trust.move(ess_id, "re-enrol"))
    mail_server.wait_for(sent + 1)
    ids = Counter(str(mail.message["Message-ID"]) for mail in mail_server.messages)
    assert set(ids.values()) == {1}


def check_spent(visitor: Visitor, username: str, link: str) -> None:
    """Neither a temporary password nor a link that was used since the backup opens anything."""
    visitor.http.cookies.clear()
    visitor.try_to_sign_in(username, TEMPORARY_PASSWORD, expect=422)
    visitor.get(f"/recover/{link}", expect=303)
    visitor.get("/recover/new-password", expect=410)


def complete(visitor: Visitor, username: str) -> None:
    visitor.try_to_sign_in(username, TEMPORARY_PASSWORD)
    visitor.get("/enrol")
    visitor.send("/enrol", {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD})


def reset(visitor: Visitor, link: str) -> None:
    visitor.http.cookies.clear()
    visitor.get(f"/recover/{link}", expect=303)
    visitor.get("/recover/new-password")
    visitor.send("/recover/new-password", {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD})


class Watcher(threading.Thread):
    """Looks at the whole audit trail again and again: who sees half of a database sees a broken chain."""

    def __init__(self, trust: Trust) -> None:
        super().__init__()
        self.trust, self.over = trust, threading.Event()
        self.seen: list[object] = []

    def run(self) -> None:
        while not self.over.is_set():
            self.over.wait(PAUSE)
            with self.trust.database():
                self.seen.append(audit_verification.verify({}).misfit)


@contextmanager
def whole_all_the_time(trust: Trust) -> Iterator[None]:
    watcher = Watcher(trust)
    watcher.start()
    try:
        yield
    finally:
        watcher.over.set()
        watcher.join(40)
    assert watcher.seen
    assert set(watcher.seen) == {None}


@pytest.fixture
def filled(trust: Trust) -> Trust:
    """So much data that a kill can come in the middle."""
    trust.add(2, AccountState.REGISTRATION_PENDING, "Nora")
    trust.run_sql([FILLING])
    with trust.database():
        audit_heads.advance()
    return trust


def started(portal: Portal, *arguments: str, before: str = "") -> subprocess.Popen[bytes]:
    portal.before = before
    nothing = subprocess.DEVNULL
    return subprocess.Popen([*portal.program(), *arguments], env=portal.environment, stdout=nothing, stderr=nothing)


def killed_at_moments(portal: Portal, folder: Path, *arguments: str) -> Iterator[Callable[[], int]]:
    """Each starts the command and kills it, and answers its exit code: first while its draft is there, then at any
    moment, most of them in the later part of what it takes, where it works.
    """
    began = time.monotonic()
    portal.command(*arguments)
    seconds = time.monotonic() - began

    def kill(wait: Callable[[], object], before: str = "") -> int:
        running = started(portal, *arguments, before=before)
        wait()
        running.kill()
        return running.wait(20)

    yield partial(kill, lambda: wait_until(lambda: bool(drafts(folder)), "it has begun"), WITH_SLOW_COPIES)
    for _ in range(CYCLES - 1):
        yield partial(kill, partial(time.sleep, random.uniform(0.4, 1.0) * seconds))


def drafts(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if ".part" in file.name]


def test_a_killed_backup_leaves_the_older_one_or_the_newer_one(portal: Portal, filled: Trust, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    file = folder / "backup"
    cut_short = 0
    for begin_and_kill in killed_at_moments(portal, folder, "backup", str(file)):
        (ess_id,) = filled.add(1, AccountState.ACTIVE, "Vera")
        before = file.stat().st_ino
        cut_short += begin_and_kill() == -signal.SIGKILL
        assert is_whole(file)
        with looking_into(file) as connection:
            known = connection.execute("SELECT count(*) FROM people WHERE ess_id = ?", (ess_id,)).fetchone()
        assert known == (int(file.stat().st_ino != before),)
    assert cut_short
    portal.command("backup", str(file))
    assert [found.name for found in folder.iterdir()] == ["backup"]


def test_a_backup_that_is_asked_to_stop_leaves_nothing(portal: Portal, filled: Trust, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    running = started(portal, "backup", str(folder / "backup"), before=WITH_SLOW_COPIES)
    wait_until(lambda: bool(drafts(folder)), "it has begun")
    running.terminate()
    assert running.wait(40) == 128 + signal.SIGTERM
    assert list(folder.iterdir()) == []


def test_a_killed_restore_leaves_the_database_that_was_or_the_one_that_comes(
    portal: Portal, filled: Trust, tmp_path: Path
) -> None:
    """And whatever it left, the next one works."""
    file = tmp_path / "backup"
    portal.command("backup", str(file))
    live = portal.instance / "portal.sqlite3"
    ends: Counter[str] = Counter()
    for begin_and_kill in killed_at_moments(portal, portal.instance, "restore", str(file)):
        (ess_id,) = filled.add(1, AccountState.ACTIVE, "Vera")
        begin_and_kill()
        assert is_whole(live)
        with looking_into(live) as connection:
            known = connection.execute("SELECT count(*) FROM people WHERE ess_id = ?", (ess_id,)).fetchone() == (1,)
        ends["the one that was" if known else "the one that comes"] += 1
        portal.command("audit", "verify")
    assert ends["the one that was"]
    portal.command("restore", str(file))
    assert drafts(portal.instance) == []
    portal.command("audit", "verify")
    with filled.database():
        assert entries(event="installation:database:restored")[-1].sequence == len(
            entries(event="installation:database:restored")
        )
