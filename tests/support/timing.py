"""How long answers take, by class of question, and whether that tells the classes apart.

One client keeps one connection. The classes are shuffled inside each block, the first blocks do not count, and what is
compared are the answers of one block: medians of differences, a sign test, and a bootstrap's interval. Tests that
assume a distribution are wrong for such data (eprint 2023/1441).
"""

import random
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from urllib.parse import urlencode

from tests.support.visitor import TOKEN

RESAMPLES = 2000
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.I)
COOKIE = re.compile(rb"\r\nset-cookie: (portal=[^;]+)", re.I)


class Stopwatch:
    """One connection to the server, kept open."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path: str, form: str, fields: Mapping[str, str], expect: int) -> float:
        """Seconds until the whole answer to a form is there; the form is a fresh one, of a session of its own."""
        _, page = self._send(f"GET {form} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        cookie, token = COOKIE.search(page), TOKEN.search(page.decode())
        assert cookie is not None
        assert token is not None
        body = urlencode({**fields, "csrf_token": token.group(1)}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nCookie: {cookie.group(1).decode()}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        seconds, answer = self._send(head.encode() + body)
        assert int(answer[9:12]) == expect, answer[:300]
        return seconds

    def _send(self, request: bytes) -> tuple[float, bytes]:
        began = time.perf_counter()
        self.connection.sendall(request)
        answer = b""
        while not _is_whole(answer):
            part = self.connection.recv(262144)
            assert part, f"the connection ended after {answer[:300]!r}"
            answer += part
        return time.perf_counter() - began, answer

    def close(self) -> None:
        self.connection.close()


def _is_whole(answer: bytes) -> bool:
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = LENGTH.search(head + gap)
    return bool(gap) and length is not None and len(body) >= int(length.group(1))


def measure(
    classes: Mapping[str, Callable[[], float]], blocks: int, discarded: int, before_each: Callable[[], None]
) -> dict[str, list[float]]:
    """Milliseconds of each class, a figure a block; ``before_each`` makes all ready for a block."""
    taken: dict[str, list[float]] = {name: [] for name in classes}
    for block in range(discarded + blocks):
        before_each()
        order = list(classes)
        random.shuffle(order)
        for name in order:
            seconds = classes[name]()
            if block >= discarded:
                taken[name].append(seconds * 1000)
    return taken


@dataclass(frozen=True)
class Difference:
    """Two classes compared, in milliseconds: the median of their differences, and where it lies 95 times in 100."""

    one: str
    other: str
    median: float
    low: float
    high: float
    sign: float
    """How likely signs so uneven are where there is no difference."""

    def is_beyond(self, bound: float) -> bool:
        """Whether the whole interval lies further from zero than this."""
        return self.low > bound or self.high < -bound

    def reaches_beyond(self, bound: float) -> bool:
        """Whether a part of the interval does."""
        return self.low < -bound or self.high > bound

    def __str__(self) -> str:
        return (
            f"{self.one} - {self.other}: {self.median:+.2f} ms, 95% in {self.low:+.2f} .. {self.high:+.2f}, "
            f"sign test p = {self.sign:.2g}"
        )


def differences(taken: Mapping[str, list[float]]) -> Iterator[Difference]:
    """Each pair of classes, compared within its blocks."""
    for one, other in combinations(taken, 2):
        pairs = [first - second for first, second in zip(taken[one], taken[other], strict=True)]
        low, high = interval(pairs)
        yield Difference(one, other, statistics.median(pairs), low, high, sign_test(pairs))


def interval(values: list[float]) -> tuple[float, float]:
    """A 95% interval of the median, by the bootstrap's percentiles; the same for the same values."""
    chance = random.Random(len(values))
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000 - 1]


def sign_test(values: list[float]) -> float:
    """The two-sided probability of so many signs of one kind among differences that are none."""
    above, below = sum(value > 0 for value in values), sum(value < 0 for value in values)
    count, few = above + below, min(above, below)
    return min(1.0, 2 * sum(comb(count, hit) for hit in range(few + 1)) / 2**count) if count else 1.0
