"""The running portal as the model sees it: browsers in two zones, buttons, mails, and a clock that the model moves."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.services import outbox, recovery
from tests import factories
from tests.factories import PASSWORD
from tests.support import launched
from tests.support.mail_faults import MailServer
from tests.support.server import Portal, Started
from tests.support.smtp import Received
from tests.support.visitor import Visitor

BEGINNING = datetime(2026, 11, 16, 9, tzinfo=UTC)
ADDRESSES = {"internet": "127.0.0.1", "private": "127.0.0.77"}
CODE = "42061"
TOKEN_PAGE = "/recover?need=password"
CHOICE = "/recover/new-password"
PANEL = re.compile(r'data-account-state="([a-z-]+)" data-failures="(\d+)"')

TEMPORARY = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$")


@dataclass(frozen=True)
class Somebody:
    """A person as others name them."""

    ess_id: int
    name: str
    address: str


class ByZone(httpx.BaseTransport):
    """A browser's way to the portal: from the one network, or from the other."""

    def __init__(self) -> None:
        self.zone = "internet"
        self.ways = {zone: httpx.HTTPTransport(local_address=address) for zone, address in ADDRESSES.items()}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.ways[self.zone].handle_request(request)

    def close(self) -> None:
        for way in self.ways.values():
            way.close()


class Window:
    """One browser, which may move between the zones."""

    def __init__(self, url: str) -> None:
        self.way = ByZone()
        self.visitor = Visitor(url, way=self.way)

    def guess(self, name: str, words: str, zone: str) -> int:
        """The sign-in form, sent; answers the status."""
        self.way.zone = zone
        self.visitor.get(TOKEN_PAGE)
        return self.visitor.send("/sign-in", {"username": name, "password": words}, expect=None).status_code

    def cookies(self) -> str:
        """What the browser sends now, for somebody who copies it."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.visitor.http.cookies.jar)

    def whose(self, copied: str | None = None) -> tuple[str, str]:
        """Whether somebody is signed in, may only choose a password, or nobody is; and the page that says who. With
        ``copied`` cookies instead of the browser's own.
        """
        if copied is None:
            answer = self.visitor.http.get("/account")
        else:
            with httpx.Client(
                base_url=self.visitor.http.base_url, trust_env=False, headers={"Cookie": copied}
            ) as thief:
                answer = thief.get("/account")
        target = answer.headers.get("Location", "").partition("?")[0]
        return {"": "in", "/enrol": "enrolling", "/sign-in": "out"}[target], answer.text

    def choose(self, path: str, words: str) -> int:
        """A password of one's own, where the page lets one choose; answers the status of the last answer."""
        opened = self.visitor.http.get(path)
        if opened.status_code != 200:
            return opened.status_code
        self.visitor.get(path)
        return self.visitor.send(path, {"password": words, "password_again": words}, expect=None).status_code


class World:
    """An installation with an administrator, and the test in the worker's place."""

    def __init__(self, portal: Portal, clock_file: Path, mail_server: MailServer) -> None:
        self.portal, self.clock_file, self.mail_server = portal, clock_file, mail_server
        self.now = BEGINNING
        self.people = 0
        self.mails: dict[str, list[Received]] = {}
        self.web: Started | None = None

    def begin(self) -> None:
        """The organisation, its administrator, and the server."""
        trust = factories.organisation(CODE, "COUNTY OFFICE OF EDUCATION")
        boss = factories.person(trust, "Lena Administrator")
        factories.grant(boss, Role.LOCAL_ADMINISTRATOR, organisation=trust)
        self.boss = boss.account.username or ""
        self.lena = Visitor(self.portal.url)
        self.reader = Window(self.portal.url)
        self.web = self.portal.serve()

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        launched.write_time(self.clock_file, self.now)

    def add(self, name: str, state: AccountState, **columns: int) -> Somebody:
        """Somebody new, with a name and an address that nobody else has."""
        self.people += 1
        full = f"{name} Model{self.people:05}"
        trust = db.session.scalars(select(Organisation)).one()
        made = factories.person(trust, full, types=["admin"], state=state, account=columns)
        return Somebody(made.ess_id, full, made.primary_email)

    def username(self, somebody: Somebody) -> str | None:
        """The username, once there is one."""
        named = select(Account.username).join(Account.person).where(Person.ess_id == somebody.ess_id)
        return db.session.scalars(named).one()

    def restart(self) -> None:
        """SIGTERM, and another server."""
        assert self.web is not None
        assert self.web.stop() == 0
        self.web = self.portal.serve()

    def kill(self) -> None:
        """SIGKILL to all of it, and another server."""
        assert self.web is not None
        self.web.kill()
        self.web = self.portal.serve()

    def die_over_a_guess(self, window: Window, name: str, zone: str) -> None:
        """The process that checks the guess is killed, and then what is left of the server."""
        with suppress(httpx.TransportError):
            status = window.guess(name, launched.DEADLY_GUESS, zone)
            raise AssertionError(f"the guess was answered with {status}")
        self.kill()

    def press(self, somebody: Somebody, button: str) -> int:
        """A button of the panel, by an administrator who signs in again where that is needed."""
        self.panel(somebody)
        return self.lena.send(f"{self._url(somebody)}/{button}", expect=None).status_code

    def panel(self, somebody: Somebody) -> tuple[str, int]:
        """State and failures as the administrator's panel shows them."""
        if self.lena.http.get(self._url(somebody)).status_code == 303:
            self.lena.sign_in(self.boss, PASSWORD)
        shown = PANEL.search(self.lena.get(self._url(somebody)).text)
        assert shown is not None
        return shown.group(1), int(shown.group(2))

    def ask(self, name: str, need: str) -> None:
        """Recovery, by whoever it is; and what it leads to."""
        self.reader.visitor.get(TOKEN_PAGE)
        self.reader.visitor.send("/recover", {"identifier": name, "need": need})

    def open_link(self, token: str) -> None:
        """The reader has followed a link."""
        self.reader.visitor.http.cookies.clear()
        self.reader.visitor.get(f"/recover/{token}", expect=303)

    def is_good(self, token: str) -> bool:
        """Whether a link leads to the choice of a password."""
        self.open_link(token)
        status = self.reader.visitor.http.get(CHOICE).status_code
        assert status in (200, 410)
        return status == 200

    def work(self) -> None:
        """What is due is done, as the worker would."""
        assert recovery.handle_all_due()["queued"] == outbox.deliver_all_due()["queued"] == 0
        db.session.remove()
        for mail in self.mail_server.messages:
            self.mails.setdefault(mail.recipients[0], []).append(mail)
        self.mail_server.messages.clear()

    def mailed(self, address: str) -> Counter[str]:
        """How many mails of each kind an address has had."""
        return Counter(mail.kind for mail in self.mails.get(address, []))

    def newest_line(self, somebody: Somebody) -> str:
        """What stands alone on its line in somebody's newest mail: a temporary password, or the first link."""
        newest = self.mails[somebody.address][-1]
        return next(line for line in newest.lines if TEMPORARY.match(line) or "/recover/" in line)

    def _url(self, somebody: Somebody) -> str:
        return f"/organisations/{CODE}/contacts/{somebody.ess_id}"


@contextmanager
def world(portal: Portal, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A started world whose time the model moves; hashes are cheap, and one guess kills."""
    portal.folder.mkdir(parents=True, exist_ok=True)
    clock_file = portal.folder / "clock"
    launched.write_time(clock_file, BEGINNING)
    parts = (launched.with_clock(clock_file), launched.WITH_CHEAP_HASHES, launched.WITH_DEADLY_GUESS)
    portal.before = "\n".join(parts)
    portal.settings |= {
        "RATE_LIMITS": False,
        "PRIVATE_NETWORKS": [f"{ADDRESSES['private']}/32"],
        "MAIL_SERVER": mail_server.host,
        "MAIL_PORT": mail_server.port,
        "MAIL_DEFAULT_SENDER": "Gatehouse <portal@portal.example>",
    }
    with portal.database():
        made = World(portal, clock_file, mail_server)
        monkeypatch.setattr(clock, "now", lambda: made.now)
        made.begin()
        yield made
        made.lena.close()
        made.reader.visitor.close()
