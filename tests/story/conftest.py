"""The product as it runs for real: web, worker, a database and a mail server as processes; and people at browsers."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.extensions import Model, db
from portal.models import Account, KnownBrowser, OutboxMessage, Person, RecoveryLink, Session
from portal.models.columns import UtcDateTime
from portal.transactions import write
from tests.story.visitor import Answer, Visitor
from tests.support.databases import Databases, SqliteFiles
from tests.support.server import Portal
from tests.support.smtp import Mailbox, Received

CONTACTS = "/organisations/42061/contacts"
OWN_PASSWORD = "velvet trombone under snowfall"
FIRST_NAMES = (
    "Alma",
    "Boris",
    "Chiara",
    "Dmitri",
    "Esther",
    "Farid",
    "Greta",
    "Hamza",
    "Imke",
    "Jorge",
    "Kofi",
    "Lena",
)

numbers = itertools.count(1)


@dataclass
class Installation:
    """What was started, and where its mail goes."""

    portal: Portal
    mailbox: Mailbox
    sign_ins: dict[str, tuple[str, str]]
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(self, address: str = "203.0.113.9") -> Visitor:
        """A browser that nobody has signed in with."""
        self.visitors.append(Visitor(self.portal.url, address))
        return self.visitors[-1]


@pytest.fixture(scope="session")
def installation(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A fresh database with the demonstration, web and worker, and a mail server: once for all tests of the story."""
    folder, mailbox = tmp_path_factory.mktemp("story"), Mailbox()
    with databases.blank() as uri:
        portal = Portal(folder, None if isinstance(databases, SqliteFiles) else uri)
        portal.settings.update(PRIVATE_NETWORKS=["10.0.0.0/8"], TRUSTED_PROXIES=["127.0.0.0/8"])
        portal.send_mail_to(mailbox)
        mailbox.up()
        try:
            portal.command("db", "upgrade")
            portal.command("demo", seconds=300)
            portal.serve()
            portal.worker()
            kept = json.loads((portal.instance / "demonstration.json").read_text())["sign_ins"]
            sign_ins = {entry["role"]: (entry["username"], entry["password"]) for entry in kept}
            yield Installation(portal, mailbox, sign_ins)
        finally:
            portal.end()
            mailbox.down()


@pytest.fixture(autouse=True)
def _browsers_are_closed(installation: Installation) -> Iterator[None]:
    yield
    while installation.visitors:
        installation.visitors.pop().http.close()


@pytest.fixture
def visitor(installation: Installation) -> Visitor:
    """A browser in the internet that nobody has signed in with."""
    return installation.visitor()


@pytest.fixture
def administrator(installation: Installation) -> Visitor:
    """The local administrator of the county office, signed in."""
    signed_in = installation.visitor()
    assert signed_in.sign_in(*installation.sign_ins["local_administrator"]).path == CONTACTS
    return signed_in


@dataclass
class Contact:
    """A contact whom the administrator has made, at a browser of the contact's own."""

    installation: Installation
    administrator: Visitor
    ess_id: int
    email: str
    last_name: str
    browser: Visitor
    username: str = ""
    seen: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{CONTACTS}/{self.ess_id}"

    def panel(self) -> Answer:
        """The maintenance screen with this contact chosen."""
        return self.administrator.get(self.url)

    def press(self, move: str) -> Answer:
        """The administrator presses one of the panel's buttons."""
        return self.administrator.send(self.panel(), f"{self.url}/{move}")

    def gets(self, kind: str, seconds: float = 15) -> Received:
        """The next mail of this kind to this contact. Raises AssertionError when none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            for received in self.installation.mailbox.to(self.email):
                if received.kind == kind and all(received is not known for known in self.seen):
                    self.seen.append(received)
                    return received
            assert time.monotonic() < deadline, f"no mail of the kind {kind} came to {self.email}"
            time.sleep(0.05)

    def sign_in(self, password: str) -> Answer:
        return self.browser.sign_in(self.username, password)

    def fails(self, times: int) -> None:
        """So many wrong passwords, each answered alike."""
        for _ in range(times):
            assert self.sign_in("a wrong password").status == 422

    def enrol(self) -> Answer:
        """Registered by the administrator, and in with a password of their own."""
        self.press("register")
        mail = self.gets("registration")
        self.username = username_in(mail)
        return self.browser.choose_password(self.sign_in(temporary_password_in(mail)), OWN_PASSWORD)


@pytest.fixture
def new_contact(installation: Installation, administrator: Visitor) -> Callable[[], Contact]:
    """``new_contact()``: New, filled in, and saved."""

    def made() -> Contact:
        number = next(numbers)
        first, last = FIRST_NAMES[number % len(FIRST_NAMES)], f"Storyteller-{number}"
        email = f"storyteller{number}@coe.example"
        form = administrator.get(f"{CONTACTS}/new")
        saved = administrator.send(
            form, f"{CONTACTS}/new", first_name=first, last_name=last, primary_email=email,
            confirm_primary_email=email, types=["payroll"],
        )  # fmt: skip
        ess_id = int(saved.path.rpartition("/")[2])
        return Contact(installation, administrator, ess_id, email, last, installation.visitor())

    return made


@pytest.fixture
def contact(new_contact: Callable[[], Contact]) -> Contact:
    """A contact who is not registered yet."""
    return new_contact()


@pytest.fixture
def enrolled(contact: Contact) -> Contact:
    """A contact who has chosen a password, and has signed out."""
    contact.browser.sign_out(contact.enrol())
    return contact


@pytest.fixture
def later(installation: Installation) -> Callable[[Contact, timedelta], None]:
    """``later(contact, timedelta(hours=25))``: time passes for one contact.

    Everything that the portal has written down about the contact's account happened that much earlier.
    """

    def pass_by(contact: Contact, time_passed: timedelta) -> None:
        with installation.portal.database(), write():
            account = db.session.scalars(select(Account).join(Account.person).where(Person.ess_id == contact.ess_id))
            theirs = account.one()
            rows: list[Model] = [theirs]
            for kind in (KnownBrowser, OutboxMessage, RecoveryLink, Session):
                rows += db.session.scalars(select(kind).where(kind.account_id == theirs.id)).all()
            for row in rows:
                _make_older(row, time_passed)

    return pass_by


def _make_older(row: Model, time_passed: timedelta) -> None:
    for column in row.__table__.columns:
        moment = getattr(row, column.key)
        if isinstance(column.type, UtcDateTime) and moment is not None:
            setattr(row, column.key, moment - time_passed)


def temporary_password_in(mail: Received) -> str:
    """The one line of the text part that is a temporary password."""
    return _the_line_after(mail, "temporary password")


def username_in(mail: Received) -> str:
    """The username, alone on its line."""
    return _the_line_after(mail, "username")


def _the_line_after(mail: Received, words: str) -> str:
    lines = [line for line in mail.lines if line]
    place = next(place for place, line in enumerate(lines) if words in line and line.endswith(" is"))
    return lines[place + 1]
