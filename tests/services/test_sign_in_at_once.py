"""Guesses in parallel: never more than the limit is checked, and nobody with the right password suffers for it."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person, Session, SignInReservation
from portal.services import passwords
from tests.factories import PASSWORD, person
from tests.support.guesses import INTERNET, PRIVATE, WRONG, at_once, guess
from tests.support.trail import events, kinds

pytestmark = pytest.mark.usefixtures("cheap_hashes", "two_zones")


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(("address", "limit"), [(INTERNET, 3), (PRIVATE, 5)], ids=["internet", "private"])
def test_of_fifty_wrong_guesses_at_once_no_more_than_the_limit_is_checked(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch, address: str, limit: int
):
    username, checked = employee.account.username, []
    original, stored = passwords.matches, employee.account.password_hash

    def watching(held: str | None, text: str) -> bool:
        if held == stored:
            checked.append(text)
        return original(held, text)

    monkeypatch.setattr(passwords, "matches", watching)
    # The right one is among them, behind more wrong ones than are let through.
    guesses = [WRONG] * 49 + [PASSWORD]
    answers = at_once([lambda text=text: guess(app, username, text, address) for text in guesses])
    failed = events(employee).count("account:sign-in:failed")
    if any(answers):
        # It was among the first, and set the counter to zero: then at most the limit on either side of it.
        assert failed <= 2 * limit - 1
        return
    assert len(checked) == failed == limit == employee.account.failures
    assert employee.account.state is AccountState.LOCKED
    assert kinds() == ["locked"]
    assert count(SignInReservation) == count(Session) == 0


def test_fifty_wrong_guesses_alone_are_checked_three_times(app: Flask, employee: Person):
    username = employee.account.username
    assert not any(at_once([lambda: guess(app, username, WRONG)] * 50))
    assert employee.account.failures == employee.account.failures_total == 3
    assert events(employee).count("account:sign-in:failed") == 3
    assert events(employee).count("account:lock:locked") == 1


def test_twenty_right_passwords_at_once_are_all_let_in(app: Flask, employee: Person):
    username = employee.account.username
    assert all(at_once([lambda: guess(app, username)] * 20))
    assert count(Session) == 20
    assert (employee.account.failures, employee.account.sign_ins) == (0, 20)
    assert count(SignInReservation) == 0


def test_thirty_wrong_temporary_passwords_at_once_are_ten(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    username = nomi.account.username
    assert not any(at_once([lambda: guess(app, username, WRONG)] * 30))
    assert nomi.account.temporary_password_failures == 10
    assert events(nomi).count("account:temporary-password:failed") == 10
    assert events(nomi).count("account:temporary-password:voided") == 1


def test_guesses_at_nobody_at_once_leave_nothing_behind(app: Flask):
    assert not any(at_once([lambda: guess(app, "nobody", WRONG)] * 10))
    assert count(SignInReservation) == 0
    assert events() == ["sign-in:unknown:failed"] * 10
