"""The systemd units: right in systemd's eyes, and their commands run as they are written."""

import configparser
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support.databases import Databases
from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
UNITS = ("gatehouse-web.service", "gatehouse-worker.service")
SOCKET = "gatehouse-web.socket"


class Prefixed:
    """The units as they are, with each absolute path below a folder of the test."""

    def __init__(self, prefix: Path, port: int) -> None:
        self.prefix = prefix
        self.port = port
        self.units: dict[str, Path] = {}
        home = prefix / "opt/gatehouse"
        home.mkdir(parents=True)
        (home / ".venv/bin").mkdir(parents=True)
        portal = home / ".venv/bin/portal"
        portal.write_text(f"#!{sys.executable}\nfrom portal.commands import main\nmain()\n")
        portal.chmod(0o755)
        for name in (*UNITS, SOCKET):
            text = (ROOT / "deploy" / name).read_text()
            for path in ("/opt/gatehouse", "/etc/gatehouse", "/var/lib/gatehouse"):
                text = text.replace(path, f"{prefix}{path}")
            self.units[name] = prefix / name
            self.units[name].write_text(text.replace("--port 8000", f"--port {port}"))

    def lines(self, name: str, key: str) -> list[str]:
        """Every value of a key, in order."""
        return [
            line.partition("=")[2] for line in self.units[name].read_text().splitlines() if line.startswith(f"{key}=")
        ]

    def environment(self, name: str) -> dict[str, str]:
        """What systemd would give the unit's commands."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PORTAL_")}
        given = [part for line in self.lines(name, "Environment") for part in shlex.split(line)]
        for file in self.lines(name, "EnvironmentFile"):
            given += [shlex.split(line)[0] for line in Path(file).read_text().splitlines() if line and line[0] != "#"]
        return kept | dict(part.split("=", 1) for part in given)

    def start(self, name: str, key: str) -> "Running":
        [command] = self.lines(name, key)
        [folder] = self.lines(name, "WorkingDirectory")
        output = self.prefix / f"{name}.{key}.log"
        with output.open("wb") as said:
            process = subprocess.Popen(
                shlex.split(command),
                env=self.environment(name),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return Running(process, output)


class Running:
    """A command of a unit, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output

    @property
    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, event: str) -> None:
        wait_until(lambda: f'"event": "{event}"' in self.said or self.process.poll() is not None, f"it is {event}")
        assert self.process.poll() is None, self.said

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(45)


@pytest.fixture
def installed(tmp_path: Path) -> Prefixed:
    return Prefixed(tmp_path, free_port())


@pytest.mark.parametrize("name", [*UNITS, SOCKET])
def test_systemd_finds_nothing_wrong(installed: Prefixed, name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", installed.units[name]], capture_output=True, text=True, timeout=60
    )
    ours = [line for line in done.stderr.splitlines() if "gatehouse" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_commands_run_as_written(installed: Prefixed, databases: Databases, tmp_path: Path) -> None:
    web, worker = UNITS
    (tmp_path / "etc/gatehouse").mkdir(parents=True)
    (tmp_path / "var/lib/gatehouse").mkdir(parents=True)
    networks = json.dumps(["127.0.0.1/32"])
    (tmp_path / "etc/gatehouse/environment").write_text(
        f"# A comment\nPORTAL_BASE_URL=https://access.trust.example\nPORTAL_TRUSTED_PROXIES='{networks}'\n"
    )
    before = installed.start(web, "ExecStartPre")
    assert (before.process.wait(60), before.said) == (0, "")
    serving, working = installed.start(web, "ExecStart"), installed.start(worker, "ExecStart")
    try:
        serving.wait_for("listening")
        working.wait_for("started")
        answer = _answer(f"http://127.0.0.1:{installed.port}/sign-in")
        assert answer.status_code == 200
        assert "__Host-portal=" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    finally:
        codes = [running.stop() for running in (serving, working)]
    assert codes == [0, 0], serving.said + working.said


def _answer(address: str) -> httpx.Response:
    """Its process says that it listens a moment before it does."""
    found: list[httpx.Response] = []

    def answers() -> bool:
        with suppress(httpx.TransportError):
            found.append(httpx.get(address, headers={"Host": "access.trust.example"}, trust_env=False))
        return bool(found)

    wait_until(answers, "the web server answers")
    return found[0]


def test_both_units_are_shut_in(installed: Prefixed) -> None:
    for name in UNITS:
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read(ROOT / "deploy" / name)
        service = unit["Service"]
        assert service["User"] == "gatehouse"
        assert service["NoNewPrivileges"] == service["PrivateTmp"] == "yes"
        assert service["ProtectSystem"] == "strict"
        assert (service["StateDirectoryMode"], service["UMask"]) == ("0700", "0077")
        assert int(service["TimeoutStopSec"]) > 30


def test_the_socket_is_where_the_proxy_looks(installed: Prefixed) -> None:
    (where,) = installed.lines(SOCKET, "ListenStream")
    assert f"proxy_pass http://{where};" in (ROOT / "deploy/nginx.conf").read_text()
    assert SOCKET in installed.lines(UNITS[0], "Requires")
