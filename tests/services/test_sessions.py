"""Sessions: opaque in the cookie, a hash in the table, over when they are ended, idle or old."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.extensions import db
from portal.models import Organisation, Person, Session
from portal.services import sessions
from portal.transactions import write
from tests.factories import person
from tests.support.trail import events


@pytest.fixture
def token(app: Flask, employee: Person) -> str:
    with app.test_request_context(headers={"User-Agent": "Browser \x00 1.0" + "x" * 400}), write():
        return sessions.start(employee.account, "full")


def load(token: str) -> sessions.SignedIn:
    found = sessions.load(token)
    assert found is not None
    return found


def test_a_token_is_long_and_the_table_holds_its_hash_alone(token: str):
    row = db.session.scalars(select(Session)).one()
    assert len(token) >= 43
    assert token not in str(vars(row))
    assert len(row.token_hash) == 32


def test_a_token_leads_to_its_account_and_nothing_else_does(token: str, employee: Person):
    assert load(token).account.id == employee.account.id
    row = db.session.scalars(select(Session)).one()
    for wrong in ("", "x", token[:-1], row.token_hash.hex(), str(row.id), "\0"):
        assert sessions.load(wrong) is None


@pytest.mark.parametrize(("minutes", "lasts"), [(29, True), (30, False)])
def test_a_session_that_is_not_used_for_half_an_hour_is_over(token: str, clock: Any, minutes: int, lasts: bool):
    with write():
        db.session.scalars(select(Session)).one().last_used_at = sessions.clock.now()
    clock.shift(timedelta(minutes=minutes))
    assert (sessions.load(token) is not None) is lasts


def test_a_session_that_is_used_all_day_is_over_after_twelve_hours(clock: Any, app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact")
    with app.test_request_context(), write():
        token = sessions.start(nomi.account, "full")
    for _ in range(48):
        clock.shift(timedelta(minutes=14, seconds=59))
        sessions.note_use(load(token))
    clock.shift(timedelta(minutes=1))
    assert sessions.load(token) is None


def test_use_is_written_down_at_most_once_a_minute(clock: Any, app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact")
    with app.test_request_context(), write():
        token = sessions.start(nomi.account, "full")
    began = load(token).session.last_used_at
    clock.shift(timedelta(seconds=59))
    sessions.note_use(load(token))
    assert load(token).session.last_used_at == began
    clock.shift(timedelta(seconds=1))
    sessions.note_use(load(token))
    assert load(token).session.last_used_at == began + timedelta(minutes=1)


def test_requests_at_the_same_moment_do_not_put_each_other_out(clock: Any, app: Flask, organisation: Organisation):
    """One reads the clock, the other writes down its own later moment, the first then looks."""
    nomi = person(organisation, "Nomi Contact")
    with app.test_request_context(), write():
        token = sessions.start(nomi.account, "full")
    clock.shift(timedelta(milliseconds=-5))
    assert sessions.load(token) is not None


def test_a_clock_that_was_put_back_prolongs_no_session(clock: Any, app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact")
    with app.test_request_context(), write():
        token = sessions.start(nomi.account, "full")
    clock.shift(timedelta(hours=-1))
    assert sessions.load(token) is None


def test_a_database_that_is_busy_withholds_no_page(
    token: str, clock: Any, monkeypatch: pytest.MonkeyPatch, employee: Person
):
    with write():
        db.session.scalars(select(Session)).one().last_used_at = sessions.clock.now() - timedelta(minutes=2)
    signed_in = load(token)

    def busy() -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr("portal.transactions.begin_write", busy)
    sessions.note_use(signed_in)


def test_signing_out_ends_one_session_and_is_written_down(app: Flask, token: str, employee: Person):
    with app.test_request_context(), write():
        other = sessions.start(employee.account, "full")
    with write():
        sessions.end(load(token))
    assert sessions.load(token) is None
    assert sessions.load(other) is not None
    assert events(employee) == ["account:session:signed-out"]


def test_ending_all_ends_everybody_elses_none(app: Flask, token: str, employee: Person, local_admin: Person):
    with app.test_request_context(), write():
        other = sessions.start(local_admin.account, "full")
    with write():
        sessions.end_all(employee.account)
    assert sessions.load(token) is None
    assert sessions.load(other) is not None


def test_use_of_a_session_that_has_ended_does_not_revive_it(token: str):
    signed_in = load(token)
    with write():
        sessions.end(signed_in)
    sessions.note_use(signed_in)
    assert sessions.load(token) is None
    assert sessions.is_over(signed_in)


def test_a_role_that_was_withdrawn_is_gone_at_the_next_look(app: Flask, local_admin: Person):
    with app.test_request_context(), write():
        token = sessions.start(local_admin.account, "full")
    assert load(token).is_administrator
    with write():
        local_admin.account.roles[0].ended_at = sessions.clock.now()
    assert not load(token).is_administrator
    assert load(token).grants == []
