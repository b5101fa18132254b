"""Loopback ports for what tests start."""

import os
import random
import socket
from contextlib import suppress
from itertools import cycle

FIRST, FOR_EACH = 15_000, 1_000
WORKERS = 16
"""Below what a system gives to outgoing connections (from 32,768 on Linux): one of them, long over, keeps its port from
whoever wants to listen there. Each worker has a thousand of its own, and begins anywhere among them.
"""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_begin = random.randrange(FOR_EACH)
_ports = cycle(FIRST + FOR_EACH * _worker + (_begin + number) % FOR_EACH for number in range(FOR_EACH))


def free_port() -> int:
    """A loopback port that nothing listens on just now, and that nobody else is told soon."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = next(_ports)
            probe.bind(("127.0.0.1", port))
            return port
