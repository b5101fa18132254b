"""Whatever ails the mail server, pages answer as fast as ever and say the same; only the mail waits (ASVS 6.3.8)."""

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import OutboxMessage
from tests.factories import PASSWORD
from tests.reliability.conftest import Trust
from tests.support.mail_faults import SILENCE, MailServer
from tests.support.ports import free_port
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

ROUNDS = 9
SLACK_SECONDS = 0.05
"""A page's median may differ by so much more than by a half: this machine does much else."""


def silent(stage: str, _recipient: str) -> str | None:
    return SILENCE if stage == "connect" else None


@contextmanager
def refusing(portal: Portal) -> Iterator[None]:
    portal.settings.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=free_port())
    yield


@contextmanager
def nameless(portal: Portal) -> Iterator[None]:
    """A name that no server of names knows (RFC 6761)."""
    portal.settings.update(MAIL_SERVER="mail.invalid", MAIL_PORT=25)
    yield


@contextmanager
def black_hole(portal: Portal) -> Iterator[None]:
    """Connections are never answered, nor refused: nobody takes them, and there is no room for more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, socket.socket() as first, socket.socket() as second:
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(hole.getsockname())
        portal.settings.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=hole.getsockname()[1])
        yield


@contextmanager
def tarpit(portal: Portal) -> Iterator[None]:
    with MailServer(silent) as server:
        portal.settings.update(MAIL_SERVER=server.host, MAIL_PORT=server.port)
        yield


@contextmanager
def broken_tls(portal: Portal) -> Iterator[None]:
    with MailServer() as server:
        portal.settings.update(MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_USE_SSL=True)
        yield


FAULTS = {each.__name__: each for each in (refusing, nameless, black_hole, tarpit, broken_tls)}


class Measured:
    """The pages that lead to mail, asked for in turns; how long each took, and what it said."""

    def __init__(self, lena: Visitor, trust: Trust) -> None:
        self.trust = trust
        self.erin = trust.usernames[trust.add(1, AccountState.ACTIVE, "Erin")[0]]
        self.nora = iter(trust.add(2 * ROUNDS, AccountState.NOT_REGISTERED, "Nora"))
        self.lena = lena
        self.lena.sign_in(trust.administrator, PASSWORD)

    def medians(self) -> tuple[dict[str, float], list[object]]:
        """The median of each page in seconds, and what recovery answered, known name and unknown."""
        said: list[object] = []
        acts: dict[str, Callable[[], object]] = {
            "the list": lambda: self.lena.get("/find-administrator"),
            "the sign-in page": lambda: self.lena.get("/sign-in", expect=303),
            "recovery": lambda: said.append(self._recover(self.erin)),
            "recovery of nobody": lambda: said.append(self._recover("42061nnobody9")),
            "register": lambda: self.lena.send(self.trust.move(next(self.nora), "register")),
        }
        taken: dict[str, list[float]] = {name: [] for name in acts}
        for _ in range(ROUNDS):
            for name, act in acts.items():
                began = time.monotonic()
                act()
                taken[name].append(time.monotonic() - began)
        return {name: statistics.median(times) for name, times in taken.items()}, said

    def _recover(self, identifier: str) -> object:
        answer = self.lena.send("/recover", {"identifier": identifier, "need": "password"})
        return answer.status_code, answer.headers["Location"], answer.text


@pytest.mark.parametrize("fault", FAULTS)
def test_no_page_waits_for_the_mail_server(portal: Portal, trust: Trust, fault: str) -> None:
    portal.settings["MAIL_DEFAULT_SENDER"] = "Gatehouse <portal@portal.example>"
    with FAULTS[fault](portal), visiting(portal.url) as lena:
        portal.serve()
        measured = Measured(lena, trust)
        usual, said = measured.medians()
        worker = portal.worker()
        wait_until(lambda: any(row.attempts for row in trust.rows()), "the worker has tried")
        degraded, said_then = measured.medians()
        for page, seconds in usual.items():
            assert degraded[page] <= 1.5 * seconds + SLACK_SECONDS, (
                f"{page}: {seconds:.3f} s, then {degraded[page]:.3f} s"
            )
        assert {repr(each) for each in said + said_then} == {repr(said[0])}
        with trust.database():
            states = {row.state for row in db.session.query(OutboxMessage)}
        assert states == {"queued"}
        assert worker.is_running()
