"""Work that is due: leases, pauses, and workers that share it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal import clock as the_clock
from portal.extensions import db
from portal.models import Heartbeat, RecoveryRequest
from portal.services import heartbeats, outbox, work
from portal.services.work import Dropped, Duty, GiveUp, TryLater
from portal.transactions import write
from tests.support.guesses import at_once


def put(count: int = 1, **columns: Any) -> None:
    now = the_clock.now()
    with write():
        db.session.add_all(
            RecoveryRequest(
                identifier=f"row {number}", need="username", address="", zone="internet", created_at=now,
                **{"due_at": now + timedelta(microseconds=number), **columns},
            )
            for number in range(count)
        )  # fmt: skip


def rows() -> list[RecoveryRequest]:
    db.session.rollback()
    return list(db.session.scalars(select(RecoveryRequest).order_by(RecoveryRequest.id)))


class Doing:
    """A duty that notes what it was given and ends as it is told."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends, self.done = list(ends), []
        self.duty = Duty(RecoveryRequest, 3, do=self)

    def __call__(self, row_id: int) -> None:
        self.done.append(row_id)
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            raise end


def test_what_is_due_is_done_in_order_and_once(app: Flask, clock: Any):
    put(3)
    clock.shift(timedelta(seconds=1))
    doing = Doing()
    assert work.do_due(doing.duty) == 3
    assert doing.done == [row.id for row in rows()]
    assert {(row.state, row.attempts, row.lease_owner) for row in rows()} == {("done", 1, None)}
    assert work.do_due(doing.duty) == 0


def test_what_is_not_due_yet_waits(app: Flask, clock: Any):
    put(due_at=the_clock.now() + timedelta(minutes=1))
    doing = Doing()
    assert work.do_due(doing.duty) == 0
    clock.shift(timedelta(minutes=1))
    assert work.do_due(doing.duty) == 1


@pytest.mark.parametrize(
    ("end", "state", "said"),
    [
        (GiveUp("no such mailbox"), "failed", "no such mailbox"),
        (Dropped("superseded"), "dropped", "superseded"),
        (TryLater("busy"), "queued", "busy"),
        (ValueError("a secret"), "queued", "ValueError"),
    ],
)
def test_how_it_ended_is_written_down(app: Flask, clock: Any, end: Exception, state: str, said: str):
    put()
    work.do_due(Doing(end).duty)
    (row,) = rows()
    assert (row.state, row.last_error, row.finished_at is None) == (state, said, state == "queued")


def test_one_that_fails_does_not_keep_the_others(app: Flask, clock: Any):
    put(3)
    clock.shift(timedelta(seconds=1))
    work.do_due(Doing(TryLater("busy")).duty)
    assert [row.state for row in rows()] == ["queued", "done", "done"]


def test_pauses_double_and_the_last_try_is_the_last(app: Flask, clock: Any):
    put()
    doing = Doing(*[TryLater("busy")] * 5)
    for _ in range(2):
        work.do_due(doing.duty)
        (row,) = rows()
        assert row.state == "queued"
        clock.move_to(row.due_at)
    work.do_due(doing.duty)
    (row,) = rows()
    assert (row.state, row.attempts, len(doing.done)) == ("failed", 3, 3)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 30), (3, 60), (5, 240), (9, 3600), (20, 3600)])
def test_a_pause_is_a_fifth_around_its_step(attempts: int, seconds: int):
    pauses = [work.pause(attempts).total_seconds() for _ in range(200)]
    assert min(pauses) >= seconds * 0.8
    assert max(pauses) <= seconds * 1.2
    assert max(pauses) - min(pauses) > seconds * 0.2, "chance spreads them"


def test_a_lease_that_ran_out_is_taken_by_another(app: Flask, clock: Any):
    put(lease_owner="a worker that was killed", lease_until=the_clock.now() + work.LEASE, attempts=1)
    doing = Doing()
    assert work.do_due(doing.duty) == 0
    clock.shift(work.LEASE)
    assert work.do_due(doing.duty) == 1
    assert (rows()[0].state, rows()[0].attempts) == ("done", 2)


def test_a_lease_outlasts_the_slowest_mail_server():
    assert work.LEASE.total_seconds() > 11 * outbox.SMTP_SECONDS


def test_who_was_overtaken_writes_nothing_down(app: Flask, clock: Any):
    put()

    def slow(row_id: int) -> None:
        with write():
            db.session.get_one(RecoveryRequest, row_id).lease_owner = "another worker"

    work.do_due(Duty(RecoveryRequest, 3, do=slow), limit=1)
    assert (rows()[0].state, rows()[0].lease_owner) == ("queued", "another worker")


def test_what_cannot_be_settled_is_undone_and_tried_again(app: Flask, clock: Any):
    put()

    def settle(row: RecoveryRequest) -> None:
        row.identifier = "half done"
        db.session.flush()
        raise ValueError("a secret")

    work.do_due(Duty(RecoveryRequest, 3, settled=settle), limit=1)
    assert (rows()[0].state, rows()[0].identifier, rows()[0].last_error) == ("queued", "row 0", "ValueError")


def away() -> OperationalError:
    return OperationalError("UPDATE", {}, Exception("the database went away"))


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SETTLE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(work, "SETTLE_SECONDS", 0.5)


def test_what_was_done_outside_is_not_done_again_because_the_database_went_away(
    app: Flask, clock: Any, short_patience: None, caplog: pytest.LogCaptureFixture
):
    put()
    doing, failures = Doing(), [away(), away()]

    def settle(_row: RecoveryRequest) -> None:
        if failures:
            raise failures.pop()

    assert work.do_all_due(replace(doing.duty, settled=settle)) == {"done": 1}
    assert (rows()[0].state, len(doing.done), failures) == ("done", 1, [])
    assert caplog.text.count("the database did not answer") == 2, "whoever reads the log learns it while it waits"


def test_what_was_done_outside_is_done_whatever_its_settling_says(app: Flask, clock: Any, short_patience: None):
    put()
    doing = Doing()

    def settle(_row: RecoveryRequest) -> None:
        raise ValueError("a secret")

    assert work.do_all_due(replace(doing.duty, settled=settle)) == {"done": 1}
    assert (rows()[0].state, rows()[0].last_error) == ("done", "ValueError")


def test_work_that_takes_longer_keeps_its_lease(app: Flask, clock: Any):
    put()
    taken_meanwhile = []

    def slow(_row_id: int) -> None:
        work.take_longer(timedelta(minutes=10))
        clock.shift(timedelta(minutes=9))
        taken_meanwhile.append(work._claim(RecoveryRequest, "another worker", the_clock.now()))

    assert work.do_due(Duty(RecoveryRequest, 3, do=slow)) == 1
    assert taken_meanwhile == [None]
    assert rows()[0].state == "done"


def test_who_has_lost_the_lease_gets_no_more_time(app: Flask, clock: Any):
    put()

    def slow(row_id: int) -> None:
        with write():
            db.session.get_one(RecoveryRequest, row_id).lease_owner = "another worker"
        work.take_longer(timedelta(minutes=10))
        raise AssertionError("nothing may be done any more")

    work.do_due(Duty(RecoveryRequest, 3, do=slow), limit=1)
    assert (rows()[0].lease_owner, rows()[0].state) == ("another worker", "queued")
    assert rows()[0].lease_until < the_clock.now() + timedelta(minutes=5)


def test_four_workers_do_forty_pieces_and_none_twice(app: Flask):
    put(40, due_at=the_clock.now())
    doing = Doing()

    def worker() -> None:
        with app.app_context():
            for _ in range(60):
                if work.do_due(doing.duty) == 0 and len(doing.done) >= 40:
                    return

    at_once([worker] * 4)
    assert sorted(doing.done) == [row.id for row in rows()]
    assert {row.state for row in rows()} == {"done"}


def test_nothing_is_held_in_the_database_while_work_is_done(app: Flask, clock: Any):
    put()
    held = []
    work.do_due(Duty(RecoveryRequest, 3, do=lambda _row: held.append(db.session().in_transaction())))
    assert held == [False]


def test_a_worker_says_that_it_is_running_every_ten_seconds(app: Flask, clock: Any):
    began = the_clock.now()
    heartbeats.beat()
    clock.shift(timedelta(seconds=9))
    heartbeats.beat()
    assert heartbeats.worker_seen_at() == began
    clock.shift(timedelta(seconds=1))
    heartbeats.beat()
    assert heartbeats.worker_seen_at() == began + timedelta(seconds=10)
    assert len(db.session.scalars(select(Heartbeat)).all()) == 1


@pytest.mark.parametrize("happened", [False, True])
def test_of_many_that_ask_at_once_one_gets_the_turn(app: Flask, happened: bool):
    if happened:
        with write():
            db.session.add(Heartbeat(name="sweep", at=the_clock.now() - timedelta(hours=2)))
    turns = []

    def worker() -> None:
        with app.app_context():
            turns.append(heartbeats.take_turn("sweep", timedelta(hours=1)))

    at_once([worker] * 6)
    assert sorted(turns) == [False] * 5 + [True]
