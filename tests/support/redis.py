"""A Redis of the tests' own on a loopback port: it keeps nothing on disk, and is killed and started again as asked."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import redis

from tests.support.ports import free_port


class RedisServer:
    """One server that may go away and come back, empty, on the same port."""

    def __init__(self, program: str, folder: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", folder]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while True:
            with redis.Redis(port=self.port) as visitor, suppress(redis.RedisError):
                visitor.ping()
                return
            assert self._process.poll() is None, "redis-server ended by itself"
            assert time.monotonic() < deadline, "redis-server did not answer within 20 seconds"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL: nothing is said to whoever is connected."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def everything(self) -> str:
        """Every key with what it holds, as text."""
        with redis.Redis(port=self.port, decode_responses=True) as visitor:
            kept = {key: visitor.zrange(key, 0, -1) for key in visitor.keys("gatehouse:*")}
            return repr((visitor.keys(), kept))


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        assert os.environ.get("CI") != "true", "redis-server is not installed"
        pytest.skip("redis-server is not installed")
    server = RedisServer(program, str(tmp_path_factory.mktemp("redis")))
    server.start()
    try:
        yield server
    finally:
        server.kill()
