"""A stranger who knows a username cannot keep its owner out: the owner's browser has a count of its own."""

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person
from portal.services import accounts, known_browsers
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.guesses import INTERNET, PRIVATE, WRONG, at_once, fail, guess
from tests.support.trail import entries, events

pytestmark = pytest.mark.usefixtures("cheap_hashes", "two_zones")


def sign_in(app: Flask, somebody: Person, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What the browser's cookie holds after a sign-in."""
    admitted = guess(app, somebody.account.username, PASSWORD, INTERNET, known)
    assert admitted is not None
    return admitted.browser_tokens


def test_a_known_browser_lets_its_owner_in_and_unlocks_while_strangers_stay_out(app: Flask, employee: Person):
    cookie = sign_in(app, employee)
    fail(app, employee, 3)
    assert employee.account.state is AccountState.LOCKED
    assert guess(app, employee.account.username) is None, "a stranger's browser, even with the right password"
    assert guess(app, employee.account.username, PASSWORD, INTERNET, cookie)
    db.session.rollback()
    assert employee.account.state is AccountState.ACTIVE
    assert employee.account.failures == 0
    assert employee.account.internal_message == "signed-in-while-locked"
    assert events(employee)[-1] == "account:sign-in:succeeded-while-locked"


@pytest.mark.parametrize(("address", "limit"), [(INTERNET, 3), (PRIVATE, 5)], ids=["internet", "private"])
def test_at_its_own_limit_a_known_browser_is_known_no_longer(app: Flask, employee: Person, address: str, limit: int):
    cookie = sign_in(app, employee)
    fail(app, employee, 3)
    for _ in range(limit - 1):
        assert guess(app, employee.account.username, WRONG, address, cookie) is None
    assert db.session.scalars(select(KnownBrowser)).one().void_at is None
    assert guess(app, employee.account.username, WRONG, address, cookie) is None
    assert guess(app, employee.account.username, PASSWORD, address, cookie) is None
    db.session.rollback()
    assert db.session.scalars(select(KnownBrowser)).one().void_at is not None
    (voided,) = entries(employee, "account:known-browser:voided")
    assert voided.details == {"failures": limit}
    assert employee.account.failures_total == 3 + limit, "its failures count for the account like any others"


def test_one_below_its_own_limit_the_right_password_lets_in(app: Flask, employee: Person):
    cookie = sign_in(app, employee)
    fail(app, employee, 3)
    for _ in range(2):
        guess(app, employee.account.username, WRONG, INTERNET, cookie)
    assert guess(app, employee.account.username, PASSWORD, INTERNET, cookie)


def test_its_failures_while_nothing_is_locked_count_for_it_and_for_the_account(app: Flask, employee: Person):
    cookie = sign_in(app, employee)
    for _ in range(3):
        guess(app, employee.account.username, WRONG, INTERNET, cookie)
    assert employee.account.state is AccountState.LOCKED
    assert guess(app, employee.account.username, PASSWORD, INTERNET, cookie) is None


def test_fifty_guesses_at_once_from_a_known_browser_are_no_more_than_its_limit(app: Flask, employee: Person):
    cookie, username = sign_in(app, employee), employee.account.username
    fail(app, employee, 3)
    assert not any(at_once([lambda: guess(app, username, WRONG, INTERNET, cookie)] * 50))
    assert employee.account.failures_total == 3 + 3
    assert db.session.scalars(select(KnownBrowser)).one().failures == 3


def test_a_cookie_of_one_account_is_nothing_to_another(app: Flask, organisation: Organisation, employee: Person):
    nomi = person(organisation, "Nomi Contact", state=AccountState.LOCKED)
    cookie = sign_in(app, employee)
    assert guess(app, nomi.account.username, PASSWORD, INTERNET, cookie) is None


@pytest.mark.parametrize("forged", [("",), ("x",), ("\0",), ("é" * 500,)])
def test_a_forged_cookie_is_nothing(app: Flask, organisation: Organisation, forged: tuple[str, ...]):
    nomi = person(organisation, "Nomi Contact", state=AccountState.LOCKED)
    assert guess(app, nomi.account.username, PASSWORD, INTERNET, forged) is None


def test_each_sign_in_renews_the_token_and_the_old_one_is_worth_nothing(app: Flask, employee: Person):
    first = sign_in(app, employee)
    second = sign_in(app, employee, first)
    assert first != second
    assert len(db.session.scalars(select(KnownBrowser)).all()) == 1
    fail(app, employee, 3)
    assert guess(app, employee.account.username, PASSWORD, INTERNET, first) is None
    assert guess(app, employee.account.username, PASSWORD, INTERNET, second)


def test_a_wards_computer_knows_five_accounts_however_often_one_of_them_signs_in(
    app: Flask, organisation: Organisation
):
    staff = [person(organisation, f"Staff Number{letter}") for letter in "abcdef"]
    cookie: tuple[str, ...] = ()
    for somebody in staff[:5]:
        cookie = sign_in(app, somebody, cookie)
    for _ in range(6):
        cookie = sign_in(app, staff[4], cookie)
    assert len(cookie) == 5
    fail(app, staff[0], 3)
    cookie = sign_in(app, staff[0], cookie)
    cookie = sign_in(app, staff[5], cookie)
    assert len(cookie) == 5
    fail(app, staff[1], 3)
    assert guess(app, staff[1].account.username, PASSWORD, INTERNET, cookie) is None, "the oldest made place"


def test_a_re_enrolment_makes_every_browser_a_stranger(app: Flask, employee: Person):
    sign_in(app, employee)
    with write():
        accounts.re_enrol(employee.account, None)
    assert db.session.scalars(select(KnownBrowser)).one().void_at is not None


def test_a_disabled_password_lets_no_known_browser_in(app: Flask, employee: Person):
    cookie = sign_in(app, employee)
    with write():
        employee.account.failures_since_success = employee.account.failures_total = 99
    fail(app, employee, 1)
    assert employee.account.state is AccountState.LOCKED
    assert guess(app, employee.account.username, PASSWORD, INTERNET, cookie) is None


def test_the_table_holds_hashes_and_no_token(app: Flask, employee: Person):
    (token,) = sign_in(app, employee)
    row = db.session.scalars(select(KnownBrowser)).one()
    assert len(row.token_hash) == 32
    assert token.encode() not in row.token_hash
    assert known_browsers.of(employee.account, [token]) is row
