"""Where transactions begin and end. Services never commit: a view or a piece of work is marked ``@commits``.

A verb that writes calls ``begin_write()`` first. It ends the snapshot that was read so far and takes the write lock
(SQLite: BEGIN IMMEDIATE), so that what is decided afterwards is decided on what is true now. A flush outside it raises:
nothing that only reads can write by accident.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session

from portal.extensions import db

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

WAIT_SECONDS = 0.02
WRITING = "portal.writing"


class WriteOutsideTransaction(RuntimeError):  # noqa: N818 - it names the mistake
    """Something was written without ``begin_write()``."""


def begin_write() -> None:
    """Start writing: the write lock is held from here to the end of the view. A second call does nothing."""
    session = db.session()
    if session.info.get(WRITING):
        return
    if session.new or session.dirty or session.deleted:
        raise WriteOutsideTransaction("changes were made before begin_write()")
    session.rollback()
    session.connection(execution_options={"writes": True})
    session.info[WRITING] = True


@contextmanager
def write() -> Iterator[None]:
    """One written transaction: commits at the end, rolls back when its body raises."""
    try:
        begin_write()
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise


def commits(view: Callable[P, T]) -> Callable[P, T]:
    """A view or a piece of work whose changes are kept when it returns and undone when it raises."""

    @wraps(view)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            answer = view(*args, **kwargs)
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise
        return answer

    in_transaction.commits = True  # type: ignore[attr-defined]
    return in_transaction


def reserve_then_settle(
    reserve: Callable[[], T | None], check: Callable[[T], U], settle: Callable[[T, U], Any], longest_wait: float
) -> Any:
    """Two transactions with slow work between them, so that no write lock is held over a hash.

    ``reserve`` answers None while it must wait; after ``longest_wait`` seconds this answers None, unchecked.
    """
    deadline = time.monotonic() + longest_wait
    while True:
        with write():
            reserved = reserve()
        if reserved is not None:
            break
        if time.monotonic() >= deadline:
            return None
        time.sleep(WAIT_SECONDS)
    outcome = check(reserved)
    with write():
        return settle(reserved, outcome)


def in_batches(pieces: Iterator[T], apply: Callable[[T], None]) -> None:
    """Bulk work: each piece is a transaction of its own, so that a kill leaves whole pieces only."""
    for piece in pieces:
        with write():
            apply(piece)
        db.session.expunge_all()


def look_again() -> None:
    """End the snapshot of what was read so far: what is read next is as it stands then, and nothing is held until."""
    db.session.rollback()


@event.listens_for(Session, "before_flush")
def _refuse_stray_flush(session: Session, _context: Any, _instances: Any) -> None:
    if not session.info.get(WRITING) and (session.new or session.dirty or session.deleted):
        raise WriteOutsideTransaction("a change was flushed without begin_write()")


@event.listens_for(Session, "do_orm_execute")
def _refuse_stray_statement(state: ORMExecuteState) -> None:
    if (state.is_insert or state.is_update or state.is_delete) and not state.session.info.get(WRITING):
        raise WriteOutsideTransaction("a statement wrote without begin_write()")


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def _writing_is_over(session: Session) -> None:
    session.info.pop(WRITING, None)
