"""Work on many people at once: asked for by an administrator, done by the worker person by person.

Each person is a transaction of its own, with what became of it: whoever is killed half-way leaves nobody half done.
"""

import time
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select, update

from portal import clock
from portal.domain.account_state import MoveRefused
from portal.domain.lockout import Zone
from portal.domain.roles import Permission
from portal.errors import NotFound
from portal.extensions import db
from portal.models import Account, BulkItem, BulkWork, Organisation, Person
from portal.services import accounts, audit, contact_list, organisations, sessions, work
from portal.services.accounts import NoEmailAddress, NotPermitted
from portal.services.administrators import LastAdministrator
from portal.services.contact_filters import Wanted
from portal.services.origin import asked_from, origin
from portal.services.sessions import SignedIn
from portal.transactions import begin_write, commits

WORKS: dict[str, Callable[[Account, SignedIn], None]] = {
    "register": accounts.register,
    "re-enrol": accounts.re_enrol,
    "make-active": accounts.reactivate,
    "make-inactive": accounts.deactivate,
}
MOST_PEOPLE = 100_000
"""People of one work; who wants more narrows the list down."""
SLICE_SECONDS = 1.0
"""How long the worker is at it before mail has its turn."""
MOST_ATTEMPTS = 50
DAY = timedelta(days=1)
DONE, STOPPED = "done", "stopped"
SIZE = 50


class NobodyChosen(Exception):  # noqa: N818 - an answer, not an error
    """There is nobody to do it to."""


class TooManyPeople(Exception):  # noqa: N818
    """There are more than MOST_PEOPLE."""


@dataclass(frozen=True)
class Results:
    """A page of what became of each, and how many there are of each result; ``""`` waits."""

    items: list[BulkItem]
    counts: dict[str, int]
    page: int
    pages: int


def people(organisation: Organisation, wanted: Wanted, only: Collection[int] | None) -> "array[int]":
    """The rows of whom it would be done to, in the list's order. Raises NobodyChosen and TooManyPeople."""
    found = array("q", islice(contact_list.ids(organisation, wanted, only), MOST_PEOPLE + 1))
    if not found:
        raise NobodyChosen
    if len(found) > MOST_PEOPLE:
        raise TooManyPeople
    return found


def ask(
    organisation: Organisation,
    kind: str,
    wanted: Wanted,
    by: SignedIn,
    *,
    only: Collection[int] | None = None,
    per_day: int | None = None,
) -> BulkWork:
    """Write down what is to be done to whom; the worker does it. Raises NotPermitted, NobodyChosen, TooManyPeople."""
    if not organisations.may(by, organisation, Permission.KEEP_CONTACTS):
        raise NotPermitted
    begin_write()
    numbers = people(organisation, wanted, only)
    here, now = origin(), clock.now()
    asked = BulkWork(
        organisation_id=organisation.id,
        account_id=by.account.id,
        kind=kind,
        per_day=per_day,
        total=len(numbers),
        address=here.address,
        zone=here.zone,
        created_at=now,
        due_at=now,
    )
    db.session.add(asked)
    db.session.flush()
    rows = [
        {"work_id": asked.id, "position": position, "person_id": number, "result": ""}
        for position, number in enumerate(numbers)
    ]
    db.session.execute(insert(BulkItem), rows)
    details: dict[str, Any] = {"work": kind, "people": len(numbers), "per_day": per_day or 0}
    audit.record("organisation:bulk:asked", organisation=organisation, by=by.account, **details)
    return asked


def get_for(actor: SignedIn, code: str, number: int) -> BulkWork:
    """The work of this number in the organisation. Raises NotFound, Forbidden."""
    organisation = organisations.get_for(actor, code, Permission.KEEP_CONTACTS)
    found = db.session.get(BulkWork, number) if number < 2**31 else None
    if found is None or found.organisation_id != organisation.id:
        raise NotFound
    return found


def latest(organisation: Organisation, limit: int) -> list[BulkWork]:
    """The last works of the organisation, the newest first."""
    theirs = select(BulkWork).where(BulkWork.organisation_id == organisation.id)
    return list(db.session.scalars(theirs.order_by(BulkWork.id.desc()).limit(limit)))


def results(asked: BulkWork, page: int) -> Results:
    """What became of each person, those first to whom it was not done."""
    of_work = BulkItem.work_id == asked.id
    counts = select(BulkItem.result, func.count()).where(of_work).group_by(BulkItem.result)
    counted = dict(db.session.execute(counts).all())
    pages = max(-(-asked.total // SIZE), 1)
    page = min(max(page, 1), pages)
    order = ((BulkItem.result == DONE).asc(), (BulkItem.result == "").asc(), BulkItem.position)
    rows = select(BulkItem).where(of_work).order_by(*order).limit(SIZE).offset((page - 1) * SIZE)
    return Results(list(db.session.scalars(rows)), counted, page, pages)


def stop(asked: BulkWork, by: SignedIn) -> int:
    """Leave those alone who have not had their turn; answers how many that are."""
    begin_write()
    asked = db.session.get_one(BulkWork, asked.id, populate_existing=True, with_for_update=True)
    if asked.stopped_at is not None:
        return 0
    asked.stopped_at = clock.now()
    asked.due_at = clock.now()
    waiting = (BulkItem.work_id == asked.id, BulkItem.result == "")
    left = db.session.execute(update(BulkItem).where(*waiting).values(result=STOPPED, at=clock.now()))
    count = int(left.rowcount)  # type: ignore[attr-defined]
    details: dict[str, Any] = {"work": asked.kind, "people": count}
    audit.record("organisation:bulk:stopped", organisation=asked.organisation, by=by.account, **details)
    return count


def handle_due(limit: int = 100) -> int:
    """Do a slice of what is due; answers how many works were taken in hand."""
    return work.do_due(work.Duty(BulkWork, MOST_ATTEMPTS, do=_slice), limit)


def _slice(work_id: int) -> None:
    """As many people as fit into SLICE_SECONDS. Raises work.GoOn while there are more."""
    deadline = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < deadline:
        asked = db.session.get_one(BulkWork, work_id, populate_existing=True)
        tried = asked.done + asked.refused
        if asked.per_day is not None:
            days = (clock.now() - asked.created_at) // DAY + 1
            if tried >= asked.per_day * days:
                if tried >= asked.total:
                    return
                raise work.GoOn(asked.created_at + DAY * days)
        position = db.session.scalar(
            select(BulkItem.position)
            .where(BulkItem.work_id == work_id, BulkItem.result == "")
            .order_by(BulkItem.position)
            .limit(1)
        )
        if position is None:
            return
        with asked_from(asked.address, Zone(asked.zone)):
            _do_one(asked, position)
    raise work.GoOn


@commits
def _do_one(asked: BulkWork, position: int) -> None:
    """One person, with what became of them; what was refused has changed nothing."""
    item = db.session.get_one(BulkItem, (asked.id, position))
    work_id, account = asked.id, item.person.account
    by = sessions.on_behalf_of(asked.account)
    result = _tried(asked, item.person, account, by)
    begin_write()
    item = db.session.get_one(BulkItem, (work_id, position), populate_existing=True, with_for_update=True)
    if item.result:
        db.session.rollback()  # it was stopped, or somebody else did it, while a hash was being made
        return
    item.result, item.at = result, clock.now()
    counted = BulkWork.done if result == DONE else BulkWork.refused
    db.session.execute(update(BulkWork).where(BulkWork.id == work_id).values({counted: counted + 1}))


def _tried(asked: BulkWork, person: Person, account: Account, by: SignedIn) -> str:
    """Do it; answers DONE, or why it was refused."""
    moved = person.organisation_id != asked.organisation_id
    if moved or not organisations.may(by, asked.organisation, Permission.KEEP_CONTACTS):
        return "moved" if moved else "not-permitted"
    try:
        WORKS[asked.kind](account, by)
    except MoveRefused as refused:
        return f"state:{refused.state.value}"
    except NoEmailAddress:
        return "no-email"
    except LastAdministrator:
        return "last-administrator"
    except NotPermitted:
        return "not-permitted"
    return DONE
