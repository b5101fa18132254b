"""A clock that is put forward or back: nothing is good for longer than its rule, nor locked for ever (ASVS 6.5.8).

Each jump is one of the application's clock, as after a machine's time was corrected; the rules count by that clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from portal import clock as the_clock
from portal import worker
from portal.domain.account_state import AccountState
from portal.domain.lockout import Zone
from portal.extensions import db
from portal.models import AuditChain, AuditEntry, Organisation, OutboxMessage, Person, RecoveryLink, RecoveryRequest
from portal.services import accounts, guesses, heartbeats, housekeeping, outbox, recovery, sessions, tokens, work
from portal.services.audit import BEGINNING, fingerprint
from portal.services.recovery import Need
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.guesses import WRONG, fail, guess
from tests.support.smtp import Mailbox

S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")

HOUR = timedelta(hours=1)
JUMPS = [-25 * HOUR, -HOUR, HOUR, 25 * HOUR]
MOMENTS = {
    "summer time begins": "2027-03-28T00:30:00+00:00",
    "summer time ends": "2027-10-31T00:30:00+00:00",
    "2038": "2038-01-19T03:14:00+00:00",
    "2106": "2106-02-07T06:28:00+00:00",
    "a leap day": "2028-02-28T23:30:00+00:00",
    "the turn of the year": "2026-12-31T23:30:00+00:00",
}


def temporary_password(somebody: Person) -> str:
    (row,) = db.session.scalars(select(OutboxMessage).where(OutboxMessage.account_id == somebody.account.id))
    return tokens.temporary_password(row.parameters["issue"], row.parameters["key"])


def link_token(somebody: Person) -> str:
    """A link that was asked for and looked up now."""
    with write():
        recovery.ask(somebody.account.username or "", Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink).order_by(RecoveryLink.id.desc()).limit(1)).one()
    return tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)


def is_good(token: str) -> bool:
    db.session.rollback()
    try:
        recovery.link_of(token)
    except recovery.LinkRefused:
        return False
    return True


def check_trail() -> None:
    """Each chain is whole and in the order of its numbers, whatever the clock said."""
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.chain, AuditEntry.sequence)).all()
    found: dict[int, tuple[int, str]] = {}
    for entry in entries:
        sequence, head = found.get(entry.chain, (0, BEGINNING))
        assert (entry.sequence, entry.previous_hash) == (sequence + 1, head)
        assert fingerprint(entry) == entry.hash
        found[entry.chain] = (entry.sequence, entry.hash)
    assert {c.chain: (c.sequence, c.head) for c in db.session.scalars(select(AuditChain))} == found
    ids = [entry.id for entry in entries]
    assert ids == sorted(ids) or len(found) > 1


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Contact", state=S.NOT_REGISTERED)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_temporary_password_is_over_24_hours_of_the_clock_after_its_issue(
    clock, app: Flask, nomi: Person, jump: timedelta
):
    clock.shift(jump)
    issued = the_clock.now()
    with write():
        accounts.register(nomi.account, None)
    secret, name = temporary_password(nomi), nomi.account.username
    clock.shift(-jump)
    clock.move_to(issued + timedelta(hours=24) - timedelta(seconds=1))
    assert guess(app, name, secret) is not None
    clock.move_to(issued + timedelta(hours=24))
    assert guess(app, name, secret) is None
    check_trail()


@pytest.mark.parametrize("hours", [1, 25])
def test_a_temporary_password_that_was_issued_while_the_clock_was_fast_dies_when_it_is_put_right(
    clock, app: Flask, nomi: Person, hours: int
):
    with write():
        accounts.register(nomi.account, None)
    secret, name = temporary_password(nomi), nomi.account.username
    clock.shift(-timedelta(hours=hours))
    assert guess(app, name, secret) is None


@pytest.mark.parametrize("hours", [1, 25])
def test_an_unlock_that_was_given_while_the_clock_was_fast_is_a_lock_when_it_is_put_right(
    clock, app: Flask, employee: Person, hours: int
):
    fail(app, employee, 3)
    with write():
        accounts.unlock(employee.account, None)
    clock.shift(-timedelta(hours=hours))
    assert guess(app, employee.account.username) is None
    assert accounts.shown_state(employee.account) is S.LOCKED
    with write():
        accounts.unlock(employee.account, None)
    assert guess(app, employee.account.username) is not None


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_link_is_good_within_its_hour_and_before_its_issue_it_is_not(clock, employee: Person, jump: timedelta):
    """Put back after its issue, the clock would let a link live for as long as it was put back."""
    issued = the_clock.now()
    token = link_token(employee)
    assert is_good(token)
    clock.shift(jump)
    assert not is_good(token)
    clock.move_to(issued + timedelta(minutes=59, seconds=59))
    assert is_good(token)


@pytest.mark.parametrize("jump", [-25 * HOUR, 25 * HOUR], ids=str)
def test_a_session_ends_and_no_jump_prolongs_it(clock, app: Flask, employee: Person, jump: timedelta):
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    clock.shift(jump)
    assert sessions.load(admitted.token) is None


def test_a_correction_by_some_minutes_ends_no_session(clock, app: Flask, employee: Person):
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    clock.shift(-timedelta(minutes=4))
    assert sessions.load(admitted.token) is not None


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_lock_is_lifted_as_ever(clock, app: Flask, employee: Person, jump: timedelta):
    """A lock has no end of its own that a jump could move: Unlock lifts it, and a link does."""
    fail(app, employee, 3)
    assert employee.account.state is S.LOCKED
    clock.shift(jump)
    with write():
        accounts.unlock(employee.account, None)
    assert guess(app, employee.account.username) is not None
    check_trail()


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_an_unlock_is_over_within_its_24_hours(clock, app: Flask, employee: Person, jump: timedelta):
    fail(app, employee, 3)
    with write():
        accounts.unlock(employee.account, None)
    until = employee.account.unlock_expires_at
    assert until is not None
    clock.shift(jump)
    clock.move_to(until)
    assert guess(app, employee.account.username) is None
    db.session.rollback()
    assert accounts.shown_state(employee.account) is S.LOCKED


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_guess_in_hand_keeps_nobody_waiting_for_longer_than_its_rule(
    clock, app: Flask, employee: Person, jump: timedelta
):
    """A process that died with a guess in hand, and a clock that was put back before anybody else came."""
    with app.test_request_context("/sign-in", method="POST"), write():
        guesses._reserve(employee.account.id, Zone.INTERNET, ())
    clock.shift(jump)
    began = time.monotonic()
    assert guess(app, employee.account.username, WRONG) is None
    assert employee.account.failures == 2, "the one that was in hand counts"
    assert guess(app, employee.account.username, PASSWORD) is not None
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_work_under_a_lease_is_taken_up_again(clock, mailbox: Mailbox, employee: Person, jump: timedelta):
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    claimed = work._claim(OutboxMessage, "a worker that died", the_clock.now())
    assert claimed is not None
    clock.shift(jump)
    clock.shift(work.LEASE)
    worker.do_once(Event())
    worker.do_once(Event())
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("tried", [False, True])
def test_mail_that_was_due_before_the_clock_was_put_back_leaves_soon(
    clock, mailbox: Mailbox, employee: Person, tried: bool
):
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    if tried:
        mailbox.answer("450")
        outbox.deliver_due()
        clock.shift(timedelta(days=2))
        outbox.deliver_due()
        mailbox.answer("ok")
    clock.shift(-25 * HOUR)
    worker.do_once(Event())
    worker.do_once(Event())
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_mail_that_is_asked_for_after_a_jump_leaves_at_once(clock, mailbox: Mailbox, employee: Person, jump: timedelta):
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    outbox.deliver_due()
    clock.shift(jump)
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    outbox.deliver_due()
    assert len(mailbox.messages) == 2


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_duties_go_on(clock, app: Flask, jump: timedelta):
    assert housekeeping.sweep_when_due()
    heartbeats.beat()
    clock.shift(jump)
    assert housekeeping.sweep_when_due()
    heartbeats.beat()
    assert heartbeats.worker_seen_at() == the_clock.now()


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_odd_moments_everything_lasts_as_long_as_ever(app: Flask, organisation: Organisation, moment: str):
    at = datetime.fromisoformat(MOMENTS[moment])
    with time_machine.travel(at, tick=False) as clock:
        nomi = person(organisation, "Nomi Contact", state=S.NOT_REGISTERED)
        erin = person(organisation, "Erin Employee")
        with write():
            accounts.register(nomi.account, None)
        assert nomi.account.temporary_password_expires_at == at + timedelta(hours=24)
        token = link_token(erin)
        admitted = guess(app, erin.account.username)
        assert admitted is not None
        still: list[Callable[[], bool]] = [
            lambda: is_good(token),
            lambda: sessions.load(admitted.token) is not None,
        ]
        clock.move_to(at + timedelta(minutes=29, seconds=59))
        assert [holds() for holds in still] == [True, True]
        clock.move_to(at + timedelta(minutes=30))
        assert [holds() for holds in still] == [True, False]
        clock.move_to(at + timedelta(minutes=60))
        assert [holds() for holds in still] == [False, False]
        check_trail()
        kept = db.session.scalars(select(RecoveryRequest.created_at)).one()
        assert (kept, kept.tzinfo) == (at, UTC)
