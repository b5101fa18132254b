"""A real SMTP server in the test's own process, whose behaviour a test can change while mail arrives.

def test_a_mail_server_that_is_busy_delays_mail(app, mailbox):
    mailbox.answer("421")           # or "450", "550", "drop-mid-data", "reset-after-accept", "slow", "ok"
    mailbox.down()                  # nothing listens any more; mailbox.up() brings it back on the same port
    mailbox.wait_for(1)             # the messages, once there are that many
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from portal.extensions import mail
from tests.support.ports import free_port

REFUSALS = {
    "421": "421 4.3.2 Service shutting down",
    "450": "450 4.2.1 Mailbox busy",
    "550": "550 5.1.1 Mailbox unavailable",
    "552": "552 5.2.2 Mailbox full",
}
BEHAVIOURS = ("ok", "drop-mid-data", "reset-after-accept", "slow", *REFUSALS)


@dataclass
class Received:
    """A message as it arrived: its envelope, its headers and its two parts."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        return str(self.message["X-Portal-Message"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain-text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines()]

    @property
    def link(self) -> str:
        """The first link that stands alone on its line: the one to act on."""
        return next(line for line in self.lines if line.startswith(("http://", "https://")))

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, f"the message has no text/{kind} part"
        return str(part.get_content())


class _Handler:
    def __init__(self, mailbox: "Mailbox") -> None:
        self.mailbox = mailbox

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.mailbox.attempts += 1
        behaviour = self.mailbox.behaviour
        if behaviour in REFUSALS:
            return REFUSALS[behaviour]
        envelope.rcpt_tos.append(address)
        if behaviour == "drop-mid-data":
            self.mailbox.dropping.add(_transport_of(server))
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.mailbox.behaviour
        if behaviour == "drop-mid-data":
            _transport_of(server).abort()
            return "421 gone"
        content = envelope.original_content or b""
        parsed = message_from_bytes(content, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.mailbox.messages.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), parsed, content))
        if behaviour == "slow":
            await asyncio.sleep(self.mailbox.slow_seconds)
        if behaviour == "reset-after-accept":
            _reset(_transport_of(server))
        return "250 Accepted"


def _transport_of(server: SMTP) -> asyncio.Transport:
    transport = server.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST: the message is kept, and the sender is never told."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Mailbox:
    """A mail server on a free loopback port, and what it has accepted, in order."""

    def __init__(self, port: int | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.messages: list[Received] = []
        self.attempts = 0
        """How many recipients were offered, refused ones included."""
        self.slow_seconds = 1.5
        """How long a slow server looks at a message that it has, before it says that it has taken it."""
        self.behaviour = "ok"
        self.dropping: set[Any] = set()
        self._controller: Controller | None = None

    def up(self) -> None:
        """Listen (again), on the same port."""
        self._controller = Controller(_Handler(self), hostname=self.host, port=self.port)
        self._controller.start()

    def down(self) -> None:
        """Nothing listens: connections are refused."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def answer(self, behaviour: str) -> None:
        """How the server treats what comes from now on."""
        assert behaviour in BEHAVIOURS, behaviour
        self.behaviour = behaviour

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Received]:
        """The messages, once at least ``count`` have come. Raises AssertionError when they do not come in time."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            assert time.monotonic() < deadline, f"{len(self.messages)} of {count} messages came: {self._kinds()}"
            time.sleep(0.02)
        return list(self.messages)

    def to(self, address: str) -> list[Received]:
        """What one address got."""
        return [received for received in self.messages if address in received.recipients]

    def one(self, kind: str) -> Received:
        """The only message of its kind."""
        found = [received for received in self.messages if received.kind == kind]
        assert len(found) == 1, f"{len(found)} messages of the kind {kind}, of {self._kinds()}"
        return found[0]

    def clear(self) -> None:
        self.messages.clear()
        self.attempts = 0

    def _kinds(self) -> list[str]:
        return [received.kind for received in self.messages]


@pytest.fixture
def smtp_server() -> Iterator[Mailbox]:
    """A mail server that no application knows of yet: give its host and port to a started one."""
    server = Mailbox()
    server.up()
    yield server
    server.down()


@pytest.fixture
def mailbox(app: Flask, smtp_server: Mailbox) -> Iterator[Mailbox]:
    """A mail server that the application in the test delivers to."""
    app.config.update(
        MAIL_SERVER=smtp_server.host,
        MAIL_PORT=smtp_server.port,
        MAIL_DEFAULT_SENDER="Gatehouse <portal@portal.example>",
    )
    # Flask-Mail read its settings when the application was made, and keeps mail back while the application is testing.
    before, app.testing = app.extensions["mail"], False
    mail.init_app(app)
    app.testing = True
    yield smtp_server
    app.extensions["mail"] = before
