"""What addresses did in the last minutes: in this process's memory, or in Redis, where all processes see it.

The limiter's own counters cannot take an entry back and do not tell targets apart; in memory they lose increments of
threads that meet. An entry has a time and an owner: an account, or a target.
"""

import logging
import secrets
import time
from collections.abc import Callable
from itertools import islice
from threading import Lock
from typing import Any, Protocol, TypeVar

from limits.storage import RedisStorage, Storage
from redis.exceptions import RedisError

from portal import clock
from portal.domain import throttling

WINDOW = throttling.WINDOW.total_seconds()
MOST_KEYS = 20_000
"""Addresses that a process remembers at most. Past it the oldest are forgotten, so that a flood fills no memory."""
PAUSE_SECONDS = 5
"""How often Redis is tried while it is away."""
PREFIX = "gatehouse:"

T = TypeVar("T")

log = logging.getLogger(__name__)


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


def beside(storage: Storage) -> AddressLog:
    """The log that lives where the limiter's counters do."""
    return Shared(InRedis(storage.get_connection()), InMemory()) if isinstance(storage, RedisStorage) else InMemory()


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


LATELY = """
local time, window = redis.call('TIME'), tonumber(ARGV[1])
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - window))
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.6f', now), '+inf')
local function wait(most)
  local entry = redis.call('ZREVRANGE', KEYS[1], most - 1, most - 1, 'WITHSCORES')
  return entry[2] and string.format('%.6f', entry[2] + window - now) or '0'
end
local function add(entry)
  redis.call('ZADD', KEYS[1], string.format('%.6f', now), entry)
  redis.call('PEXPIRE', KEYS[1], window * 1000)
end
"""
WAIT = LATELY + "return wait(tonumber(ARGV[2]))"
ADD = LATELY + "add(ARGV[2])"
ADD_ONCE = (
    LATELY
    + """
if redis.call('ZSCORE', KEYS[1], ARGV[2]) then return '0' end
local seconds = wait(tonumber(ARGV[3]))
if seconds == '0' then add(ARGV[2]) end
return seconds
"""
)
TAKE_BACK = (
    LATELY
    + """
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(entry, 1, #ARGV[2]) == ARGV[2] then redis.call('ZREM', KEYS[1], entry) end
end
"""
)


class InRedis:
    """For all processes and machines, each step at once. The time is Redis's own, because machines differ in theirs."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._wait, self._add, self._add_once, self._take_back = (
            redis.register_script(script) for script in (WAIT, ADD, ADD_ONCE, TAKE_BACK)
        )

    def wait(self, key: str, most: int) -> float:
        """See AddressLog."""
        return float(self._wait([PREFIX + key], [WINDOW, most]))

    def add(self, key: str, owner: str) -> None:
        """See AddressLog."""
        self._add([PREFIX + key], [WINDOW, f"{owner}:{secrets.token_hex(8)}"])

    def add_once(self, key: str, owner: str, most: int) -> float:
        """See AddressLog."""
        return float(self._add_once([PREFIX + key], [WINDOW, f"{owner}:", most]))

    def take_back(self, key: str, owner: str) -> None:
        """See AddressLog."""
        self._take_back([PREFIX + key], [WINDOW, f"{owner}:"])

    def fault(self) -> str | None:
        """See AddressLog. Something is written: a Redis that only answers is none to count in."""
        try:
            self._redis.set(f"{PREFIX}check", "", px=1)
        except RedisError as error:
            return f"does not take what is counted ({type(error).__name__})"
        return None


class Shared:
    """In Redis, and while Redis is away in this process's memory: nobody is kept out for want of a counter."""

    def __init__(self, redis: InRedis, memory: InMemory) -> None:
        self._redis, self._memory = redis, memory
        self._try_at: float | None = None
        self._lock = Lock()

    def wait(self, key: str, most: int) -> float:
        """See AddressLog."""
        return self._ask(lambda entries: entries.wait(key, most))

    def add(self, key: str, owner: str) -> None:
        """See AddressLog."""
        self._ask(lambda entries: entries.add(key, owner))

    def add_once(self, key: str, owner: str, most: int) -> float:
        """See AddressLog."""
        return self._ask(lambda entries: entries.add_once(key, owner, most))

    def take_back(self, key: str, owner: str) -> None:
        """See AddressLog."""
        self._ask(lambda entries: entries.take_back(key, owner))

    def fault(self) -> str | None:
        """See AddressLog."""
        return self._redis.fault()

    def _ask(self, question: Callable[[AddressLog], T]) -> T:
        if self._is_worth_a_try():
            try:
                answer = question(self._redis)
            except RedisError as error:
                self._note_away(error)
            else:
                self._note_back()
                return answer
        return question(self._memory)

    def _is_worth_a_try(self) -> bool:
        """Whether Redis is there as far as we know; while it is away, one request in PAUSE_SECONDS looks again."""
        with self._lock:
            if self._try_at is None:
                return True
            if time.monotonic() < self._try_at:
                return False
            self._try_at = time.monotonic() + PAUSE_SECONDS
            return True

    def _note_away(self, error: RedisError) -> None:
        with self._lock:
            first = self._try_at is None
            self._try_at = time.monotonic() + PAUSE_SECONDS
        if first:
            log.error("Redis does not answer: %s; each process counts for itself meanwhile", type(error).__name__)

    def _note_back(self) -> None:
        with self._lock:
            was_away, self._try_at = self._try_at is not None, None
        if was_away:
            log.warning("Redis answers again")
