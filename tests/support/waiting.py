"""Waiting for something that another process does."""

import time
from collections.abc import Callable


def wait_until(true: Callable[[], bool], what: str, seconds: float = 40) -> None:
    """Raises AssertionError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)
