"""Since when mail waits in vain: said once none leaves, by the oldest that waits, and not for one busy mailbox."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from portal import clock as the_clock
from portal.extensions import db
from portal.models import Person
from portal.services import outbox, work
from portal.transactions import write
from tests.support.smtp import Mailbox
from tests.support.trail import mails

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def ask_for_mail(somebody: Person, times: int = 1) -> datetime:
    """So many mails are asked for, now."""
    with write():
        for _ in range(times):
            outbox.queue("username-reminder", account=somebody.account, usernames=["erin"])
    return the_clock.now()


def waiting_since() -> datetime | None:
    db.session.rollback()
    return outbox.waiting_since()


def try_for(clock: Any, minutes: int) -> None:
    """The worker tries what is due, every half minute."""
    for _ in range(minutes * 2):
        outbox.deliver_due()
        clock.shift(timedelta(seconds=30))


def test_nothing_waits_while_mail_flows(clock, mailbox: Mailbox, employee: Person):
    assert waiting_since() is None
    ask_for_mail(employee)
    outbox.deliver_due()
    clock.shift(timedelta(hours=1))
    assert waiting_since() is None


def test_mail_that_nobody_takes_up_is_told_after_five_minutes(clock, employee: Person):
    asked = ask_for_mail(employee)
    clock.shift(timedelta(minutes=4, seconds=59))
    assert waiting_since() is None
    clock.shift(timedelta(seconds=1))
    assert waiting_since() == asked


def test_while_a_mail_server_is_down_the_oldest_counts_however_long_its_pause(
    clock, mailbox: Mailbox, employee: Person
):
    ask_for_mail(employee)
    outbox.deliver_due()
    clock.shift(timedelta(minutes=10))
    mailbox.down()
    asked = ask_for_mail(employee)
    try_for(clock, 120)
    # Those that were asked for lately stand before it in the queue: its next try is up to an hour away.
    ask_for_mail(employee, work.LOOKED_AT * 2)
    assert waiting_since() == asked
    mailbox.up()
    clock.move_to(max(row.due_at for row in mails()) + timedelta(seconds=1))
    outbox.deliver_due(limit=200)
    assert waiting_since() is None


def test_a_mailbox_that_is_busy_for_days_tells_nothing_of_the_others(clock, mailbox: Mailbox, employee: Person):
    mailbox.answer("450")
    ask_for_mail(employee)
    try_for(clock, 10)
    assert waiting_since() is not None
    mailbox.answer("ok")
    with write():
        mails()[0].due_at = the_clock.now() + timedelta(hours=1)
    ask_for_mail(employee)
    outbox.deliver_due()
    clock.shift(timedelta(minutes=6))
    assert mails()[0].state == "queued"
    assert waiting_since() is None


@pytest.fixture
def selected(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked for, with its parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            found.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_it_is_one_query_that_reads_the_ends_of_the_queue_by_their_index(
    clock, employee: Person, selected: list[tuple[str, Any]]
):
    ask_for_mail(employee)
    selected.clear()
    waiting_since()
    ((statement, parameters),) = selected
    if db.engine.dialect.name == "sqlite":  # PostgreSQL reads a small table whole, whatever its indexes
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps = [row[3] for row in plan]
        touched = [step for step in steps if "outbox_messages" in step]
        assert all("USING INDEX ix_outbox_messages_due (state=?)" in step for step in touched), steps
        assert not [step for step in steps if "ORDER BY" in step], steps
