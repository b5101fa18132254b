"""What is spent goes after thirty days: requests, links, sessions, delivered mail. People and history never do."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice, takewhile
from threading import Event
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select

from portal import clock
from portal.extensions import LOCK_SECONDS, db
from portal.models import (
    BulkWork,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    OutboxMessage,
    RecoveryLink,
    RecoveryRequest,
    Session,
    SignInReservation,
    Upload,
)
from portal.services import health, heartbeats, held_forms, work
from portal.transactions import begin_write, in_batches, write

KEPT = timedelta(days=30)
ABANDONED = timedelta(days=1)
BETWEEN = timedelta(hours=1)
FORGOTTEN = timedelta(days=365)
BATCH = 500
MOST_BATCHES = 20
SHORTEN_SECONDS = 1
BETWEEN_SHORTENINGS = timedelta(minutes=1)
SHORTENING = "shortening-of-the-log"
NAME = "housekeeping"

Batch = tuple[type[Any], list[int]]


def sweep_when_due(stop: Event | None = None) -> bool:
    """Once an hour, and at once when the clock was put back, whichever worker comes first: delete what is spent.

    Answers whether it was due.

    No more than MOST_BATCHES at a time, and none after ``stop``: mail waits meanwhile, and the rest keeps an hour.
    """
    if not heartbeats.take_turn(NAME, BETWEEN):
        return False
    with write():
        held_forms.forget_old()
    for kind in (OutboxMessage, RecoveryRequest):
        work.bring_forward(kind)
    batches = islice(_spent(), MOST_BATCHES)
    in_batches(takewhile(lambda _: stop is None or not stop.is_set(), batches), _delete)
    return True


def shorten_log() -> None:
    """Empty SQLite's write-ahead log once it has grown: on a busy day somebody is always reading, and it only grows.

    Whoever reads is waited for, SHORTEN_SECONDS at most, and who writes waits meanwhile: so it is tried once a minute.
    """
    if not health.grown_log() or not heartbeats.take_turn(SHORTENING, BETWEEN_SHORTENINGS):
        return
    connection = db.engine.raw_connection()
    try:
        connection.execute(f"PRAGMA busy_timeout={SHORTEN_SECONDS * 1000}").close()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        connection.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}").close()
        connection.close()


def _delete(batch: Batch) -> None:
    kind, ids = batch
    begin_write()
    db.session.execute(delete(kind).where(kind.id.in_(ids)))


def _spent() -> Iterator[Batch]:
    """The ids of spent rows, a batch at a time, so that no write lock is held for long."""
    for kind, condition in _conditions():
        while ids := list(db.session.scalars(select(kind.id).where(condition).order_by(kind.id).limit(BATCH))):
            yield kind, ids


def _conditions() -> list[tuple[type[Any], ColumnElement[bool]]]:
    """What is spent, of each table. A reservation of an unknown name has nobody to count it when its process dies."""
    now = clock.now()
    before = now - KEPT
    abandoned = SignInReservation.reserved_at < now - ABANDONED
    # A browser keeps its cookie for a year from its last use.
    unknown = or_(KnownBrowser.void_at < before, KnownBrowser.last_used_at < now - FORGOTTEN)
    in_hand = select(SignInReservation.known_browser_id).where(SignInReservation.known_browser_id.is_not(None))
    return [
        (OutboxMessage, and_(OutboxMessage.state != "queued", OutboxMessage.finished_at < before)),
        (RecoveryRequest, and_(RecoveryRequest.state != "queued", RecoveryRequest.finished_at < before)),
        (BulkWork, and_(BulkWork.state != "queued", BulkWork.finished_at < before)),
        (Upload, and_(Upload.state != "queued", func.coalesce(Upload.finished_at, Upload.created_at) < before)),
        (RecoveryLink, RecoveryLink.expires_at < before),
        (EmailChange, EmailChange.expires_at < before),
        (EnrolmentLink, EnrolmentLink.expires_at < before),
        (Session, or_(Session.ended_at < before, Session.last_used_at < before)),
        (SignInReservation, and_(SignInReservation.account_id.is_(None), abandoned)),
        (KnownBrowser, and_(unknown, KnownBrowser.id.not_in(in_hand))),
    ]
