"""What the system refuses under SQLite, at any call: the change is made or it is not, and who asked is told which.

FAULTS is how many calls of each kind are tried; `make test-kills CYCLES=` sets it.
"""

import os
import random
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from portal.domain.account_state import AccountState
from portal.extensions import db
from tests.factories import PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import Trust
from tests.reliability.crowd import NEW_PASSWORD, serving_process
from tests.support.injection import counted, injected
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting

FAULTS = int(os.environ.get("FAULTS", "2"))

KINDS = {
    "the disk fails to keep": ("fdatasync,fsync", "EIO"),
    "the disk fails to write": ("pwrite64", "EIO"),
    "the disk is full": ("pwrite64,ftruncate,fallocate", "ENOSPC"),
    "the disk fails to read": ("pread64", "EIO"),
    "the disk is read-only": ("pwrite64,openat,ftruncate", "EROFS"),
    "too many files are open": ("openat", "EMFILE"),
}


@pytest.fixture(autouse=True)
def sqlite(trust: Trust) -> None:
    if not trust.is_sqlite:
        pytest.skip("PostgreSQL has a disk of its own")


class Journey:
    """Everything that changes an account, once for each of some people; and what was told of it."""

    def __init__(self, portal: Portal, trust: Trust, rounds: int) -> None:
        self.portal, self.trust = portal, trust
        self.told: Counter[tuple[int, str]] = Counter()
        self.refused = 0
        self.starters = iter(trust.add(rounds, AccountState.NOT_REGISTERED, "Nora"))
        self.owners = iter(trust.add(rounds, AccountState.ACTIVE, "Vera"))
        self.links = iter(trust.recovery_tokens(trust.add(rounds, AccountState.ACTIVE, "Rita")).items())
        self.lena = Visitor(portal.url)
        self.lena.sign_in(trust.administrator, PASSWORD)

    def go(self) -> None:
        starter, owner = next(self.starters), next(self.owners)
        ess_id, link = next(self.links)
        self._move(starter, "register", "account:registration:registered")
        self._move(starter, "re-enrol", "account:registration:re-enrolled")
        with visiting(self.portal.url) as visitor:
            if self._page(visitor, "/sign-in"):
                typed = {"username": self.trust.usernames[owner]}
                for _ in range(3):
                    self._send(visitor, "/sign-in", **typed, password="not this one")
                self._move(owner, "unlock", "account:lock:unlocked")
                self._send(visitor, "/sign-in", **typed, password=PASSWORD)
        with visiting(self.portal.url) as reader:
            if self._page(reader, "/recover?need=password"):
                self._send(reader, "/recover", identifier="nobody", need="password")
        with visiting(self.portal.url) as reader:
            if self._page(reader, f"/recover/{link}") and self._page(reader, "/recover/new-password"):
                answer = self._send(reader, "/recover/new-password", password=NEW_PASSWORD, password_again=NEW_PASSWORD)
                self.told[ess_id, "account:password:reset"] += answer.status_code == 303

    def _move(self, ess_id: int, action: str, event: str) -> None:
        answer = self._send(self.lena, self.trust.move(ess_id, action))
        self.told[ess_id, event] += answer.status_code == 303

    def _page(self, visitor: Visitor, path: str) -> bool:
        answer = visitor.http.get(path)
        self._check(answer)
        if answer.status_code == 200:
            visitor.get(path)
        return answer.status_code < 500

    def _send(self, visitor: Visitor, path: str, **fields: str) -> httpx.Response:
        answer = visitor.send(path, fields, expect=None)
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        what = f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {answer.text[:300]}"
        assert answer.status_code in (200, 303, 403, 409, 422, 503), what
        if answer.status_code == 503:
            self.refused += 1
            assert int(answer.headers["Retry-After"]) > 0


@pytest.fixture
def journey(portal: Portal, trust: Trust) -> Iterator[Journey]:
    portal.serve()
    made = Journey(portal, trust, FAULTS + 1)
    yield made
    made.lena.close()


def check_whole(trust: Trust, journey: Journey) -> None:
    with trust.database():
        assert db.session.scalar(text("PRAGMA integrity_check")) == "ok"
        ledger.check(trust.initial)
        assert +journey.told == ledger.moves(), "what was answered and what happened are not the same"


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_changes_all_or_nothing(
    portal: Portal, trust: Trust, journey: Journey, kind: str, tmp_path: Path
) -> None:
    calls, error = KINDS[kind]
    web = serving_process(portal.started[-1])
    for number in range(FAULTS):
        first = random.randint(1, 12) if number else 1
        # Once, or from there on: a fault that stays must be told, and one that passes may be waited out.
        when = f"{first}+" if number % 2 == 0 else str(first)
        with injected(web, calls, error, when, tmp_path / f"trace-{number}"):
            journey.go()
        check_whole(trust, journey)
    assert "INJECTED" in "".join(file.read_text() for file in tmp_path.glob("trace-*")), "nothing was injected"
    journey.refused = 0
    journey.go()
    assert journey.refused == 0, "it does not recover"
    check_whole(trust, journey)
    assert serving_process(portal.started[-1]) == web


def test_a_process_that_may_open_no_more_files(portal: Portal, trust: Trust, journey: Journey) -> None:
    web = serving_process(portal.started[-1])
    usual = resource.prlimit(web, resource.RLIMIT_NOFILE)
    open_now = len(list(Path(f"/proc/{web}/fd").iterdir()))
    resource.prlimit(web, resource.RLIMIT_NOFILE, (open_now, usual[1]))
    try:
        # Who is connected is answered, somehow; who is not waits.
        for path in ("/find-administrator", "/account", "/livez"):
            assert journey.lena.http.get(path).status_code in (200, 503)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{portal.url}/livez", trust_env=False, timeout=1)
    finally:
        resource.prlimit(web, resource.RLIMIT_NOFILE, usual)
    journey.go()
    assert journey.refused == 0
    check_whole(trust, journey)


def test_each_change_is_on_the_disk_before_it_is_answered(
    portal: Portal, trust: Trust, journey: Journey, tmp_path: Path
) -> None:
    people = trust.add(5, AccountState.NOT_REGISTERED, "Nina")
    with counted(serving_process(portal.started[-1]), "fdatasync,fsync", tmp_path / "trace") as count:
        for ess_id in people:
            before = count()
            journey.lena.send(trust.move(ess_id, "register"))
            assert count() > before, "a change was answered that the disk may not have"
