"""The demonstration's mailbox: the messages that the portal wrote to files because there is no mail server."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import current_app

from portal import clock
from portal.errors import NotFound
from portal.services import heartbeats, outbox, recovery

PAGE_SIZE = 25
SILENCE = timedelta(seconds=30)
"""A worker that was not seen for so long is not running: it says so every ten seconds."""

SHOWN_HEADERS = ("From", "To", "Date", "Subject", "Message-ID", "X-Portal-Message", "Auto-Submitted")


@dataclass(frozen=True)
class Letter:
    """One message. ``html`` is source text, to be shown as text."""

    name: str
    subject: str
    recipient: str
    kind: str
    sent_at: datetime | None
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str


@dataclass(frozen=True)
class Letters:
    """One page of the mailbox, newest first; ``count`` is that of all pages."""

    letters: list[Letter]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are; 1 for an empty mailbox."""
        return max(1, -(-self.count // PAGE_SIZE))


def newest(page: int = 1) -> Letters:
    """A page of the mailbox; a page behind the last one is the last one."""
    names = sorted(_names(), reverse=True)
    page = max(1, min(page, -(-len(names) // PAGE_SIZE)))
    shown = names[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return Letters([_read(name) for name in shown], len(names), page)


def letter(name: str) -> Letter:
    """The message in the file ``name``. Raises NotFound for anything but a name that the mailbox lists."""
    if name not in _names():
        raise NotFound
    return _read(name)


def worker_is_running() -> bool:
    """Whether somebody delivers the mail without being asked to."""
    seen = heartbeats.worker_seen_at()
    return seen is not None and clock.now() - seen < SILENCE


def deliver() -> None:
    """What the worker would do now."""
    recovery.handle_due()
    outbox.deliver_due()


def _folder() -> Path:
    return Path(current_app.config["INSTANCE_PATH"]) / "mail"


def _names() -> set[str]:
    return {file.name for file in _folder().glob("*.eml") if not file.name.startswith(".")}


def _read(name: str) -> Letter:
    message = message_from_bytes((_folder() / name).read_bytes(), policy=policy.default)
    date = message["Date"]
    return Letter(
        name=name,
        subject=str(message["Subject"] or ""),
        recipient=str(message["To"] or ""),
        kind=str(message["X-Portal-Message"] or ""),
        sent_at=date.datetime if date is not None else None,
        headers=tuple((header, str(message[header])) for header in SHOWN_HEADERS if message[header] is not None),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
