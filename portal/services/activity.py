"""What happened: entries of the audit trail with the people whom their sentences name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.orm import aliased

from portal.domain import audit_events
from portal.extensions import db
from portal.models import Account, AuditEntry, Organisation, Person


@dataclass(frozen=True)
class Happening:
    """An entry, whom it is about (None: nobody we know), and who did it (None: nobody who was signed in)."""

    entry: AuditEntry
    person: Person | None
    actor: Person | None


REFUSED = "account:sign-in:refused"
CHANGED = "person:record:changed"
AT_ONCE = timedelta(seconds=1)
"""Within which one Save writes all its entries, and nobody saves twice."""
STATUS: dict[str, list[object]] = {
    "account:life:deactivated": ["active", "inactive"],
    "account:life:reactivated": ["inactive", "active"],
}
MOST_COUNTED = 1000
LAST = 2**31 - 1


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


def last_save(person: Person, by: Account) -> dict[str, list[object]]:
    """What ``by`` has changed in the record with the last Save, when nobody has since; nothing otherwise.

    A Save that changes the status too writes that entry right behind the other.
    """
    saved = select(AuditEntry).where(AuditEntry.person_id == person.id, AuditEntry.event.in_((CHANGED, *STATUS)))
    found = db.session.scalars(saved.order_by(AuditEntry.id.desc()).limit(2)).all()
    if not found or found[0].actor_account_id != by.id:
        return {}
    last, *before = found
    if last.event not in STATUS:
        return dict(last.details["changes"])
    with_it = (each for each in before if each.event == CHANGED and last.at - each.at < AT_ONCE)
    together: dict[str, list[object]] = next((each.details["changes"] for each in with_it), {})
    return {**together, "status": STATUS[last.event]}


@dataclass(frozen=True)
class Trail:
    """A page of what happened, the newest first. ``older``: what the next page is asked for with, None at the end.

    ``count`` is how many there are in all, counted to MOST_COUNTED.
    """

    happenings: list[Happening]
    count: int
    older: int | None


SIZE = 50


def of_person(person: Person, kind: str, before: int | None) -> Trail:
    """Everything that happened to ``person``, wherever they were at the time; ``kind`` empty is every kind."""
    theirs = [AuditEntry.person_id == person.id]
    if kind:
        theirs.append(AuditEntry.event.in_(audit_events.events_of(kind)))
    page = theirs if before is None else [*theirs, AuditEntry.id < before]
    ids = select(AuditEntry.id).where(*page).order_by(AuditEntry.id.desc()).limit(SIZE + 1)
    return _trail(ids, _counted(select(AuditEntry.id).where(*theirs)))


def of_organisation(organisation: Organisation, kind: str, before: int | None) -> Trail:
    """The same of everybody in an organisation, and of itself."""
    chain = [AuditEntry.chain == organisation.id]
    page = chain if before is None else [*chain, AuditEntry.sequence < _sequence_of(organisation, before)]
    if not kind:
        ids = select(AuditEntry.id).where(*page).order_by(AuditEntry.sequence.desc()).limit(SIZE + 1)
        return _trail(ids, _counted(select(AuditEntry.id).where(*chain)))
    # One walk down the index for each event: whatever is rare is found as soon as what is common.
    events = audit_events.events_of(kind)
    newest = (_newest(page, event) for event in events)
    merged = union_all(*(select(each) for each in newest)).subquery()
    ids = select(merged.c.id).order_by(merged.c.sequence.desc()).limit(SIZE + 1)
    return _trail(ids, _counted(select(AuditEntry.id).where(*chain, AuditEntry.event.in_(events))))


def _newest(page: Sequence[ColumnElement[bool]], event: str) -> Any:
    of_event = select(AuditEntry.id, AuditEntry.sequence).where(*page, AuditEntry.event == event)
    return of_event.order_by(AuditEntry.sequence.desc()).limit(SIZE + 1).subquery()


def _sequence_of(organisation: Organisation, before: int) -> int:
    """Where the entry ``before`` stands in the organisation's chain; one that is not in it stands after the last."""
    entry = select(AuditEntry.sequence).where(AuditEntry.id == before, AuditEntry.chain == organisation.id)
    return db.session.scalar(entry) or LAST


def _counted(ids: Select[int]) -> int:
    return db.session.scalars(select(func.count()).select_from(ids.limit(MOST_COUNTED + 1).subquery())).one()


def _trail(ids: Select[int], count: int) -> Trail:
    numbers = list(db.session.scalars(ids))
    shown = numbers[:SIZE]
    actor, subject = aliased(Person), aliased(Person)
    found = db.session.execute(
        select(AuditEntry, subject, actor)
        .outerjoin(subject, subject.id == AuditEntry.person_id)
        .outerjoin(Account, Account.id == AuditEntry.actor_account_id)
        .outerjoin(actor, actor.id == Account.person_id)
        .where(AuditEntry.id.in_(shown))
        .order_by(AuditEntry.id.desc())
    )
    happenings = [Happening(entry, person, by) for entry, person, by in found]
    return Trail(happenings, count, shown[-1] if len(numbers) > SIZE else None)
