"""Housekeeping: what is spent goes after thirty days; people, accounts and history stay."""

from datetime import timedelta
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock as the_clock
from portal import worker
from portal.extensions import db
from portal.models import (
    Account,
    AuditEntry,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    OutboxMessage,
    Person,
    RecoveryLink,
    RecoveryRequest,
    Session,
    SignInReservation,
)
from portal.services import accounts, held_forms, housekeeping, outbox, recovery, sign_in
from portal.services.recovery import Need
from portal.transactions import write
from tests.factories import PASSWORD
from tests.support import email_changes as changes
from tests.support.smtp import Mailbox

SPENT = (OutboxMessage, EmailChange, EnrolmentLink, RecoveryLink, RecoveryRequest, Session, KnownBrowser)
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def count(kind: type) -> int:
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


@pytest.fixture
def busy_day(app: Flask, employee: Person) -> Person:
    """Erin signs in, asks for links, gets them, and is re-enrolled, which voids browser and session."""
    with app.test_request_context():
        assert sign_in.attempt(employee.account.username or "", PASSWORD)
    with write():
        recovery.ask(employee.primary_email, Need.PASSWORD)
    recovery.handle_due()
    changes.ask(app, employee)
    now = the_clock.now()
    with write():
        db.session.add(EnrolmentLink(account=employee.account, token_hash=b"x" * 32, issued_at=now, expires_at=now))
    with write():
        accounts.re_enrol(employee.account, None)
    outbox.deliver_due()
    return employee


def test_what_is_spent_goes_after_thirty_days_and_not_before(clock, busy_day: Person):
    before = {kind: count(kind) for kind in SPENT}
    assert all(before.values())
    clock.shift(timedelta(days=29))
    assert housekeeping.sweep_when_due()
    assert {kind: count(kind) for kind in SPENT} == before
    clock.shift(timedelta(days=2))
    assert housekeeping.sweep_when_due()
    assert {kind: count(kind) for kind in SPENT} == dict.fromkeys(SPENT, 0)


def test_people_accounts_and_history_stay(clock, busy_day: Person):
    before = (count(Person), count(Account), count(AuditEntry))
    clock.shift(timedelta(days=3650))
    housekeeping.sweep_when_due()
    assert (count(Person), count(Account), count(AuditEntry)) == before


def test_mail_that_waits_is_never_swept(clock, employee: Person):
    with write():
        accounts.re_enrol(employee.account, None)
    clock.shift(timedelta(days=60))
    housekeeping.sweep_when_due()
    assert count(OutboxMessage) == 1


def test_it_is_due_once_an_hour(clock, app: Flask):
    assert [housekeeping.sweep_when_due(), housekeeping.sweep_when_due()] == [True, False]
    clock.shift(timedelta(minutes=61))
    assert housekeeping.sweep_when_due()


def test_a_reservation_of_nobody_goes_after_a_day(clock, app: Flask):
    with write():
        db.session.add(SignInReservation(account_id=None, zone="internet", reserved_at=the_clock.now()))
    clock.shift(timedelta(hours=25))
    housekeeping.sweep_when_due()
    assert count(SignInReservation) == 0


def test_a_browser_that_was_not_used_for_a_year_goes(clock, app: Flask, employee: Person):
    with app.test_request_context():
        assert sign_in.attempt(employee.account.username or "", PASSWORD)
    clock.shift(timedelta(days=364))
    housekeeping.sweep_when_due()
    assert count(KnownBrowser) == 1
    clock.shift(timedelta(days=2))
    housekeeping.sweep_when_due()
    assert count(KnownBrowser) == 0


def test_a_round_is_short_and_the_next_one_goes_on(clock, app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    monkeypatch.setattr(housekeeping, "MOST_BATCHES", 2)
    with write():
        spent = the_clock.now() - timedelta(days=2)
        db.session.add_all(SignInReservation(zone="internet", reserved_at=spent) for _ in range(5))
    assert housekeeping.sweep_when_due()
    assert count(SignInReservation) == 1
    clock.shift(timedelta(hours=1))
    stop = Event()
    stop.set()
    assert housekeeping.sweep_when_due(stop)
    assert count(SignInReservation) == 1, "whoever stops the worker does not wait for it"
    clock.shift(timedelta(hours=1))
    housekeeping.sweep_when_due(Event())
    assert count(SignInReservation) == 0


@pytest.mark.parametrize("with_worker", [True, False])
def test_the_worker_and_mail_deliver_do_all_three_duties(
    clock, app: Flask, busy_day: Person, mailbox: Mailbox, with_worker: bool
):
    """What was asked for is looked up, what that leads to is mailed, and what is spent goes."""
    clock.shift(timedelta(days=31))
    address = busy_day.primary_email
    with write():
        recovery.ask(busy_day.account.username or "", Need.USERNAME)
    assert count(Session) > 0
    if with_worker:
        worker.do_once(Event())
    else:
        done = app.test_cli_runner().invoke(args=["mail", "deliver"])
        assert done.stdout == (
            "recovery requests: 1 handled, 0 to be tried again\n"
            "mails: 1 sent, 0 delayed, 0 refused, 0 no longer wanted\n"
        )
    assert mailbox.one("username-reminder").recipients == [address]
    assert count(Session) == 0


def test_a_form_that_nobody_went_on_with_is_kept_no_longer_than_it_may_be_used(clock, app: Flask, employee: Person):
    with app.test_request_context():
        assert sign_in.attempt(employee.account.username or "", PASSWORD)
    with write():
        db.session.scalars(select(Session)).one().held_form = {"fields": [["primary_email", "erin@home.example"]]}
    for minutes, kept in ((9, True), (2, False)):
        clock.shift(timedelta(minutes=minutes))
        with write():
            held_forms.forget_old()
        assert (db.session.scalars(select(Session)).one().held_form is not None) is kept
    clock.shift(timedelta(hours=2))
    assert housekeeping.sweep_when_due()
