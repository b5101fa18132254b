"""One's own password, given again or changed: guesses like any other, also many at once; and what they leave behind."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, has_app_context
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Person, Session, SignInReservation
from portal.services import accounts, own_password, passwords, sessions
from portal.transactions import write
from tests.factories import PASSWORD
from tests.support.guesses import INTERNET, PRIVATE, WRONG, at_once, guess
from tests.support.trail import events, kinds

NEW = "vivid otter kettle"
pytestmark = pytest.mark.usefixtures("cheap_hashes", "two_zones")


@pytest.fixture
def token(app: Flask, employee: Person) -> str:
    with app.test_request_context(), write():
        return sessions.start(employee.account, "full")


def ask(app: Flask, token: str, verb: Callable[..., Any], *arguments: Any, address: str = INTERNET) -> Any:
    """One call of ``verb``, from a request of its own, for whoever has the token."""
    if has_app_context():
        db.session.rollback()
    with app.test_request_context("/account", method="POST", environ_base={"REMOTE_ADDR": address}):
        signed_in = sessions.load(token)
        return None if signed_in is None else verb(signed_in, *arguments)


def confirm(app: Flask, token: str, password: str = PASSWORD, address: str = INTERNET) -> Any:
    return ask(app, token, own_password.confirm, password, address=address)


def change(app: Flask, token: str, current: str = PASSWORD) -> Any:
    return ask(app, token, own_password.change, current, NEW)


def count(kind: type[Any]) -> int:
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(kind)).one()


@pytest.mark.parametrize("verb", [confirm, change])
def test_fifty_wrong_ones_at_once_are_checked_three_times(
    app: Flask, employee: Person, token: str, verb: Any, monkeypatch: pytest.MonkeyPatch
):
    original, stored, checked = passwords.matches, employee.account.password_hash, []

    def watching(held: str | None, text: str) -> bool:
        if held == stored:
            checked.append(text)
        return original(held, text)

    monkeypatch.setattr(passwords, "matches", watching)
    assert not any(at_once([lambda: verb(app, token, WRONG)] * 50))
    assert checked == [WRONG] * 3
    assert employee.account.failures == employee.account.failures_total == 3
    assert events(employee).count("account:sign-in:failed") == 3
    assert kinds() == ["locked"]
    assert count(SignInReservation) == 0


def test_guesses_here_and_at_the_sign_in_are_counted_together(app: Flask, employee: Person, token: str):
    confirm(app, token, WRONG)
    guess(app, employee.account.username, WRONG)
    change(app, token, WRONG)
    assert employee.account.state is AccountState.LOCKED
    assert confirm(app, token) is None
    assert change(app, token) is None


def test_the_private_zone_has_its_own_limit_here_too(app: Flask, employee: Person, token: str):
    for _ in range(4):
        confirm(app, token, WRONG, PRIVATE)
    assert employee.account.state is AccountState.ACTIVE
    assert confirm(app, token, PASSWORD, PRIVATE)


def test_a_disabled_password_confirms_nothing(app: Flask, employee: Person, token: str):
    with write():
        employee.account.failures_since_success = employee.account.failures_total = 100
    assert confirm(app, token) is None
    assert change(app, token) is None


@pytest.mark.parametrize("password", [PASSWORD, WRONG])
def test_each_guess_costs_one_hash(
    app: Flask, employee: Person, token: str, password: str, monkeypatch: pytest.MonkeyPatch
):
    hashed: list[str] = []
    original = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda stored, text: hashed.append(text) or original(stored, text))
    confirm(app, token, password)
    assert hashed == [password]


def test_ten_right_ones_at_once_leave_one_session_that_lasts(app: Flask, employee: Person, token: str):
    renewed = [found for found in at_once([lambda: confirm(app, token)] * 10) if found]
    assert renewed
    assert sessions.load(token) is None
    assert len([found for found in renewed if sessions.load(found.token)]) == 1
    assert count(Session) == 1


def test_of_two_changes_at_once_one_is_made(app: Flask, employee: Person, token: str):
    made = [found for found in at_once([lambda: change(app, token)] * 2) if found]
    assert len(made) == 1
    assert events(employee).count("account:password:changed") == 1
    assert kinds() == ["password-changed"]


def test_the_current_one_in_hand_while_it_is_reset_changes_nothing(
    app: Flask, employee: Person, token: str, monkeypatch: pytest.MonkeyPatch
):
    original = passwords.matches

    def meanwhile(stored: str | None, text: str) -> bool:
        with app.app_context(), write():
            accounts.put_password(accounts.locked(employee.account.id), passwords.hash_of("another otter kettle"))
        return original(stored, text)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    assert change(app, token) is None
    monkeypatch.setattr(passwords, "matches", original)
    assert guess(app, employee.account.username, "another otter kettle")


def test_a_hash_of_older_parameters_is_renewed(
    app: Flask, employee: Person, token: str, monkeypatch: pytest.MonkeyPatch
):
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    before = employee.account.password_hash
    assert confirm(app, token)
    db.session.rollback()
    assert db.session.get_one(Account, employee.account.id).password_hash != before
