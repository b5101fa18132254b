"""Faults of the system under a process that runs: strace makes its calls fail, or counts them (linux, ptrace).

with injected(pid, "fdatasync,fsync", "EIO", when=3): ...
with counted(pid, "fdatasync,fsync") as count: ...; count()
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def tracing() -> str:
    """Where strace is. Skips where there is none, or where nobody may trace; with CI=true nothing may be left out."""
    found = shutil.which("strace")
    may = found and subprocess.run([found, "-qq", "-e", "trace=none", "true"], capture_output=True).returncode == 0
    if not (found and may):
        if os.environ.get("CI") == "true":
            pytest.fail("strace is not installed, or may not trace")
        pytest.skip("strace is not installed, or may not trace")
    return str(found)


@contextmanager
def injected(pid: int, calls: str, error: str, when: str, said: Path) -> Iterator[None]:
    """``calls`` of every thread of a process answer ``error``; ``when``: at which, counted a thread, as strace does."""
    with _traced(pid, ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"], said):
        yield


@contextmanager
def counted(pid: int, calls: str, said: Path) -> Iterator[Callable[[], int]]:
    """How many ``calls`` a process has made so far, by the function that this answers."""
    with _traced(pid, ["-e", f"trace={calls}"], said):
        yield lambda: sum(" resumed>" not in line and "(" in line for line in said.read_text().splitlines())


@contextmanager
def _traced(pid: int, options: list[str], said: Path) -> Iterator[None]:
    command = [tracing(), "-f", "-o", str(said), *options, "-p", str(pid)]
    strace = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        _wait_until_traced(pid, strace)
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(20)


def _wait_until_traced(pid: int, strace: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while not all(_tracer(task) for task in Path(f"/proc/{pid}/task").iterdir()):
        assert strace.poll() is None, "strace ended by itself"
        assert time.monotonic() < deadline, "strace has not begun"
        time.sleep(0.02)


def _tracer(task: Path) -> bool:
    try:
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
