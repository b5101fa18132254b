"""The web server is restarted under its visitors, behind nginx, as systemd does it: nobody is turned away."""

import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.reliability.crowd import serving_processes
from tests.support.nginx import NGINX, Proxied
from tests.support.server import Portal, Started
from tests.support.visitor import TOKEN
from tests.support.waiting import wait_until

RESTARTS = int(os.environ.get("RESTARTS", "3"))
"""How often; `make test-kills` does it more often."""

LONGEST_SECONDS = 15
"""What a visitor waits at most while it is restarted, on a machine that does much else."""

# What systemd does for a service with a socket: the third of its files is the socket, and it is told so.
ACTIVATED = (
    "import os; os.dup2({}, 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
    "from portal.commands import main; main()"
)


class Visitors:
    """They ask for pages and send forms without a pause, and note what they got."""

    def __init__(self, client: Callable[[], httpx.Client]) -> None:
        self.client = client
        self.got: Counter[str] = Counter()
        self.longest = 0.0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=act) for act in [self._read, self._ask] * 3]

    def __enter__(self) -> "Visitors":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def _read(self) -> None:
        with self.client() as browser:
            while not self.over.is_set():
                self._note("page", lambda: browser.get("/find-administrator?q=county"))

    def _ask(self) -> None:
        with self.client() as browser:
            found = TOKEN.search(browser.get("/recover?need=password").text)
            assert found is not None
            form = {"identifier": "nobody@coe.example", "need": "password", "csrf_token": found.group(1)}
            same_origin = {"Origin": "https://access.trust.example", "Referer": "https://access.trust.example/recover"}
            while not self.over.is_set():
                self._note("form", lambda: browser.post("/recover", data=form, headers=same_origin))

    def _note(self, what: str, ask: Callable[[], httpx.Response]) -> None:
        began = time.monotonic()
        try:
            self.got[f"{what}: {ask().status_code}"] += 1
        except httpx.TransportError as error:
            self.got[f"{what}: {type(error).__name__}"] += 1
        self.longest = max(self.longest, time.monotonic() - began)


@pytest.fixture
def held(portal: Portal) -> Iterator[socket.socket]:
    """The socket that systemd holds, with what gatehouse-web.socket says of it."""
    with socket.create_server(("127.0.0.1", portal.port), backlog=1024) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        yield listening


def activated(portal: Portal, held: socket.socket) -> Started:
    """`portal serve`, started by systemd for its socket."""
    command = [sys.executable, "-c", ACTIVATED.format(held.fileno()), "serve"]
    output = portal.folder / f"serve-{len(portal.started) + 1}.log"
    web = Started(command, portal.environment, output, (held.fileno(),))
    portal.started.append(web)
    return web


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_restarts_turn_nobody_away(portal: Portal, held: socket.socket, tmp_path: Path) -> None:
    proxied = Proxied(portal, tmp_path)
    with proxied.running():
        web = activated(portal, held)
        proxied.wait_until_ready()
        with Visitors(proxied.client) as visitors:
            for _ in range(RESTARTS):
                time.sleep(random.uniform(0.5, 1.5))
                assert web.stop() == 0
                web = activated(portal, held)
                before = visitors.got.total()
                while visitors.got.total() < before + 20:
                    time.sleep(0.02)
        web.stop()
    assert set(visitors.got) == {"page: 200", "form: 303"}, visitors.got
    assert visitors.longest < LONGEST_SECONDS


def test_a_server_that_is_stopped_says_so_before_it_does(portal: Portal) -> None:
    web = portal.serve("--drain", "2", "--workers", "2")
    with httpx.Client(base_url=portal.url, trust_env=False) as balancer:
        assert balancer.get("/readyz").text == "ready\n"
        web.process.terminate()
        began = time.monotonic()
        wait_until(lambda: balancer.get("/readyz").status_code == 503, "it is not ready any more", seconds=2)
        assert balancer.get("/readyz").text == "web server: is stopping\n"
        assert balancer.get("/find-administrator").status_code == 200, "whoever comes all the same is served"
    assert web.process.wait(20) == 0
    assert time.monotonic() - began >= 2


def test_a_server_that_was_killed_is_ready_again_within_five_seconds(portal: Portal) -> None:
    web = portal.serve()
    with httpx.Client(base_url=portal.url, trust_env=False) as visitor:
        visitor.get("/sign-in").raise_for_status()
    web.kill()
    began = time.monotonic()
    portal.serve()
    assert httpx.get(f"{portal.url}/readyz", trust_env=False).text == "ready\n"
    assert time.monotonic() - began < 5 * busy()


def busy() -> float:
    """How many want each core: what takes a second on a machine with nothing else to do takes so many here."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_a_connection_without_its_request_yet_outlives_a_restart(portal: Portal, held: socket.socket) -> None:
    web = activated(portal, held)
    wait_until(lambda: answers(portal), "it answers")
    with socket.create_connection(("127.0.0.1", portal.port), timeout=20) as early:
        time.sleep(0.2)
        assert web.stop() == 0
        activated(portal, held)
        early.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert early.recv(65536).startswith(b"HTTP/1.1 200 ")


def answers(portal: Portal) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{portal.url}/livez", trust_env=False).status_code == 200
    return False


def test_a_process_that_dies_leaves_what_waits_to_the_others(portal: Portal) -> None:
    """All of them take from one queue: with one each, the kernel would turn away who waits in that of the dead."""
    web = portal.serve("--workers", "2")
    first, second = serving_processes(web)
    for process in (first, second):
        os.kill(process, signal.SIGSTOP)
    time.sleep(0.3)
    with socket.create_connection(("127.0.0.1", portal.port), timeout=20) as waiting:
        waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)
        os.kill(first, signal.SIGKILL)
        time.sleep(0.3)
        os.kill(second, signal.SIGCONT)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200 ")
