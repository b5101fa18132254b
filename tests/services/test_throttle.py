"""Limits of one address: failures and distinct targets count, successes take back, and the wait is as it says."""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.errors import TooMany
from portal.extensions import db
from portal.models import AuditEntry, Organisation, Person, RecoveryRequest, SignInReservation
from portal.services import address_log, passwords, recovery, throttle
from portal.services.address_log import InMemory
from portal.services.recovery import Need
from portal.transactions import write
from tests.factories import PASSWORD, TEMPORARY_PASSWORD, person
from tests.support.guesses import INTERNET, PRIVATE, WRONG, at_once, fail, guess

ELSEWHERE = "203.0.113.8"

pytestmark = pytest.mark.usefixtures("cheap_hashes", "two_zones")


def spray(app: Flask, times: int, address: str = INTERNET, first: int = 0) -> None:
    """One failure at each of so many names that nobody has, as a guess leaves it behind."""
    with app.test_request_context("/sign-in", method="POST", environ_base={"REMOTE_ADDR": address}):
        for number in range(first, first + times):
            throttle.admit_sign_in()
            throttle.note_failure(None, f"nobody{number}")


def refused(app: Flask, identifier: str | None = "nobody", password: str = WRONG, **kwargs: Any) -> int:
    """Seconds to wait, of a guess that must be refused."""
    with pytest.raises(TooMany) as error:
        guess(app, identifier, password, **kwargs)
    return int(error.value.headers["Retry-After"])


def ask(app: Flask, identifier: str, address: str = INTERNET, need: Need = Need.PASSWORD) -> None:
    with app.test_request_context("/recover", method="POST", environ_base={"REMOTE_ADDR": address}), write():
        recovery.ask(identifier, need)


def count(kind: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(kind)) or 0


def test_after_sixty_failures_an_address_waits_and_nothing_is_reserved_hashed_or_written(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch
):
    for number in range(60):
        assert guess(app, f"nobody{number}", WRONG) is None
    entries = count(AuditEntry)
    monkeypatch.setattr(passwords, "matches", lambda *_: pytest.fail("a hash was computed"))
    refused(app)
    refused(app, employee.account.username, PASSWORD)
    assert count(SignInReservation) == 0
    assert count(AuditEntry) == entries
    db.session.rollback()
    assert employee.account.failures == 0


def test_another_address_is_not_concerned(app: Flask, employee: Person):
    spray(app, 60)
    assert guess(app, employee.account.username, PASSWORD, ELSEWHERE)


@pytest.mark.parametrize("state", [AccountState.ACTIVE, AccountState.LOCKED, AccountState.INACTIVE])
def test_a_failure_counts_whatever_its_reason(app: Flask, organisation: Organisation, state: AccountState):
    """Wrong or not looked at: as many as at names that nobody has."""
    somebody = person(organisation, "Some Body", state=state)
    spray(app, 54)
    fail(app, somebody, 6)
    refused(app)


def test_the_private_zone_has_three_hundred(app: Flask):
    spray(app, 300, PRIVATE)
    refused(app, address=PRIVATE)
    assert guess(app, "nobody", WRONG, "10.9.9.9") is None, "another address of the private zone"


def test_successes_never_count(app: Flask, employee: Person):
    spray(app, 59)
    for _ in range(10):
        assert guess(app, employee.account.username)


def test_a_success_takes_back_its_own_accounts_failures_and_no_others(app: Flask, organisation: Organisation):
    one, other = person(organisation, "One Body"), person(organisation, "Other Body")
    fail(app, one, 2)
    fail(app, other, 1)
    spray(app, 57)
    refused(app)
    # One body gets in from elsewhere: that takes nothing off this address's count.
    assert guess(app, one.account.username, PASSWORD, ELSEWHERE)
    refused(app, one.account.username, PASSWORD)


def test_whoever_gets_in_before_the_limit_leaves_no_failures_behind(app: Flask, organisation: Organisation):
    spray(app, 58)
    for number in range(3):
        somebody = person(organisation, f"Shift Change{number}")
        fail(app, somebody, 1)
        assert guess(app, somebody.account.username), "61 failures in all"
    spray(app, 1, first=58)
    fail(app, somebody, 1)
    refused(app)


def test_the_right_temporary_password_is_a_success_too(app: Flask, organisation: Organisation):
    somebody = person(organisation, "New Body", state=AccountState.REGISTRATION_PENDING)
    username = somebody.account.username
    spray(app, 58)
    assert guess(app, username, "0000-0000-0000") is None
    assert guess(app, username, TEMPORARY_PASSWORD)
    spray(app, 2, first=58)
    refused(app)


def test_a_known_browser_neither_counts_nor_is_refused(app: Flask, employee: Person, local_admin: Person):
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    cookie = admitted.browser_tokens
    spray(app, 59)
    assert guess(app, employee.account.username, WRONG, INTERNET, cookie) is None
    spray(app, 1, first=59)
    refused(app, employee.account.username, PASSWORD)
    refused(app, local_admin.account.username, PASSWORD, known=cookie)
    refused(app, "nobody", WRONG, known=cookie)
    refused(app, employee.account.username, PASSWORD, known=["x" * 43])
    assert guess(app, employee.account.username, WRONG, INTERNET, cookie) is None
    assert guess(app, employee.account.username, PASSWORD, INTERNET, cookie)


def test_any_five_minutes_have_sixty_and_the_wait_is_no_longer_than_it_says(app: Flask, clock: Any):
    spray(app, 20)
    clock.shift(timedelta(minutes=4))
    spray(app, 40, first=20)
    assert refused(app) == 60
    clock.shift(timedelta(seconds=59.5))
    assert refused(app) == 1
    clock.shift(timedelta(seconds=0.5))
    spray(app, 20, first=60)
    assert refused(app) == 240, "the forty of the fifth minute are there still"


@pytest.mark.parametrize("jump", [timedelta(hours=-25), timedelta(hours=25)], ids=["back", "forward"])
def test_a_clock_that_is_set_keeps_nobody_out_for_longer(app: Flask, clock: Any, jump: timedelta):
    spray(app, 60)
    clock.shift(jump)
    assert guess(app, "nobody", WRONG) is None


def test_ipv6_counts_by_its_64(app: Flask):
    for number in range(60):
        spray(app, 1, f"2001:db8:0:1::{number:x}")
    refused(app, address="2001:db8:0:1:ffff:ffff:ffff:ffff")
    assert guess(app, "nobody", WRONG, "2001:db8:0:2::1") is None


def test_parallel_failures_are_all_counted(app: Flask):
    at_once([lambda number=number: guess(app, f"nobody{number}", WRONG) for number in range(40)], threads=8)
    spray(app, 20, first=40)
    refused(app)


def test_recovery_has_sixty_targets_and_the_same_again_costs_nothing(app: Flask, clock: Any):
    for number in range(60):
        ask(app, f"somebody{number}@coe.example")
    clock.shift(timedelta(minutes=1))
    for need in Need:
        ask(app, " SomeBody7@COE.example ", need=need)
    for identifier in ("somebody60@coe.example", "nobody"):
        with pytest.raises(TooMany) as error:
            ask(app, identifier)
        assert error.value.headers["Retry-After"] == "240"
    assert count(RecoveryRequest) == 60 + len(Need)
    ask(app, "somebody60@coe.example", ELSEWHERE)
    clock.shift(timedelta(minutes=4))
    ask(app, "somebody60@coe.example")


def test_recovery_has_three_hundred_targets_in_the_private_zone(app: Flask):
    with app.test_request_context("/recover", environ_base={"REMOTE_ADDR": PRIVATE}):
        for number in range(300):
            throttle.admit_recovery(f"somebody{number}")
    with pytest.raises(TooMany):
        ask(app, "somebody300", PRIVATE)


def test_sign_in_and_recovery_count_apart(app: Flask):
    spray(app, 60)
    ask(app, "somebody")


def test_switched_off_nothing_waits(app: Flask):
    app.config["RATE_LIMITS"] = False
    spray(app, 70)
    for number in range(70):
        ask(app, f"somebody{number}")


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """They take turns in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_no_entry_is_lost_when_threads_meet():
    log = InMemory()

    def add(number: int) -> Callable[[], None]:
        return lambda: [log.add("here", f"{number}:{each}") for each in range(50)] and None

    at_once([add(number) for number in range(8)])
    assert log.wait("here", 400) > 0
    assert log.wait("here", 401) == 0


def test_a_flood_of_addresses_fills_no_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(address_log, "MOST_KEYS", 100)
    log = InMemory()
    for number in range(1000):
        log.add(f"address {number}", "somebody")
        log.add("a busy one", "somebody")
    assert len(log._entries) <= 100
    assert log.wait("address 999", 1) > 0, "the newest are kept"
    assert log.wait("a busy one", 1000) > 0, "and whoever goes on"
