"""A PostgreSQL for the tests: the one that is named, or a private cluster of our own, gone at the end.

The private one keeps nothing safe (fsync off): it lives as long as the tests. PostgreSQL refuses to run as root, so
root starts it as another user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.ports import free_port

ROLE = "gatehouse"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": 200,
}


def programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, newest version first; None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> tuple[list[str], str]:
    """What to put before a command so that it does not run as root, and the name of who runs it."""
    if os.geteuid() != 0:
        return [], pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={name}", f"--regid={pwd.getpwnam(name).pw_gid}", "--clear-groups"], name
    raise RuntimeError("PostgreSQL does not run as root, and there is nobody else to run it")


@contextmanager
def server(given: str | None = None) -> Iterator[str]:
    """The URL of a server that may be filled with databases; skips where there is none to start."""
    if given:
        yield given
        return
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed; TEST_DATABASE_URL may name one")
    prefix, user = _unprivileged()
    # Not below pytest's own folders: they are closed to other users.
    home = Path(tempfile.mkdtemp(prefix="gatehouse-postgresql-"))
    try:
        if prefix:
            shutil.chown(home, user)
        subprocess.run(
            [
                *prefix,
                found / "initdb",
                "-D",
                home / "data",
                "-U",
                ROLE,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
            check=True,
            capture_output=True,
            cwd=home,
        )
        with _started([*prefix, str(found / "postgres")], home) as url:
            yield url
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _started(program: list[str], home: Path) -> Iterator[str]:
    port = free_port()
    settings = {**SETTINGS, "port": port}
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([*program, "-D", home / "data", *arguments], stdout=log, stderr=log, cwd=home)
    try:
        url = f"postgresql://{ROLE}@127.0.0.1:{port}/postgres"
        _wait_for(url, process, home / "log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)
