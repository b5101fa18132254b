"""What addresses did in the last minutes, in this process's memory; ``shared_address_log`` has them in Redis.

The limiter's own counters cannot take an entry back and do not tell targets apart; in memory they lose increments of
threads that meet. An entry has a time and an owner: an account, or a target.
"""

from itertools import islice
from threading import Lock
from typing import Protocol

from portal import clock
from portal.domain import throttling

WINDOW = throttling.WINDOW.total_seconds()
MOST_KEYS = 20_000
"""Addresses that a process remembers at most. Past it the oldest are forgotten, so that a flood fills no memory."""


class AddressLog(Protocol):
    """The entries of each key within the last WINDOW."""

    def wait(self, key: str, most: int) -> float:
        """Seconds until the key has fewer than ``most`` entries; 0 when it has."""

    def add(self, key: str, owner: str) -> None:
        """One more entry, whatever the limit."""

    def add_once(self, key: str, owner: str, most: int) -> float:
        """An entry for an owner that has none yet; answers 0, or the seconds to wait when there are ``most``."""

    def take_back(self, key: str, owner: str) -> None:
        """The entries of an owner are gone."""

    def fault(self) -> str | None:
        """What keeps the log from being where it should be; None for nothing."""


class InMemory:
    """For one process. No increment is lost: everything happens under one lock.

    A clock that is set back leaves entries in the future; they are gone, so that no wait is longer than WINDOW.
    """

    def __init__(self) -> None:
        self._entries: dict[str, list[tuple[float, str]]] = {}
        self._lock = Lock()

    def wait(self, key: str, most: int) -> float:
        """See AddressLog."""
        with self._lock:
            return self._wait(key, most)

    def add(self, key: str, owner: str) -> None:
        """See AddressLog."""
        with self._lock:
            self._add(key, owner)

    def add_once(self, key: str, owner: str, most: int) -> float:
        """See AddressLog."""
        with self._lock:
            if any(owner == other for _, other in self._lately(key)):
                return 0.0
            seconds = self._wait(key, most)
            if not seconds:
                self._add(key, owner)
            return seconds

    def take_back(self, key: str, owner: str) -> None:
        """See AddressLog."""
        with self._lock:
            self._keep(key, [entry for entry in self._lately(key) if entry[1] != owner])

    def fault(self) -> str | None:
        """See AddressLog."""
        return None

    def _wait(self, key: str, most: int) -> float:
        return throttling.wait([at for at, _ in self._lately(key)], most, _now())

    def _add(self, key: str, owner: str) -> None:
        self._keep(key, [*self._lately(key), (_now(), owner)])
        if len(self._entries) > MOST_KEYS:
            self._make_room()

    def _lately(self, key: str) -> list[tuple[float, str]]:
        now = _now()
        return [entry for entry in self._entries.get(key, ()) if now - WINDOW < entry[0] <= now]

    def _keep(self, key: str, entries: list[tuple[float, str]]) -> None:
        self._entries.pop(key, None)
        if entries:
            self._entries[key] = entries  # at the end: the keys stand in the order of their newest entries

    def _make_room(self) -> None:
        for key in list(islice(self._entries, MOST_KEYS // 10)):
            del self._entries[key]


def _now() -> float:
    return clock.now().timestamp()
