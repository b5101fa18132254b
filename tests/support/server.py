"""The product as it runs: `portal serve` and `portal worker` as processes, in an instance folder of the test's own.

    def test_the_story(portal, smtp_server):
        portal.send_mail_to(smtp_server)
        web, worker = portal.serve(), portal.worker()
        httpx.get(portal.url + "/sign-in")
        worker.kill()                       # SIGKILL; .stop() is SIGTERM, and answers the exit code

Processes are ended by their own ids, with what they started.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import flask_migrate
import httpx
import pytest
from flask import Flask

from portal import create_app
from portal.extensions import db
from tests.support.databases import Databases, SqliteFiles
from tests.support.loaded import Forked, is_possible, loaded
from tests.support.ports import free_port
from tests.support.smtp import Mailbox

ROOT = Path(__file__).parents[2]


class Started:
    """One process that a test started, and what it has said."""

    process: subprocess.Popen[bytes] | Forked

    def __init__(
        self, arguments: list[str], environment: dict[str, str], output: Path, passed_on: tuple[int, ...] = ()
    ) -> None:
        self.arguments = arguments
        self.output = output
        with output.open("ab") as log:
            # A session of its own: its id reaches the processes that it starts, and nobody else's.
            self.process = subprocess.Popen(
                arguments,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=passed_on,
            )

    @classmethod
    def forked(cls, arguments: list[str], environment: dict[str, str], output: Path, before: str) -> "Started":
        """`portal` with the arguments, without loading it anew."""
        started = cls.__new__(cls)
        started.arguments, started.output = arguments, output
        with output.open("ab") as log:
            started.process = loaded(str(ROOT)).start(arguments, environment, before, log, log)
        return started

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        """Everything on standard output and error so far."""
        return self.output.read_text(errors="replace")

    def is_running(self) -> bool:
        return self.process.poll() is None

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM to the process itself, as systemd's KillMode=mixed does; answers the exit code."""
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.arguments} did not stop within {seconds} seconds:\n{self.said[-3000:]}"
            ) from None

    def kill(self) -> None:
        """SIGKILL, to it and to what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


class Portal:
    """An installation: its settings, its instance folder, its database, and the processes started from it."""

    def __init__(self, folder: Path, database_uri: str | None = None) -> None:
        self.folder = folder
        self.instance = folder / "instance"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, Any] = {"INSTANCE_PATH": self.instance, "BASE_URL": self.url}
        if database_uri:
            self.settings["SQLALCHEMY_DATABASE_URI"] = database_uri
        self.started: list[Started] = []
        self.before = ""
        """Python that each process runs before the product: a clock or a fault from ``tests/support/launched.py``."""
        self.forks = is_possible()
        """Whether its processes are forks of one that has loaded the product."""

    @property
    def environment(self) -> dict[str, str]:
        """This run's environment without its own settings, and with the installation's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
        return (
            kept | {f"PORTAL_{name}": _text(value) for name, value in self.settings.items()} | {"PYTHONUNBUFFERED": "1"}
        )

    def send_mail_to(self, mailbox: Mailbox) -> None:
        """What is started from now on delivers mail there."""
        self.settings.update(
            MAIL_SERVER=mailbox.host, MAIL_PORT=mailbox.port, MAIL_DEFAULT_SENDER="Gatehouse <portal@portal.example>"
        )

    def command(self, *arguments: str, expect: int = 0, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """`portal …`, to its end. Raises AssertionError for another exit code."""
        done = self._run(arguments, seconds)
        assert done.returncode == expect, (
            f"portal {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done

    def serve(self, *arguments: str) -> Started:
        """`portal serve`, once it answers."""
        web = self._start("serve", "--host", "127.0.0.1", "--port", str(self.port), *arguments)
        deadline = time.monotonic() + 30
        while True:
            assert web.is_running(), f"portal serve ended by itself:\n{web.said[-3000:]}"
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/livez", trust_env=False, timeout=2).status_code == 200:
                    return web
            assert time.monotonic() < deadline, f"portal serve did not answer within 30 seconds:\n{web.said[-3000:]}"
            time.sleep(0.05)

    def worker(self, *arguments: str) -> Started:
        """`portal worker`."""
        return self._start("worker", *arguments)

    @contextmanager
    def database(self) -> Iterator[Flask]:
        """An application on the installation's database, in its context: for looking at rows, and for making some."""
        app = create_app({**self.settings, "INSTANCE_PATH": str(self.instance)})
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()

    def migrate(self) -> None:
        """Make the database, as `portal db upgrade` does, without a process for it."""
        with self.database():
            flask_migrate.upgrade()

    def end(self) -> None:
        """End what still runs."""
        for process in self.started:
            process.kill()

    def _start(self, *arguments: str) -> Started:
        self.folder.mkdir(parents=True, exist_ok=True)
        output = self.folder / f"{arguments[0]}-{len(self.started) + 1}.log"
        if self.forks:
            started = Started.forked(list(arguments), self.environment, output, self.before)
        else:
            started = Started([*self.program(), *arguments], self.environment, output)
        self.started.append(started)
        return started

    def _run(self, arguments: tuple[str, ...], seconds: float) -> subprocess.CompletedProcess[str]:
        if not self.forks:
            command = [*self.program(), *arguments]
            return subprocess.run(
                command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=seconds
            )
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error:
            process = loaded(str(ROOT)).start(arguments, self.environment, self.before, output, error)
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            said = [_whole(file) for file in (output, error)]
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def program(self) -> list[str]:
        """`portal`, to which a command's arguments are added.

        While it loads, nothing is garbage: not looking for any saves a fifth of the start of hundreds of processes.
        """
        loads = ("import gc; gc.disable()", self.before, "from portal.commands import main", "gc.enable(); main()")
        return [sys.executable, "-c", "\n".join(filter(None, loads))]


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)


LOADED_ANEW = {"commands", "deployment"}
"""The folders of the tests that look at how processes start."""


@pytest.fixture
def portal(databases: Databases, house: Flask, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Portal]:
    """An installation with a migrated, empty database, of the kind that this run is on; its processes end with it."""
    if isinstance(databases, SqliteFiles):
        installed = Portal(tmp_path)
        installed.migrate()
    else:
        databases.empty(house)
        installed = Portal(tmp_path, databases.uri)
    installed.forks = installed.forks and request.path.parent.name not in LOADED_ANEW
    try:
        yield installed
    finally:
        installed.end()
