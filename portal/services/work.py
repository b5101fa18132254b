"""Work that is due: rows claimed under a lease, so that any number of workers share them and none is done twice.

A worker that dies leaves its lease to run out; the row is then taken again. Nobody else knows about leases.
"""

import logging
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import or_, select

from portal import clock
from portal.extensions import db, insert_into
from portal.models import Heartbeat
from portal.models.work import Leased
from portal.transactions import write

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Leased)

LEASE = timedelta(minutes=3)
"""Longer than any piece of work takes: whoever is slow, but alive, is not overtaken and does nothing twice."""
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=1)
HEARTBEAT_STEP = timedelta(seconds=10)
WORKER = "worker"


class TryLater(Exception):  # noqa: N818 - an answer, not an error
    """The work cannot be done now and may succeed later; the text says why."""


class GiveUp(Exception):  # noqa: N818
    """The work can never be done; the text says why."""


class Dropped(Exception):  # noqa: N818
    """The work is no longer wanted."""


def _nothing(_row: object) -> None:
    """What a duty without a part outside, or without one in the database, does there."""


@dataclass(frozen=True)
class Duty(Generic[Row]):
    """One kind of work: its rows, how one is done, and how often it is tried.

    ``do`` is what happens outside: it gets a row's id and may raise TryLater, GiveUp or Dropped; what else it raises is
    tried later. ``settled`` is what happens in the database, in the transaction that writes down how it ended.
    """

    kind: type[Row]
    most_attempts: int
    do: Callable[[int], None] = _nothing
    settled: Callable[[Row], None] = _nothing


def do_due(duty: Duty[Row], limit: int = 100) -> int:
    """Claim and do what is due, one row at a time, ``limit`` rows at most; answers how many were taken in hand."""
    owner = secrets.token_hex(8)
    for count in range(limit):
        claimed = _claim(duty.kind, owner)
        if claimed is None:
            return count
        _do_one(duty, claimed, owner)
    return limit


def _claim(kind: type[Row], owner: str) -> int | None:
    now = clock.now()
    with write():
        row = db.session.scalars(
            select(kind)
            .where(kind.state == "queued", kind.due_at <= now, or_(kind.lease_until.is_(None), kind.lease_until <= now))
            .order_by(kind.due_at, kind.id)  # type: ignore[attr-defined]
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        row.lease_owner, row.lease_until, row.attempts = owner, now + LEASE, row.attempts + 1
        return int(row.id)  # type: ignore[attr-defined]


def _do_one(duty: Duty[Row], row_id: int, owner: str) -> None:
    state, error = _outcome(duty, row_id)
    try:
        _end(duty, row_id, owner, state, error)
    except Exception as reason:
        log.exception("work of %s could not be settled", duty.kind.__name__)
        _end(replace(duty, settled=_nothing), row_id, owner, "queued", type(reason).__name__)


def _outcome(duty: Duty[Row], row_id: int) -> tuple[str, str]:
    """Do it; answers the state that this leads to, and why."""
    try:
        duty.do(row_id)
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
        db.session.rollback()
    return "done", ""


def _end(duty: Duty[Row], row_id: int, owner: str, state: str, error: str) -> None:
    """Write down how it went, unless the lease ran out and the row is somebody else's by now."""
    with write():
        row = db.session.get(duty.kind, row_id, populate_existing=True, with_for_update=True)
        if row is None or row.lease_owner != owner:
            return
        row.lease_owner = row.lease_until = None
        row.last_error = error[:300]
        row.state = "failed" if state == "queued" and row.attempts >= duty.most_attempts else state
        if row.state == "queued":
            row.due_at = clock.now() + pause(row.attempts)
        else:
            row.finished_at = clock.now()
        duty.settled(row)


def pause(attempts: int) -> timedelta:
    """How long to wait before the next try: doubling from 15 seconds to an hour, with a fifth of chance either way."""
    doublings = min(attempts - 1, 10)
    step = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads load and guards nothing


def beat() -> None:
    """Say that a worker is running, at most every ten seconds."""
    take_turn(WORKER, HEARTBEAT_STEP)


def worker_seen_at() -> datetime | None:
    """When a worker last said that it was running."""
    return seen_at(WORKER)


def take_turn(name: str, step: timedelta) -> bool:
    """Write down that something happens now, unless it did within ``step``; of several that ask at once, one may.

    A time that lies far ahead was written before the clock was set back, and counts for nothing.
    """
    now = clock.now()
    seen = seen_at(name)
    if seen is not None and abs(now - seen) < step:
        return False
    with write():
        taken = db.session.execute(
            insert_into(Heartbeat)
            .values(name=name, at=now)
            .on_conflict_do_update(
                index_elements=[Heartbeat.name],
                set_={"at": now},
                where=or_(Heartbeat.at >= now + step, Heartbeat.at <= now - step),
            )
            .returning(Heartbeat.name)
        )
        return taken.one_or_none() is not None


def seen_at(name: str) -> datetime | None:
    """When it last happened."""
    return db.session.scalar(select(Heartbeat.at).where(Heartbeat.name == name))
