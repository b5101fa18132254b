"""Work that is due: rows claimed under a lease, so that any number of workers share them and none is done twice.

A worker that dies leaves its lease to run out; the row is then taken again. Nobody else knows about leases.
"""

import logging
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import and_, func, or_, select, union_all, update
from sqlalchemy.exc import DBAPIError

from portal import clock
from portal.domain.expiry import CLOCKS_APART
from portal.errors import is_away
from portal.extensions import db
from portal.models.work import Leased
from portal.transactions import begin_write, write

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Leased)

LEASE = timedelta(minutes=4)
"""Longer than any piece of work takes, unless it asks for more time: whoever is slow, but alive, is not overtaken."""
LONGEST_LEASE = timedelta(minutes=20)
"""No lease lasts longer; one that seems to was given before the clock was put back, and is taken over."""
SETTLE_SECONDS = 60
"""How long a database that is away is waited for, to write down what has happened outside already."""
SETTLE_PAUSE_SECONDS = 1
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=1)
LOOKED_AT = 50
MORE = "more"


class TryLater(Exception):  # noqa: N818 - an answer, not an error
    """The work cannot be done now and may succeed later; the text says why."""


class GiveUp(Exception):  # noqa: N818
    """The work can never be done; the text says why."""


class GoOn(Exception):  # noqa: N818
    """There is more to do, now or at ``at``; it counts as no try."""

    def __init__(self, at: datetime | None = None) -> None:
        super().__init__("")
        self.at = at


class Dropped(Exception):  # noqa: N818
    """The work is no longer wanted."""


def _nothing(_row: object) -> None:
    """What a duty does where it has no part."""


@dataclass(frozen=True)
class Duty(Generic[Row]):
    """One kind of work: its rows, how one is done, and how often it is tried.

    ``do`` is what happens outside: it gets a row's id and may raise TryLater, GoOn, GiveUp or Dropped; what else it
    raises is tried later. ``settled`` is what happens in the database, as it is written down how it ended.
    """

    kind: type[Row]
    most_attempts: int
    do: Callable[[int], None] = _nothing
    settled: Callable[[Row], None] = _nothing


@dataclass(frozen=True)
class _InHand:
    """A row under a lease of ours."""

    kind: type[Leased]
    row_id: int
    owner: str


_in_hand: ContextVar[_InHand] = ContextVar("in_hand")


def do_due(duty: Duty[Row], limit: int = 100) -> int:
    """Claim and do what is due, one row at a time, ``limit`` rows at most; answers how many were taken in hand."""
    owner = secrets.token_hex(8)
    for count in range(limit):
        claimed = _claim(duty.kind, owner, clock.now())
        if claimed is None:
            return count
        _do_one(duty, _InHand(duty.kind, claimed, owner))
    return limit


def do_all_due(duty: Duty[Row]) -> Counter[str]:
    """Do whatever is due by now, each row once; answers how many were left in which state."""
    owner, due_by = secrets.token_hex(8), clock.now()
    left: Counter[str] = Counter()
    while (claimed := _claim(duty.kind, owner, due_by)) is not None:
        left[_do_one(duty, _InHand(duty.kind, claimed, owner))] += 1
    return left


def take_longer(by: timedelta) -> None:
    """The work in hand goes on for up to ``by`` from now, LONGEST_LEASE at most: nobody else takes it before.

    Raises TryLater when somebody else has it already.
    """
    mine = _in_hand.get()
    kind = mine.kind
    with write():
        mine_still = db.session.scalar(
            update(kind)
            .where(kind.id == mine.row_id, kind.lease_owner == mine.owner)  # type: ignore[attr-defined]
            .values(lease_until=clock.now() + by)
            .returning(kind.id)  # type: ignore[attr-defined]
        )
    if mine_still is None:
        raise TryLater("the lease ran out")


def _claim(kind: type[Row], owner: str, due_by: datetime) -> int | None:
    now = clock.now()
    with write():
        row = db.session.scalars(
            select(kind)
            .where(kind.state == "queued", kind.due_at <= due_by)
            .where(or_(kind.lease_until.is_(None), kind.lease_until <= now, kind.lease_until > now + LONGEST_LEASE))
            .order_by(kind.due_at, kind.id)  # type: ignore[attr-defined]
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        row.lease_owner, row.lease_until, row.attempts = owner, now + LEASE, row.attempts + 1
        return int(row.id)  # type: ignore[attr-defined]


def _do_one(duty: Duty[Row], mine: _InHand) -> str:
    """Do one; answers the state in which it was left.

    What happened outside has happened: it is written down, and not done again, when the database comes back within
    SETTLE_SECONDS, or when its settling has a fault of its own. Work of the database alone is tried again later.
    """
    state, error = _outcome(duty, mine)
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return _end(duty, mine, state, error)
        except Exception as reason:
            if isinstance(reason, DBAPIError) and is_away(reason) and time.monotonic() < deadline:
                log.error("the database did not answer: %s; what was done waits for it", type(reason).__name__)
                time.sleep(SETTLE_PAUSE_SECONDS)
                continue
            log.exception("work of %s could not be settled", duty.kind.__name__)
            state, error = (state if duty.do is not _nothing else "queued"), type(reason).__name__
            return _end(replace(duty, settled=_nothing), mine, state, error)


def _outcome(duty: Duty[Row], mine: _InHand) -> tuple[str, str]:
    """Do it; answers the state that this leads to, and why."""
    token = _in_hand.set(mine)
    try:
        duty.do(mine.row_id)
    except GoOn as more:
        return MORE, (more.at or clock.now()).isoformat()
    except GiveUp as reason:
        return "failed", str(reason)
    except Dropped as reason:
        return "dropped", str(reason)
    except TryLater as reason:
        return "queued", str(reason)
    except Exception as reason:
        log.exception("work of %s failed unforeseen", duty.kind.__name__)
        return "queued", type(reason).__name__
    finally:
        _in_hand.reset(token)
        db.session.rollback()
    return "done", ""


def _end(duty: Duty[Row], mine: _InHand, state: str, error: str) -> str:
    """Write down how it went, unless the lease ran out and the row is somebody else's by now."""
    with write():
        row = db.session.get(duty.kind, mine.row_id, populate_existing=True, with_for_update=True)
        if row is None or row.lease_owner != mine.owner:
            return state
        row.lease_owner = row.lease_until = None
        if state == MORE:
            row.attempts, row.due_at = 0, datetime.fromisoformat(error)
            return row.state
        given_up = state == "queued" and row.attempts >= duty.most_attempts
        row.state = "failed" if given_up else state
        row.last_error = (f"given up after {row.attempts} tries: {error}" if given_up else error)[:300]
        if row.state == "queued":
            row.due_at = clock.now() + pause(row.attempts)
        else:
            row.finished_at = clock.now()
        duty.settled(row)
        return row.state


def ask_again(row: Leased) -> None:
    """What was done is to be done anew."""
    row.state, row.attempts, row.due_at, row.finished_at, row.last_error = "queued", 0, clock.now(), None, ""


def drop_queued(kind: type[Leased], reason: str) -> list[int]:
    """Nothing of this kind that waits, or is in hand, is wanted any more; answers the ids of the rows."""
    begin_write()
    dropped = db.session.scalars(
        update(kind)
        .where(kind.state == "queued")
        .values(state="dropped", last_error=reason, finished_at=clock.now(), lease_owner=None, lease_until=None)
        .returning(kind.id)  # type: ignore[attr-defined]
    )
    return list(dropped)


def pause(attempts: int) -> timedelta:
    """How long to wait before the next try: doubling from 15 seconds to an hour, with a fifth of chance either way."""
    doublings = min(attempts - 1, 10)
    step = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads load and guards nothing


def waiting_since(kind: type[Leased]) -> datetime | None:
    """Since when what is queued waits in vain: the oldest of it that was asked for after the last that was done.

    One row that is refused again and again does not count. Both ends of the queue are looked at, not the whole.
    """
    due = (kind.due_at, kind.id)  # type: ignore[attr-defined]
    queued = select(kind.created_at).where(kind.state == "queued").limit(LOOKED_AT)
    ends = union_all(
        select(queued.order_by(*due).subquery()), select(queued.order_by(*(column.desc() for column in due)).subquery())
    ).subquery()
    last = select(kind.finished_at).where(kind.state == "done").order_by(*(column.desc() for column in due)).limit(1)
    done_at = last.scalar_subquery()
    since: datetime | None = db.session.scalar(
        select(func.min(ends.c.created_at)).where(or_(done_at.is_(None), ends.c.created_at > done_at))
    )
    return since


def bring_forward(kind: type[Leased]) -> None:
    """What was queued before the clock was put back is due by a time that comes too late: it is due now."""
    now = clock.now()
    paused_longer = and_(kind.attempts > 0, kind.due_at > now + 2 * LONGEST_PAUSE)
    asked_for_later = kind.created_at > now + CLOCKS_APART
    with write():
        db.session.execute(
            update(kind).where(kind.state == "queued", or_(paused_longer, asked_for_later)).values(due_at=now)
        )
