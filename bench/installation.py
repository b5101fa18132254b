"""The portal as it runs, for benchmarks: the demonstration's people in a database of its own, web, and worker."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import make_url, select

from portal import clock, create_app
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account
from portal.services import demonstration, passwords
from portal.transactions import write

PASSWORD = "copper lantern meadow"
DATABASE = "gatehouse_bench"
ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


class Installation:
    """An instance folder and a database, gone at the end, and the processes started from it."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.server = None if database == "sqlite" else make_url(database).set(drivername="postgresql")
        self.settings = {
            "PORTAL_INSTANCE_PATH": str(folder),
            "PORTAL_BASE_URL": f"http://127.0.0.1:{self.port}",
            "PORTAL_RATE_LIMITS": "false",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        if self.server is not None:
            self._run(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"CREATE DATABASE {DATABASE}")
            url = self.server.set(drivername="postgresql+psycopg", database=DATABASE)
            self.settings["PORTAL_SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
        os.environ.update(self.settings)

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self.server.render_as_string(hide_password=False), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def fill(self, accounts: int) -> list[str]:
        """Load the demonstration and give passwords to ``accounts`` of its people; answers their usernames."""
        app = create_app()
        with app.app_context():
            flask_migrate.upgrade()
            with write():
                demonstration.load()
            self.sign_ins = demonstration.sign_ins()
            self.administrator = next(entry for entry in self.sign_ins if entry.role == "local_administrator")
            # From here on it is an installation like any other: its sign-in page shows no demonstration.
            (self.folder / demonstration.FILE).unlink()
            names = self._open(accounts)
            db.session.remove()
            db.engine.dispose()
        self.app: Flask = app
        return names

    def _open(self, accounts: int) -> list[str]:
        stored = passwords.hash_of(PASSWORD)
        names = []
        with write():
            unused = (
                select(Account).where(Account.state == AccountState.NOT_REGISTERED).order_by(Account.id).limit(accounts)
            )
            for number, account in enumerate(db.session.scalars(unused).all()):
                account.state = AccountState.ACTIVE
                account.username = f"bench{number}"
                account.password_hash = stored
                account.password_changed_at = clock.now()
                account.enrolled = True
                names.append(account.username)
        return names

    def start(self, name: str, *arguments: str) -> int:
        """Start a process of the portal, or a script; answers its id."""
        command = [sys.executable, *arguments] if arguments[0].endswith(".py") else [
            sys.executable, "-c", "from portal.commands import main; main()", *arguments,
        ]  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=log, stderr=log)
        self.processes[name] = process
        return process.pid

    def wait_for(self, port: int, path: str) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
            time.sleep(0.05)
        raise SystemExit(f"nothing answers on port {port}; see {self.folder}")

    def end(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(40)
        if self.server is not None:
            self._run(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


@contextmanager
def installation(database: str) -> Iterator[Installation]:
    """``database`` is ``sqlite`` or the URL of a PostgreSQL server, where a database is made and dropped."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        made = Installation(Path(folder), database)
        try:
            yield made
        finally:
            made.end()


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *map(int, children)]


def processor_seconds(pid: int) -> float:
    """What a process and its children have taken of the processors so far."""
    ticks = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> list[tuple[int, int, int]]:
    """Of a process and its children: id, resident and proportional size in kB."""
    found = []
    for each in family(pid):
        lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        found.append((each, sizes["Rss"], sizes["Pss"]))
    return found
