"""A process that has loaded the product once, and forks for each `portal …` that a test starts.

To load it takes two seconds of a processor, and hundreds are started in a run. A fork is a process as any other, with
environment, session, output and end of its own. Where a start itself is looked at, the product is loaded anew.
"""

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import IO, Any

LONGEST_MESSAGE = 100_000
CODE = "from tests.support import loaded; loaded.serve({})"


class Forked:
    """One that was started; it is asked and told as a ``subprocess.Popen`` is."""

    def __init__(self, pid: int, parent: "Loaded") -> None:
        self.pid = pid
        self.parent = parent

    @property
    def returncode(self) -> int | None:
        return self.parent.ended.get(self.pid)

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        self.parent.listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one. Raises TimeoutExpired."""
        deadline = time.monotonic() + (timeout if timeout is not None else 3600)
        while (code := self.poll()) is None:
            if time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(["portal", str(self.pid)], timeout or 0)
            self.parent.listen(0.05)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Loaded:
    """The other side of ``serve``, in the test's process."""

    def __init__(self, folder: str) -> None:
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
            command = [sys.executable, "-c", CODE.format(theirs.fileno())]
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=folder, env=environment)
        self.ended: dict[int, int] = {}
        self.begun: list[int] = []
        self.lock = threading.Lock()

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], before: str, output: IO[bytes], error: IO[bytes]
    ) -> Forked:
        """`portal` with ``arguments``, which runs ``before`` first."""
        asked = json.dumps({"arguments": list(arguments), "environment": dict(environment), "before": before})
        with self.lock:
            socket.send_fds(self.connection, [asked.encode()], [output.fileno(), error.fileno()])
            while not self.begun:
                self._hear()
            return Forked(self.begun.pop(), self)

    def listen(self, seconds: float) -> None:
        """Learn who has ended by now, or within so many seconds."""
        with self.lock, selectors.DefaultSelector() as waiting:
            waiting.register(self.connection, selectors.EVENT_READ)
            while waiting.select(seconds):
                self._hear()
                seconds = 0

    def _hear(self) -> None:
        said = self.connection.recv(LONGEST_MESSAGE)
        assert said, "the process that forks has ended"
        pid, code = json.loads(said)
        if code is None:
            self.begun.append(pid)
        else:
            self.ended[pid] = code


@cache
def is_possible() -> bool:
    """Whether this system tells of the end of a process through a file, as Linux does."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return hasattr(socket, "SOCK_SEQPACKET")


@cache
def loaded(folder: str) -> Loaded:
    """The one of this run; it ends when this process does."""
    return Loaded(folder)


def serve(number: int) -> None:
    """Fork for each request, and say who has begun and who has ended, until the other side is gone."""
    from portal.commands import main

    gc.collect()
    gc.freeze()  # what all of them share is never garbage
    if _is_fork(socket.socket(fileno=number)):
        main()


def _is_fork(connection: socket.socket) -> bool:
    """Answers in each fork, and in the first process at its end."""
    with connection, selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        while True:
            for key, _events in waiting.select():
                if key.fileobj is not connection:
                    waiting.unregister(key.fileobj)
                    os.close(key.fd)
                    _pid, status = os.waitpid(key.data, 0)
                    _say(connection, key.data, os.waitstatus_to_exitcode(status))
                    continue
                asked, files, _flags, _address = socket.recv_fds(connection, LONGEST_MESSAGE, 2)
                if not asked:
                    return False
                pid = os.fork()
                if not pid:
                    others = [each.fd for each in waiting.get_map().values() if each.fileobj is not connection]
                    _become(json.loads(asked), files, others)
                    return True
                for file in files:
                    os.close(file)
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                _say(connection, pid, None)


def _say(connection: socket.socket, pid: int, code: int | None) -> None:
    connection.send(json.dumps([pid, code]).encode())


def _become(asked: dict[str, Any], files: list[int], others: list[int]) -> None:
    os.setsid()
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for place, file in enumerate(files, start=1):
        os.dup2(file, place)
    for file in [*files, *others]:
        os.close(file)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["arguments"]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    exec(asked["before"], {})
