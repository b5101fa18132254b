"""What `make run` starts: the demonstration, web and worker in one go."""

import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from portal.commands import main; main()", "demonstration-run", "--port"]


class Run:
    """One `make run`, in a process group of its own."""

    def __init__(self, instance: Path, port: int) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        self.port = port
        self.output = instance.parent / "run.log"
        with self.output.open("wb") as said:
            self.process = subprocess.Popen(
                [*COMMAND, str(port)],
                env={**kept, "PORTAL_INSTANCE_PATH": str(instance), "PYTHONUNBUFFERED": "1"},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait(self) -> "Run":
        deadline = time.monotonic() + 60
        while "Press Ctrl+C to stop." not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[int]:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]


def has_no_mail_waiting(database: Path) -> bool:
    """Whether the worker has sent what the demonstration's beginning asks for."""
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        [count] = connection.execute("SELECT count(*) FROM outbox_messages WHERE state = 'queued'").fetchone()
    return count == 0


def rows_of(database: Path) -> str:
    """Everything that the database holds but the worker's sign of life."""
    with closing(sqlite3.connect(database)) as connection:
        found = hashlib.sha256()
        for line in connection.iterdump():
            if not line.startswith('INSERT INTO "heartbeats"'):
                found.update(line.encode())
    return found.hexdigest()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The first start of all, which loads the demonstration; it runs for the tests of this file that only look."""
    run = Run(tmp_path_factory.mktemp("run") / "instance", free_port())
    yield run.wait()
    run.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[int], Run]]:
    """Starts one after the other, all in one instance folder; none outlives the test."""
    runs: list[Run] = []

    def started(port: int) -> Run:
        runs.append(Run(tmp_path / "instance", port))
        return runs[-1]

    yield started
    for run in runs:
        run.kill()


def test_says_where_to_go_and_where_the_mail_is(loaded: Run) -> None:
    assert f"Gatehouse is running at http://127.0.0.1:{loaded.port}/sign-in" in loaded.said
    assert "The sign-in page offers a sign-in for each role." in loaded.said
    assert f"Mail is shown at http://127.0.0.1:{loaded.port}/demonstration/mail" in loaded.said
    assert httpx.get(f"http://127.0.0.1:{loaded.port}/sign-in", trust_env=False).status_code == 200


def test_a_port_that_is_taken_is_named_with_a_way_out(loaded: Run, start: Callable[[int], Run]) -> None:
    second = start(loaded.port)
    assert second.process.wait(30) == 1
    assert f"port {loaded.port}: Address already in use; make run PORT={loaded.port + 1} takes another" in second.said


def test_stops_what_it_started_and_starts_again_on_the_same_data(tmp_path: Path, start: Callable[[int], Run]) -> None:
    instance = tmp_path / "instance"
    first = start(free_port()).wait()
    children = first.children()
    assert len(children) == 2
    wait_until(lambda: has_no_mail_waiting(instance / "portal.sqlite3"), "the first mails are sent")
    os.killpg(first.process.pid, signal.SIGINT)
    assert first.process.wait(30) == 0
    assert "Traceback" not in first.said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", first.port), timeout=2)
    before = rows_of(instance / "portal.sqlite3")

    began = time.monotonic()
    second = start(first.port).wait()
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert time.monotonic() - began < 5 * max(1, busy)
    assert "Loaded" not in second.said
    os.kill(second.process.pid, signal.SIGTERM)
    assert second.process.wait(30) == 0
    assert rows_of(instance / "portal.sqlite3") == before

    third = start(first.port).wait()
    os.kill(third.children()[1], signal.SIGKILL)
    assert third.process.wait(30) == 1
    assert "ended by itself (exit code -9); the rest is stopped" in third.said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", first.port), timeout=2)
