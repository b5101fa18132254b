"""Signing in, guess by guess: when it lets in, when it locks, and what it leaves behind."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Organisation, Person, Session, SignInReservation
from portal.services import accounts, guesses, passwords
from portal.transactions import write
from tests.factories import PASSWORD, TEMPORARY_PASSWORD, person
from tests.support.guesses import INTERNET, PRIVATE, WRONG, fail, guess
from tests.support.trail import entries, events, kinds, mails

pytestmark = pytest.mark.usefixtures("cheap_hashes", "two_zones")


def state_of(somebody: Person) -> AccountState:
    db.session.rollback()
    return accounts.shown_state(somebody.account)


def test_the_right_password_opens_a_session_and_is_written_down(app: Flask, employee: Person):
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    assert not admitted.enrolling
    session = db.session.scalars(select(Session)).one()
    assert (session.kind, session.account_id, session.zone, session.address) == (
        "full", employee.account.id, "internet", INTERNET,
    )  # fmt: skip
    account = employee.account
    assert (account.sign_ins, account.failures, account.last_sign_in_at is None) == (1, 0, False)
    assert events(employee) == ["account:sign-in:succeeded"]
    assert entries(employee)[0].address == INTERNET
    assert mails() == []


@pytest.mark.parametrize(
    ("address", "limit"), [(INTERNET, 3), (PRIVATE, 5)], ids=["from the internet", "from the private zone"]
)
def test_one_failure_below_the_limit_the_right_password_lets_in(app: Flask, employee: Person, address: str, limit: int):
    fail(app, employee, limit - 1, address)
    assert employee.account.failures == limit - 1
    assert guess(app, employee.account.username, PASSWORD, address)
    db.session.rollback()
    account = employee.account
    assert (account.failures, account.failures_since_success, account.failures_total) == (0, 0, limit - 1)


@pytest.mark.parametrize(
    ("address", "limit"), [(INTERNET, 3), (PRIVATE, 5)], ids=["from the internet", "from the private zone"]
)
def test_at_the_limit_the_account_locks_and_the_right_password_is_refused(
    app: Flask, employee: Person, address: str, limit: int
):
    fail(app, employee, limit, address)
    assert state_of(employee) is AccountState.LOCKED
    assert guess(app, employee.account.username, PASSWORD, address) is None
    db.session.rollback()
    assert employee.account.failures == limit
    failed = ["account:sign-in:failed"] * limit
    assert events(employee) == [*failed, "account:lock:locked", "account:sign-in:refused"]
    (notice,) = mails()
    assert (notice.kind, notice.recipient, notice.parameters) == (
        "locked", employee.primary_email, {"zone": "internet" if limit == 3 else "private"},
    )  # fmt: skip


def test_one_counter_holds_over_both_zones(app: Flask, employee: Person):
    """Four failures from the private zone, and the next one from the internet locks."""
    fail(app, employee, 4, PRIVATE)
    assert state_of(employee) is AccountState.ACTIVE
    fail(app, employee, 1, INTERNET)
    assert state_of(employee) is AccountState.LOCKED


def test_two_from_the_internet_and_one_from_the_private_zone_do_not_lock_but_the_next_does(
    app: Flask, employee: Person
):
    fail(app, employee, 2, INTERNET)
    fail(app, employee, 1, PRIVATE)
    assert state_of(employee) is AccountState.ACTIVE
    fail(app, employee, 1, "198.51.100.4")
    assert state_of(employee) is AccountState.LOCKED


def test_above_the_internets_limit_the_right_password_still_lets_in_from_there(app: Flask, employee: Person):
    fail(app, employee, 4, PRIVATE)
    assert guess(app, employee.account.username, PASSWORD, INTERNET)


def test_guesses_while_locked_count_nowhere_and_mail_nothing_more(app: Flask, employee: Person):
    fail(app, employee, 3)
    fail(app, employee, 20)
    assert (employee.account.failures, employee.account.failures_total) == (3, 3)
    assert kinds() == ["locked"]
    assert events(employee).count("account:sign-in:refused") == 20


def test_a_secondary_address_gets_a_copy_of_the_lock_notice(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", secondary_email="nomi@home.example")
    fail(app, nomi, 3)
    assert [row.recipient for row in mails("locked")] == ["nomi.contact@coe.example", "nomi@home.example"]


@pytest.mark.parametrize(
    "state", [AccountState.NOT_REGISTERED, AccountState.INACTIVE, AccountState.LOCKED], ids=lambda state: state.value
)
def test_an_account_that_cannot_be_used_refuses_the_right_password_and_keeps_its_counters(
    app: Flask, organisation: Organisation, state: AccountState
):
    nomi = person(organisation, "Nomi Contact", state=state, account={"password_hash": None})
    before = nomi.account.failures_total
    assert guess(app, nomi.account.username or nomi.primary_email) is None
    db.session.rollback()
    assert (state_of(nomi), nomi.account.failures_total) == (state, before)
    assert db.session.scalars(select(Session)).all() == []


def test_an_unknown_name_fails_and_leaves_no_name_behind(app: Flask):
    assert guess(app, "canary-name-of-nobody") is None
    (entry,) = entries()
    assert (entry.event, entry.person_id, entry.details) == ("sign-in:unknown:failed", None, {})
    assert db.session.scalars(select(SignInReservation)).all() == []


@pytest.mark.parametrize("typed", ["\0", "a\0b", "\x01\x02", "x" * 254, "ﬁ@ﬂ", "'; --", "%", "😀@😀", " "])
def test_whatever_is_typed_as_a_name_is_an_unknown_name(app: Flask, employee: Person, typed: str):
    assert guess(app, typed) is None
    assert events() == ["sign-in:unknown:failed"]


@pytest.mark.parametrize("typed", ["\0", f"{PASSWORD}\0", "\x7f", "ü" * 3000, "x" * 100_000, "😀"])
def test_whatever_is_typed_as_a_password_is_a_wrong_one(app: Flask, employee: Person, typed: str):
    assert guess(app, employee.account.username, typed) is None
    assert events(employee) == ["account:sign-in:failed"]


def test_an_address_that_one_account_has_signs_in_and_a_shared_one_does_not(app: Flask, organisation: Organisation):
    person(organisation, "Nomi Contact", email="Nomi@coe.example")
    assert guess(app, " nomi@COE.example ")
    person(organisation, "Noel Contact", email="nomi@coe.example")
    assert guess(app, "nomi@coe.example") is None


def test_a_temporary_password_opens_a_session_that_may_only_choose_a_password(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    admitted = guess(app, nomi.account.username, "4f7k 9qxd 2m8w")
    assert admitted is not None
    assert admitted.enrolling
    assert admitted.browser_tokens == ()
    assert db.session.scalars(select(Session.kind)).all() == ["enrolment"]
    assert events(nomi) == ["account:temporary-password:accepted"]
    assert nomi.account.sign_ins == 0


@pytest.mark.parametrize(("seconds", "let_in"), [(-1, True), (1, False)], ids=["23:59:59", "24:00:01"])
def test_a_temporary_password_is_good_for_24_hours(
    app: Flask, organisation: Organisation, clock: Any, seconds: int, let_in: bool
):
    nomi = person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    clock.shift(timedelta(hours=24, seconds=seconds))
    assert bool(guess(app, nomi.account.username, TEMPORARY_PASSWORD)) is let_in


@pytest.mark.parametrize(("seconds", "let_in"), [(-1, True), (1, False)], ids=["23:59:59", "24:00:01"])
def test_an_unlock_is_good_for_24_hours(app: Flask, organisation: Organisation, clock: Any, seconds: int, let_in: bool):
    nomi = person(organisation, "Nomi Contact", state=AccountState.LOCKED)
    with write():
        accounts.unlock(nomi.account, None)
    clock.shift(timedelta(hours=24, seconds=seconds))
    assert bool(guess(app, nomi.account.username)) is let_in
    assert state_of(nomi) is (AccountState.ACTIVE if let_in else AccountState.LOCKED)


def test_another_persons_temporary_password_is_a_wrong_one(app: Flask, organisation: Organisation, employee: Person):
    person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    assert guess(app, employee.account.username, TEMPORARY_PASSWORD) is None


def test_ten_wrong_temporary_passwords_void_it_and_lock_nothing(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    fail(app, nomi, 9)
    assert guess(app, nomi.account.username, TEMPORARY_PASSWORD), "nine wrong ones leave it good"
    fail(app, nomi, 1)
    assert guess(app, nomi.account.username, TEMPORARY_PASSWORD) is None
    assert state_of(nomi) is AccountState.REGISTRATION_PENDING
    assert nomi.account.temporary_password_hash is None
    assert events(nomi)[-2:] == ["account:temporary-password:voided", "account:sign-in:refused"]
    assert kinds() == []


def test_a_hundred_failures_across_unlocks_disable_the_password(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", account={"failures_since_success": 97, "failures_total": 97})
    fail(app, nomi, 2)
    assert not accounts.password_is_disabled(nomi.account)
    fail(app, nomi, 1)
    assert state_of(nomi) is AccountState.LOCKED
    assert "account:password:disabled" in events(nomi)
    assert guess(app, nomi.account.username) is None
    with pytest.raises(accounts.MoveRefused), write():
        accounts.unlock(nomi.account, None)


def test_a_hash_of_older_parameters_is_renewed_by_the_next_sign_in(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch
):
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    before = employee.account.password_hash
    assert guess(app, employee.account.username)
    db.session.rollback()
    after = employee.account.password_hash
    assert after != before
    assert after is not None
    assert "m=16,t=2,p=1" in after
    assert guess(app, employee.account.username), "the password is the same"


def test_the_cost_of_a_hash_is_what_was_decided():
    from importlib import import_module, reload

    hasher = reload(import_module("portal.services.passwords")).HASHER
    assert (hasher.memory_cost, hasher.time_cost, hasher.parallelism, hasher.type.name) == (19456, 2, 1, "ID")


@pytest.mark.parametrize("identifier", ["known", "unknown", "locked", "not registered"])
def test_every_guess_costs_one_hash_whoever_is_named(
    app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, identifier: str
):
    person(organisation, "Kim Known", email="known")
    names = {
        "known": person(organisation, "Ann Known").account.username,
        "unknown": "nobody",
        "locked": person(organisation, "Lou Locked", state=AccountState.LOCKED).account.username,
        "not registered": person(organisation, "New Contact", state=AccountState.NOT_REGISTERED).primary_email,
    }
    hashed = []
    original = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda stored, text: hashed.append(text) or original(stored, text))
    guess(app, names[identifier], WRONG)
    assert hashed == [WRONG]


@pytest.mark.parametrize("identifier", ["known", "nobody"])
def test_a_refusal_takes_the_same_time_beside_its_hash_and_an_admission_none(
    app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, identifier: str
):
    person(organisation, "Kim Known", account={"username": "known"})
    original, slept = passwords.matches, []
    monkeypatch.setattr(guesses, "REFUSAL_SECONDS", 100.0)
    monkeypatch.setattr(guesses.time, "sleep", slept.append)

    def slow(stored: str | None, text: str) -> bool:
        threading.Event().wait(0.2)
        return original(stored, text)

    monkeypatch.setattr(passwords, "matches", slow)
    began = time.monotonic()
    assert guess(app, identifier, WRONG) is None
    (rest,) = slept
    assert 100 < rest + time.monotonic() - began < 100.4, "the hash's own time is not made up for, and all else is"
    assert guess(app, "known")
    assert len(slept) == 1


@pytest.mark.parametrize("stored", [PasswordHasher(1, 19456, 1).hash(PASSWORD), "no hash"], ids=["older", "no hash"])
def test_a_wrong_guess_at_a_hash_of_older_parameters_costs_one_of_todays_and_no_more_time(
    app: Flask, organisation: Organisation, monkeypatch: pytest.MonkeyPatch, stored: str
):
    person(organisation, "Olga Older", account={"username": "olga", "password_hash": stored})
    original, checked, slept = passwords.matches, [], []
    monkeypatch.setattr(guesses, "REFUSAL_SECONDS", 100.0)
    monkeypatch.setattr(guesses.time, "sleep", slept.append)

    def slow(held: str | None, text: str) -> bool:
        checked.append(held)
        threading.Event().wait(0.3)
        return original(held, text)

    monkeypatch.setattr(passwords, "matches", slow)
    began = time.monotonic()
    assert guess(app, "olga", WRONG) is None
    assert checked == [None, stored], "today's first, as for everybody else"
    assert 100.2 < slept[0] + time.monotonic() - began < 100.6, "one of the two is made up for"


def test_a_guess_in_hand_while_the_account_is_re_enrolled_opens_nothing(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch
):
    original = passwords.matches

    def meanwhile(stored: str | None, text: str) -> bool:
        with app.app_context(), write():
            accounts.re_enrol(db.session.get_one(Account, employee.account.id), None)
        return original(stored, text)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    assert guess(app, employee.account.username) is None
    assert db.session.scalars(select(Session)).all() == []
    assert events(employee) == ["account:registration:re-enrolled", "account:sign-in:refused"]


def test_the_old_password_in_hand_while_it_is_changed_opens_nothing(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch
):
    original = passwords.matches

    def meanwhile(stored: str | None, text: str) -> bool:
        with app.app_context(), write():
            accounts.put_password(accounts.locked(employee.account.id), passwords.hash_of("vivid otter kettle"))
        return original(stored, text)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    assert guess(app, employee.account.username) is None
    assert db.session.scalars(select(Session)).all() == []


def abandon_guesses(somebody: Person, times: int) -> None:
    """Processes that died with a guess at somebody's password in hand."""
    with write():
        db.session.add_all(
            SignInReservation(
                account_id=somebody.account.id,
                credential_version=somebody.account.credential_version,
                zone="internet",
                reserved_at=the_clock.now() - timedelta(seconds=31),
            )
            for _ in range(times)
        )


def test_a_guess_whose_process_died_counts_as_a_failure(app: Flask, employee: Person):
    abandon_guesses(employee, 3)
    assert guess(app, employee.account.username) is None
    assert state_of(employee) is AccountState.LOCKED
    assert db.session.scalars(select(SignInReservation)).all() == []
    assert kinds() == ["locked"]


def test_guesses_whose_process_died_lock_nothing_that_cannot_be_locked(app: Flask, organisation: Organisation):
    """Somebody re-enrolled since, whose temporary password has expired: the guesses count, and that is all."""
    nomi = person(
        organisation,
        "Nomi Contact",
        state=AccountState.REGISTRATION_PENDING,
        account={"temporary_password_expires_at": the_clock.now() - timedelta(hours=1)},
    )
    abandon_guesses(nomi, 4)
    assert guess(app, nomi.account.username) is None
    assert state_of(nomi) is AccountState.REGISTRATION_PENDING
    assert nomi.account.failures_total == 4


def test_guesses_at_an_earlier_password_do_not_count_against_the_present_one(app: Flask, employee: Person):
    abandon_guesses(employee, 3)
    with write():
        accounts.re_enrol(employee.account, None)
    assert guess(app, employee.account.username) is None
    assert (employee.account.temporary_password_failures, employee.account.failures_total) == (1, 1)
    assert db.session.scalars(select(SignInReservation)).all() == []
