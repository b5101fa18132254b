"""What happened: entries of the audit trail with the people whom their sentences name."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from portal.extensions import db
from portal.models import Account, AuditEntry, Person


@dataclass(frozen=True)
class Happening:
    """An entry, whom it is about (None: nobody we know), and who did it (None: nobody who was signed in)."""

    entry: AuditEntry
    person: Person | None
    actor: Person | None


REFUSED = "account:sign-in:refused"
MOST_COUNTED = 1000


@dataclass(frozen=True)
class Refusals:
    """Passwords that were tried and not looked at: how many, MOST_COUNTED at most, and the last of them."""

    count: int
    last: AuditEntry


def refusals(person: Person, since: int) -> Refusals | None:
    """The refused attempts after the entry ``since``: a stranger may make any number, and they hide nothing else."""
    theirs = (AuditEntry.person_id == person.id, AuditEntry.event == REFUSED, AuditEntry.id > since)
    last = db.session.scalars(select(AuditEntry).where(*theirs).order_by(AuditEntry.id.desc()).limit(1)).one_or_none()
    if last is None:
        return None
    counted = select(AuditEntry.id).where(*theirs).limit(MOST_COUNTED).subquery()
    return Refusals(db.session.scalars(select(func.count()).select_from(counted)).one(), last)


def recent(person: Person, limit: int) -> list[Happening]:
    """The last things that happened to ``person``, the newest first; refused attempts are counted by ``refusals``."""
    actor = aliased(Person)
    found = db.session.execute(
        select(AuditEntry, actor)
        .outerjoin(Account, Account.id == AuditEntry.actor_account_id)
        .outerjoin(actor, actor.id == Account.person_id)
        .where(AuditEntry.person_id == person.id, AuditEntry.event != REFUSED)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [Happening(entry, person, by) for entry, by in found]
