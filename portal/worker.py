"""The worker's loop: which kinds of due rows go to which service. Any number of workers may run."""

import logging
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from portal.extensions import db
from portal.services import audit_heads, bulk, heartbeats, housekeeping, outbox, recovery, upload_steps

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_AFTER_TROUBLE = 5.0
ROUND = 10


def run(stop: Event) -> None:
    """Look for due work every second until ``stop`` is set; the mail in hand is finished first."""
    pause, heads = SECONDS_BETWEEN_LOOKS, audit_heads.Watch()
    while not stop.is_set():
        try:
            pause = 0.0 if do_once(stop) else SECONDS_BETWEEN_LOOKS
            heads.look_when_due()
        except SQLAlchemyError as error:
            log.error("the database did not answer: %s", type(error).__name__)
            pause = SECONDS_AFTER_TROUBLE
        finally:
            db.session.remove()
        stop.wait(pause)


def do_once(stop: Event) -> int:
    """One round: what is due of each kind, a few at a time, so that none keeps the others waiting.

    Whoever stops the worker waits for the piece in hand, and not for those behind it.
    """
    heartbeats.beat()
    done = 0
    for duty in (recovery.handle_due, outbox.deliver_due):
        for _ in range(ROUND):
            if stop.is_set() or not duty(limit=1):
                break
            done += 1
    for slices in (bulk.handle_due, upload_steps.handle_due):
        if not stop.is_set():
            done += slices(limit=1)
    if not stop.is_set():
        housekeeping.shorten_log()
        housekeeping.sweep_when_due(stop)
    return done
