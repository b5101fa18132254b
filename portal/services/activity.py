"""What happened: entries of the audit trail with the people whom their sentences name."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.extensions import db
from portal.models import Account, AuditEntry, Person


@dataclass(frozen=True)
class Happening:
    """An entry, whom it is about (None: nobody we know), and who did it (None: nobody who was signed in)."""

    entry: AuditEntry
    person: Person | None
    actor: Person | None


def recent(person: Person, limit: int) -> list[Happening]:
    """The last things that happened to ``person``, the newest first."""
    actor = aliased(Person)
    found = db.session.execute(
        select(AuditEntry, actor)
        .outerjoin(Account, Account.id == AuditEntry.actor_account_id)
        .outerjoin(actor, actor.id == Account.person_id)
        .where(AuditEntry.person_id == person.id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [Happening(entry, person, by) for entry, by in found]
