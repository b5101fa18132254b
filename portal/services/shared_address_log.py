"""What addresses did in the last minutes, in Redis, where all processes see it.

Imported where Redis is configured, and nowhere else: its library takes a tenth of the time of a start.
"""

import logging
import secrets
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.services.address_log import WINDOW, AddressLog, InMemory

OPTIONS: dict[str, Any] = {
    # Sign-ins wait for Redis, and go on without it.
    "socket_timeout": 0.5,
    "socket_connect_timeout": 0.5,
    # Once more, at once: the connections in the pool are dead after Redis was started again.
    "retry": Retry(NoBackoff(), 1),
}
PAUSE_SECONDS = 5
"""How often Redis is tried while it is away."""
PREFIX = "gatehouse:"

T = TypeVar("T")

log = logging.getLogger(__name__)


def beside(storage: RedisStorage) -> AddressLog:
    """The log that lives where the limiter's counters do."""
    return Shared(InRedis(storage.get_connection()), InMemory())


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
