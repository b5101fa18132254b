"""The outbox: a mail is a row, written in the transaction that asks for it and delivered by the worker.

The one caller of Flask-Mail. A row holds no secret: what the mail says is put together at delivery.
"""

import os
import re
import secrets
import smtplib
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_mail import Message
from sqlalchemy import func, or_, select, union_all

from portal import clock
from portal.domain.email_addresses import same_address
from portal.extensions import db, mail
from portal.models import Account, OutboxMention, OutboxMessage
from portal.services import correspondence, tokens, work
from portal.transactions import begin_write

MOST_ATTEMPTS = 130
"""With an hour between tries, five days: a mail server may be down over a long weekend (RFC 5321 4.5.4.1)."""
SMTP_SECONDS = 15
"""How long the mail server may take for one reply. All eleven of a conversation stay within a lease."""
LAST_REPLY_SECONDS = 600
"""How long it may take to say that it has taken a message, which it may look through first (RFC 5321 4.5.3.2.6)."""
MAIL_IS_LATE = timedelta(minutes=5)
"""Mail that waits for so long is worth a word to administrators."""
GO_AHEAD = 354
"""The reply after which the message itself is sent."""
TOO_LATE = "what it carries has expired"

MOST_COPIES = 5
COPIES_COUNTED = timedelta(hours=1)

REPLY = re.compile(r"\d{3} ")

SECURITY_NOTICES = frozenset({"locked", "unlocked", "password-changed", "email-changed", "in-person", "role-changed"})
"""Kinds that go to the secondary address too; none of them carries a secret."""


def queue(
    kind: str,
    *,
    account: Account,
    to: Sequence[str] = (),
    also: Sequence[Account] = (),
    entry: int | None = None,
    not_after: datetime | None = None,
    **parameters: Any,
) -> list[OutboxMessage]:
    """Ask for a mail of ``kind`` to the owner of ``account``: a row for each address that gets it, none without one.

    ``to`` are the addresses of a mail that does not go to the present one alone; all but the first get copies.
    ``also`` are the other accounts on the address that it is about; ``entry`` is the id of the audit entry of that.
    """
    begin_write()
    person = account.person
    copied = [person.secondary_email] if kind in SECURITY_NOTICES and not _copied_often(person.secondary_email) else []
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
        for number, recipient in enumerate(_mailboxes([*(to or [person.primary_email]), *copied]))
    ]
    db.session.add_all(rows)
    if also:
        db.session.flush()
        mentions = (OutboxMention(message_id=row.id, account_id=other.id) for row in rows for other in also)
        db.session.add_all(mentions)
    return rows


def _mailboxes(addresses: Sequence[str]) -> list[str]:
    """The addresses that there are, each mailbox once."""
    found: list[str] = []
    for address in addresses:
        if address and not any(same_address(address, other) for other in found):
            found.append(address)
    return found


def _copied_often(address: str) -> bool:
    """Whether enough copies went to an address that nobody has proven: it is no way to fill a stranger's mailbox."""
    since = clock.now() - COPIES_COUNTED
    lately = select(func.count()).where(
        OutboxMessage.recipient == address,
        OutboxMessage.kind.in_(SECURITY_NOTICES),
        OutboxMessage.created_at > since,
        OutboxMessage.is_copy,
    )
    return bool(address) and db.session.scalars(lately).one() >= MOST_COPIES


def last_message(account: Account) -> OutboxMessage | None:
    """The newest mail about ``account``, delivered or not; copies aside."""
    own = select(func.max(OutboxMessage.id)).where(
        OutboxMessage.account_id == account.id, OutboxMessage.is_copy.is_(False)
    )
    mentioning = select(func.max(OutboxMention.message_id)).where(OutboxMention.account_id == account.id)
    newest = [found for found in db.session.scalars(union_all(own, mentioning)) if found is not None]
    return db.session.get(OutboxMessage, max(newest)) if newest else None


def mailed_lately(kind: str, recipient: str, within: timedelta) -> int:
    """How many mails of ``kind`` an address was sent, or will be, since so long ago."""
    return db.session.scalars(
        select(func.count()).where(
            OutboxMessage.recipient == recipient,
            OutboxMessage.kind == kind,
            OutboxMessage.created_at > clock.now() - within,
        )
    ).one()


def waiting_since() -> datetime | None:
    """Since when mail has been waiting, and none has left: None while it flows, and for the first MAIL_IS_LATE."""
    since = work.waiting_since(OutboxMessage)
    return since if since is not None and since <= clock.now() - MAIL_IS_LATE else None


def deliver_due(limit: int = 100) -> int:
    """Send what is due, one mail at a time, each under a lease of its own; answers how many were taken in hand."""
    return work.do_due(_duty(), limit)


def deliver_all_due() -> Counter[str]:
    """Send whatever is due by now, each mail once; answers how many were left in which state."""
    return work.do_all_due(_duty())


def _duty() -> work.Duty[OutboxMessage]:
    return work.Duty(OutboxMessage, MOST_ATTEMPTS, do=_deliver, settled=_note_on_account)


def _deliver(row_id: int) -> None:
    """Put the mail together and hand it over. Raises what ``work`` asks for when that cannot be done."""
    row = db.session.get(OutboxMessage, row_id)
    if row is None:
        raise work.Dropped("the message is gone")
    if row.not_after is not None and clock.now() >= row.not_after:
        raise work.GiveUp(TOO_LATE)
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
            if connection.host is not None:
                _wait_longer_for_the_last_reply(connection.host)
            try:
                message.send(connection)
            except (smtplib.SMTPException, OSError) as failure:
                first = failure
                raise
            taken = True
    except UnicodeError:
        raise work.GiveUp("the address holds letters that mail cannot carry") from None
    except (smtplib.SMTPException, OSError) as failure:
        if not taken:
            raise _answer_to(first or failure) from None


def _wait_longer_for_the_last_reply(server: smtplib.SMTP) -> None:
    """Whoever hangs up too early sends a message again that the server has taken: lease and socket get more time."""
    reply = server.getreply

    def patient_reply() -> tuple[int, bytes]:
        code, said = reply()
        last_comes = code == GO_AHEAD
        if last_comes:
            try:
                work.take_longer(timedelta(seconds=LAST_REPLY_SECONDS + SMTP_SECONDS))
            except Exception:
                server.close()  # nothing of the message was sent yet, and nothing is to be said any more
                raise
        if server.sock is not None:
            server.sock.settimeout(LAST_REPLY_SECONDS if last_comes else SMTP_SECONDS)
        return code, said

    server.getreply = patient_reply  # type: ignore[method-assign]


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
    """The internal message says what became of the mail, on each account that it is about; copies do not count.

    What superseded a mail has said so itself.
    """
    if row.is_copy:
        return
    if row.state == "dropped" and row.last_error != correspondence.ADDRESS_CHANGED:
        return
    mentioned = select(OutboxMention.account_id).where(OutboxMention.message_id == row.id)
    about = or_(Account.id == row.account_id, Account.id.in_(mentioned))
    for account in db.session.scalars(select(Account).where(about).order_by(Account.id)):
        account.internal_message = _code_of(row)
        account.internal_detail = f"{row.kind}: {row.last_error}".rstrip(": ")
        account.internal_message_at = clock.now()


def _code_of(row: OutboxMessage) -> str:
    """The internal message for what became of a mail; it was refused when the last word is a server's reply."""
    if row.state == "failed" and not REPLY.match(row.last_error):
        return "mail-given-up"
    codes = {"done": "mail-sent", "failed": "mail-refused", "queued": "mail-delayed", "dropped": "mail-dropped"}
    return codes[row.state]
