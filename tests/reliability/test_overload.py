"""More than the server can take: what does not fit is turned away at once, pages go on, and then all is as before.

OVERLOADS is how often the crowd comes; `make test-kills CYCLES=` sets it.
"""

import os
import socket
import statistics
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.factories import PASSWORD
from tests.reliability.conftest import Trust
from tests.reliability.crowd import serving_process
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting

OVERLOADS = int(os.environ.get("OVERLOADS", "2"))
QUEUE = 256
"""Forms that wait while those before them are done."""
MIB = 2**20


def busy() -> float:
    """How many want each core beside this test: a machine with nothing else to do answers so much faster."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def resident(process: int) -> int:
    """The memory that a process holds, in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Crowd:
    """People who sign in at the same moment, each with a wrong password, over a connection each."""

    def __init__(self, portal: Portal, visitor: Visitor, count: int) -> None:
        visitor.get("/sign-in")
        cookies = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
        self.connections = [socket.create_connection(("127.0.0.1", portal.port), timeout=120) for _ in range(count)]
        for number, connection in enumerate(self.connections):
            body = str(httpx.QueryParams(username=f"nobody{number}", password=PASSWORD, csrf_token=visitor.token))
            connection.sendall(
                f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookies}\r\nConnection: close\r\n"
                f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )

    def answers(self) -> list[bytes]:
        """The head of each answer, once all are there."""
        return [self._answer(connection) for connection in self.connections]

    def _answer(self, connection: socket.socket) -> bytes:
        with connection:
            said = b""
            while part := connection.recv(65536):
                said += part
        return said.partition(b"\r\n\r\n")[0]


def statuses(answers: list[bytes]) -> Counter[int]:
    return Counter(int(answer[9:12]) for answer in answers)


def page_seconds(portal: Portal, seconds: float) -> list[float]:
    """How long the public list takes, asked for again and again."""
    found = []
    with httpx.Client(base_url=portal.url, trust_env=False, timeout=60) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until or len(found) < 20:
            began = time.monotonic()
            client.get("/find-administrator").raise_for_status()
            found.append(time.monotonic() - began)
    return found


@pytest.mark.any_database
def test_two_hundred_who_sign_in_at_once_keep_nobody_from_finding_an_administrator(
    portal: Portal, trust: Trust
) -> None:
    portal.serve()
    web = serving_process(portal.started[-1])
    with visiting(portal.url) as visitor:
        visitor.try_to_sign_in("nobody", PASSWORD, expect=422)
        before = resident(web)
        crowd = Crowd(portal, visitor, 200)
    with ThreadPoolExecutor(1) as pool:
        pages = pool.submit(page_seconds, portal, 2)
        assert statuses(crowd.answers()) == {422: 200}
        taken = pages.result(120)
    assert statistics.quantiles(taken, n=20)[-1] < 0.5 * busy(), sorted(taken)[-5:]
    # As many hashes at once as there are cores, 19 MiB each; 200 of them would take 4 GiB.
    assert resident(web) - before < 150 * MIB


@pytest.mark.any_database
def test_who_does_not_fit_is_told_when_to_come_again_and_nobody_afterwards(portal: Portal, trust: Trust) -> None:
    portal.serve()
    web = serving_process(portal.started[-1])
    held = []
    for _ in range(OVERLOADS):
        with visiting(portal.url) as visitor:
            crowd = Crowd(portal, visitor, QUEUE + 200)
            began = time.monotonic()
            assert httpx.get(f"{portal.url}/readyz", trust_env=False, timeout=60).status_code == 200
            answers = crowd.answers()
            assert set(statuses(answers)) == {422, 503}
            assert statuses(answers)[503] >= 100
            refused = [answer for answer in answers if answer[9:12] == b"503"]
            assert all(b"retry-after: 5" in answer.lower() for answer in refused)
            assert time.monotonic() - began < 30 * busy(), "everybody knows soon"
            began = time.monotonic()
            visitor.sign_in(trust.administrator, PASSWORD)
            assert time.monotonic() - began < 5 * busy()
        held.append(resident(web))
    assert held[-1] - held[0] < 40 * MIB, [size // MIB for size in held]
    assert serving_process(portal.started[-1]) == web


@pytest.mark.any_database
@pytest.mark.parametrize("size", [5000, 1024 * 1024])
def test_a_password_that_is_no_password_costs_no_hash(portal: Portal, trust: Trust, size: int) -> None:
    portal.serve()
    with visiting(portal.url) as visitor:
        visitor.get("/sign-in")
        taken = []
        for _ in range(5):
            began = time.monotonic()
            answer = visitor.send("/sign-in", {"username": "nobody", "password": "x" * size}, expect=None)
            taken.append(time.monotonic() - began)
            assert answer.status_code == 413
    assert min(taken) < 0.05 * busy()
