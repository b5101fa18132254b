"""What was written down: the audit trail's entries and the outbox's rows, as tests ask for them."""

from sqlalchemy import select

from portal.extensions import db
from portal.models import AuditEntry, OutboxMessage, Person


def entries(person: Person | None = None, event: str | None = None) -> list[AuditEntry]:
    """The audit trail's entries about somebody (about anybody, if None), in their order."""
    found = select(AuditEntry).order_by(AuditEntry.id)
    if person is not None:
        found = found.where(AuditEntry.person_id == person.id)
    if event is not None:
        found = found.where(AuditEntry.event == event)
    return list(db.session.scalars(found))


def events(person: Person | None = None) -> list[str]:
    """What happened to somebody."""
    return [entry.event for entry in entries(person)]


def mails(kind: str | None = None) -> list[OutboxMessage]:
    """The outbox's rows, in their order."""
    found = select(OutboxMessage).order_by(OutboxMessage.id)
    return list(db.session.scalars(found if kind is None else found.where(OutboxMessage.kind == kind)))


def kinds() -> list[str]:
    """The kinds of mail that were asked for, in their order."""
    return [row.kind for row in mails()]
