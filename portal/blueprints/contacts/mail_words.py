"""What became of the mail to a person, and the last thing that the system did for the account: in words for support."""

from datetime import datetime

from flask_babel import gettext as _

from portal.blueprints.contacts.messages import INTERNAL, INTERNAL_MAIL, MAILS
from portal.domain.email_addresses import same_address
from portal.filters import moment
from portal.models import Account, OutboxMessage, Person


def last_email(row: OutboxMessage | None) -> tuple[str, str | None]:
    """The kind of mail; and, as its note, when and what became of it."""
    if row is None:
        return "", None
    known: dict[str, tuple[str, datetime | None]] = {
        "queued": (_("queued %(at)s"), row.created_at),
        "done": (_("sent %(at)s"), row.finished_at),
        "failed": (_("refused %(at)s"), row.finished_at),
        "dropped": (_("not sent, %(at)s"), row.finished_at),
    }
    text, at = known[row.state]
    said = text % {"at": moment(at or row.created_at)}
    if row.last_error and row.state != "done":
        said += ": " + row.last_error
    return f"{MAILS.get(row.kind, row.kind)} ({row.recipient})", said


def what_to_do(row: OutboxMessage | None, person: Person) -> dict[str, str | None] | None:
    """What helps when the last mail was refused; nothing where the address is another one by now."""
    if row is None or row.state != "failed" or not same_address(row.recipient, person.primary_email):
        return None
    return {"text": _("Check the address with the person, or help them in person."), "href": None}


def internal_message(account: Account) -> str:
    """The last thing that the system did for the account, in words for support."""
    code, detail = account.internal_message, account.internal_detail
    if code in INTERNAL_MAIL:
        kind, _colon, words = detail.partition(": ")
        text = INTERNAL_MAIL[code][1 if words else 0]
        return str(text) % {"mail": MAILS.get(kind, kind), "words": words}
    return str(INTERNAL.get(code, code)) + (f": {detail}" if detail else "")
