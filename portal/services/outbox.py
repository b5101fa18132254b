"""The outbox: a mail is a row, written in the transaction that asks for it and delivered by the worker.

The one caller of Flask-Mail. A row holds no secret: what the mail says is put together at delivery.
"""

import os
import secrets
import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_mail import Message
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db, mail
from portal.models import Account, OutboxMessage
from portal.services import correspondence, tokens, work
from portal.transactions import begin_write

MOST_ATTEMPTS = 130
"""With an hour between tries, five days: a mail server may be down over a long weekend (RFC 5321 4.5.4.1)."""
SMTP_SECONDS = 15
"""How long the mail server may take for one reply. All eleven of a conversation stay within a lease."""

SECURITY_NOTICES = frozenset({"locked", "unlocked", "password-changed"})
"""Kinds that go to the secondary address too; none of them carries a secret."""


def queue(
    kind: str,
    *,
    account: Account,
    entry: int | None = None,
    not_after: datetime | None = None,
    **parameters: Any,
) -> list[OutboxMessage]:
    """Ask for a mail of ``kind`` to the owner of ``account``: a row for each address that gets it, none without one.

    ``entry`` is the id of the audit entry of what the mail is about.
    """
    begin_write()
    person = account.person
    recipients = [person.primary_email]
    if kind in SECURITY_NOTICES and person.secondary_email != person.primary_email:
        recipients.append(person.secondary_email)
    recipients = [recipient for recipient in recipients if recipient]
    now = clock.now()
    rows = [
        OutboxMessage(
            kind=kind,
            message_id=f"<{secrets.token_hex(16)}@{urlsplit(current_app.config['BASE_URL']).hostname}>",
            recipient=recipient,
            is_copy=number > 0,
            account_id=account.id,
            audit_entry_id=entry,
            parameters=parameters,
            created_at=now,
            due_at=now,
            not_after=not_after,
        )
        for number, recipient in enumerate(recipients)
    ]
    db.session.add_all(rows)
    return rows


def last_message(account: Account) -> OutboxMessage | None:
    """The newest mail to the owner of ``account``, delivered or not; copies aside."""
    return db.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.account_id == account.id, OutboxMessage.is_copy.is_(False))
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    ).one_or_none()


def mailed_lately(kind: str, recipient: str, within: timedelta) -> int:
    """How many mails of ``kind`` an address was sent, or will be, since so long ago."""
    return db.session.scalars(
        select(func.count()).where(
            OutboxMessage.recipient == recipient,
            OutboxMessage.kind == kind,
            OutboxMessage.created_at > clock.now() - within,
        )
    ).one()


def deliver_due(limit: int = 100) -> int:
    """Send what is due, one mail at a time, each under a lease of its own; answers how many were taken in hand."""
    return work.do_due(work.Duty(OutboxMessage, MOST_ATTEMPTS, do=_deliver, settled=_note_on_account), limit)


def _deliver(row_id: int) -> None:
    """Put the mail together and hand it over. Raises what ``work`` asks for when that cannot be done."""
    row = db.session.get(OutboxMessage, row_id)
    if row is None:
        raise work.Dropped("the message is gone")
    if row.not_after is not None and clock.now() >= row.not_after:
        raise work.GiveUp("too late: what it carries has expired")
    try:
        words = correspondence.words_of(row)
    except tokens.KeyGone as gone:
        raise work.GiveUp(str(gone)) from None
    message = Message(
        subject=words.subject,
        recipients=[row.recipient],
        body=words.text,
        html=words.html,
        extra_headers={"X-Portal-Message": row.kind, "Auto-Submitted": "auto-generated"},
    )
    message.msgId = row.message_id
    message.date = row.created_at.timestamp()
    created = row.created_at
    db.session.rollback()
    if current_app.config["MAIL_SERVER"]:
        _send(message)
    else:
        _write(message, created)


def _send(message: Message) -> None:
    """Hand a message over. Once the server has taken it, nothing that goes wrong afterwards sends it again.

    A server that refuses may hang up at once: what counts is its refusal, not that it is gone when we take our leave.
    """
    taken, first = False, None
    try:
        with _patience(), mail.connect() as connection:
            try:
                message.send(connection)
            except (smtplib.SMTPException, OSError) as failure:
                first = failure
                raise
            taken = True
    except (smtplib.SMTPException, OSError) as failure:
        if not taken:
            raise _answer_to(first or failure) from None


def _answer_to(failure: Exception) -> Exception:
    """What a failure that kept a message from being taken means for it."""
    match failure:
        case smtplib.SMTPRecipientsRefused():
            return _refusal(*next(iter(failure.recipients.values())))
        case smtplib.SMTPDataError():
            return _refusal(failure.smtp_code, failure.smtp_error)
        case smtplib.SMTPResponseException():
            return work.TryLater(_words(failure.smtp_code, failure.smtp_error))
        case _:
            return work.TryLater(f"mail server: {type(failure).__name__}")


@contextmanager
def _patience() -> Iterator[None]:
    """No server is waited for longer than SMTP_SECONDS at a time; Flask-Mail has no setting for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SMTP_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _refusal(code: int, said: bytes | str) -> Exception:
    """Of a recipient or a message, a 5xx is for good and a 4xx for now (RFC 5321 4.2.1).

    53x says that we are not signed in. That, like the refusal of a connection or of our own address, is for an
    operator to put right, and the mail waits for it.
    """
    for_good = 500 <= code <= 599 and not 530 <= code <= 539
    return work.GiveUp(_words(code, said)) if for_good else work.TryLater(_words(code, said))


def _words(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {words}".replace("\0", "").split())


def _write(message: Message, created: datetime) -> None:
    """Without a mail server: a file in the instance folder, the same one when it is written again."""
    folder = Path(current_app.config["INSTANCE_PATH"]) / "mail"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{created:%Y%m%dT%H%M%S%f}-{message.msgId.strip('<>').partition('@')[0]}.eml"
    draft = folder / f".{name}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(message.as_bytes())
    draft.replace(folder / name)


def _note_on_account(row: OutboxMessage) -> None:
    """The account's internal message says what became of its mail; what superseded a mail has said so itself."""
    if row.is_copy:
        return
    if row.state == "dropped" and row.last_error != correspondence.ADDRESS_CHANGED:
        return
    account = db.session.get(Account, row.account_id) if row.account_id else None
    codes = {"done": "mail-sent", "failed": "mail-refused", "queued": "mail-delayed", "dropped": "mail-dropped"}
    if account is not None:
        detail = f"{row.kind}: {row.last_error}".rstrip(": ")
        account.internal_message, account.internal_detail = codes[row.state], detail
        account.internal_message_at = clock.now()
