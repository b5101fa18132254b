"""When what should happen again and again last did: a worker's heartbeat, and duties that one of several takes."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select

from portal import clock
from portal.extensions import db, insert_into
from portal.models import Heartbeat
from portal.transactions import write

HEARTBEAT_STEP = timedelta(seconds=10)
WORKER = "worker"


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
