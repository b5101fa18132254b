"""People who send requests without an end, while the server is killed under them."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle

import httpx

from portal.domain.account_state import AccountState
from tests.factories import PASSWORD
from tests.reliability.conftest import CYCLES, Trust
from tests.support.server import Portal, Started
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

NEW_PASSWORD = "walnut harbour kettle"


class Crowd:
    """Each duty in a thread of its own, again and again until ``over``; and what they were told, by person.

    ``pause``: seconds between two requests of each.
    """

    def __init__(self, portal: Portal, trust: Trust, pause: float = 0.0) -> None:
        self.portal, self.trust, self.pause = portal, trust, pause
        self.answered: Counter[tuple[int, str]] = Counter()
        self.unanswered: Counter[tuple[int, str]] = Counter()
        self.over = threading.Event()
        self.starters = cycle(trust.add(8, AccountState.NOT_REGISTERED, "Nora"))
        victims = trust.add(4, AccountState.ACTIVE, "Vera")
        self.guessed, self.unlocked = cycle(victims), cycle(victims)
        self.links = iter(trust.recovery_tokens(trust.add(8 * CYCLES, AccountState.ACTIVE, "Rita")).items())
        self.registered: set[int] = set()
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        """Sign in, and begin."""
        self.lena, self.boss, self.guesser = (Visitor(self.portal.url) for _ in range(3))
        for administrator in (self.lena, self.boss):
            administrator.sign_in(self.trust.administrator, PASSWORD)
        self.guesser.get("/sign-in")
        for duty in (self._register_or_re_enrol, self._guess, self._unlock, self._reset):
            self.threads.append(threading.Thread(target=self._repeat, args=(duty,), daemon=True))
            self.threads[-1].start()

    def stop(self) -> None:
        """No more requests; the last are answered, or never."""
        self.over.set()
        for thread in self.threads:
            thread.join(40)
        for visitor in (self.lena, self.boss, self.guesser):
            visitor.close()

    def wait_for(self, count: int) -> None:
        """Until so many more requests were answered."""
        before = self.answered.total()
        wait_until(lambda: self.answered.total() >= before + count, "requests are answered")

    def _repeat(self, duty: Callable[[], None]) -> None:
        while not self.over.is_set():
            with suppress(httpx.TransportError):
                duty()
            self.over.wait(self.pause)

    def _send(self, visitor: Visitor, path: str, ess_id: int, event: str, fields: dict[str, str] | None = None) -> int:
        """One request that leads to ``event`` when it answers 303."""
        self.unanswered[ess_id, event] += 1
        status = visitor.send(path, fields, expect=None).status_code
        assert status != 500, f"POST {path} answered 500"
        self.unanswered[ess_id, event] -= 1
        self.answered[ess_id, event] += status == 303
        return status

    def _register_or_re_enrol(self) -> None:
        ess_id = next(self.starters)
        if ess_id not in self.registered:
            path = self.trust.move(ess_id, "register")
            if self._send(self.lena, path, ess_id, "account:registration:registered") == 303:
                self.registered.add(ess_id)
                return
        # Also when nobody was told whether the registration was kept: then one of the two is refused.
        path = self.trust.move(ess_id, "re-enrol")
        if self._send(self.lena, path, ess_id, "account:registration:re-enrolled") == 303:
            self.registered.add(ess_id)

    def _guess(self) -> None:
        wrong = {"username": self.trust.usernames[next(self.guessed)], "password": "not this one"}
        for _ in range(3):
            self.guesser.send("/sign-in", wrong, expect=None)

    def _unlock(self) -> None:
        ess_id = next(self.unlocked)
        self._send(self.boss, self.trust.move(ess_id, "unlock"), ess_id, "account:lock:unlocked")

    def _reset(self) -> None:
        ess_id, token = next(self.links, (0, ""))
        if not ess_id:
            time.sleep(0.1)
            return
        with visiting(self.portal.url) as reader:
            reader.get(f"/recover/{token}", expect=303)
            reader.get("/recover/new-password")
            words = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
            self._send(reader, "/recover/new-password", ess_id, "account:password:reset", words)


def serving_processes(web: Started) -> list[int]:
    """The one that answers requests, if it is there; the one above it only starts it again."""
    children = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(web.pid)], capture_output=True, text=True)
    return [int(line.split()[0]) for line in children.stdout.splitlines() if "Z" not in line]


def serving_process(web: Started) -> int:
    """The only one of them."""
    (found,) = serving_processes(web)
    return found


def wait_for_another(web: Started, killed: int) -> None:
    """Until the process above has started another one that answers requests."""
    wait_until(
        lambda: bool(found := serving_processes(web)) and killed not in found,
        "somebody takes the place of the killed process",
    )
