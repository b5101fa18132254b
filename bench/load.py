"""A load client: as many requests as a server takes, over connections that stay open, from a process of its own.

It does as little as HTTP needs, so that on a machine of two cores most of the work left is the server's.
"""

import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle


@dataclass
class Rate:
    """What came of it: answers of the wanted status a second, and how long each took in milliseconds."""

    seconds: float
    milliseconds: list[float] = field(repr=False)
    statuses: dict[int, int]

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def words(self) -> str:
        """How long they took, and what else came."""
        others = {status: count for status, count in self.statuses.items() if count != len(self.milliseconds)}
        if len(self.milliseconds) < 2:
            return f"answers: {self.statuses}"
        median = statistics.median(self.milliseconds)
        slow = statistics.quantiles(self.milliseconds, n=100)[98]
        return f"median {median:.1f} ms, 99 % within {slow:.1f} ms" + (f", others: {others}" if others else "")


class Connection:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; answers status, head and body."""
        self.socket.sendall(request)
        answer = self._more(b"")
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer = self._more(answer)
        head = answer[:end].lower()
        at = head.index(b"content-length: ") + 16
        length = int(head[at : head.find(b"\r", at) if head.find(b"\r", at) > 0 else None])
        while len(answer) < end + 4 + length:
            answer = self._more(answer)
        return int(answer[9:12]), answer[:end], answer[end + 4 :]

    def _more(self, so_far: bytes) -> bytes:
        part = self.socket.recv(262144)
        if not part:
            raise ConnectionError(f"closed after {so_far[:200]!r}")
        return so_far + part


def get(path: str, cookie: str = "", *headers: str) -> bytes:
    """A GET request as bytes."""
    return _request("GET", path, cookie, headers, b"")


def post(path: str, body: bytes, cookie: str) -> bytes:
    """A POST of a form as bytes."""
    return _request("POST", path, cookie, ("Content-Type: application/x-www-form-urlencoded",), body)


def _request(method: str, path: str, cookie: str, headers: Iterable[str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def measure(port: int, requests: list[bytes], wanted: int, seconds: float, connections: int = 4) -> Rate:
    """Ask for ``seconds`` over ``connections``, going round the requests; only ``wanted`` statuses count."""
    results: multiprocessing.Queue[Rate] = multiprocessing.Queue()
    client = multiprocessing.Process(target=_client, args=(port, requests, wanted, seconds, connections, results))
    client.start()
    rate = results.get(timeout=seconds + 60)
    client.join()
    return rate


def _client(
    port: int,
    requests: list[bytes],
    wanted: int,
    seconds: float,
    connections: int,
    results: "multiprocessing.Queue[Rate]",
) -> None:
    source = cycle(requests)
    lock = threading.Lock()
    milliseconds: list[float] = []
    statuses: dict[int, int] = {}

    def following() -> Iterator[bytes]:
        while True:
            with lock:
                request = next(source)
            yield request

    began = time.perf_counter()

    def work() -> None:
        connection = Connection(port)
        for request in following():
            asked = time.perf_counter()
            if asked - began >= seconds:
                return
            status, _head, _body = connection.ask(request)
            took = (time.perf_counter() - asked) * 1000
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
                if status == wanted:
                    milliseconds.append(took)

    _all_at_once(work, connections)
    results.put(Rate(time.perf_counter() - began, milliseconds, statuses))


def _all_at_once(work: Callable[[], None], how_many: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(how_many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
