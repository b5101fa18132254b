"""/enrol/<token> and /enrol/central-administrator: a link from the command line lets one person choose a password."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, EnrolmentLink, Person
from portal.services import accounts, first_administrator, known_browsers, recovery, sign_in
from portal.transactions import write
from tests.factories import PASSWORD
from tests.house_rules.test_get_changes_nothing import link_mailed_to
from tests.support.client import CheckingClient
from tests.support.everybody import rows_of_all_tables
from tests.support.guesses import guess
from tests.support.trail import entries, events

NEW = "vivid otter kettle"
PAGE = "/enrol/central-administrator"
S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def new_token(address: str = "ann@centre.example", *, another: bool = False) -> str:
    """What the command prints the link with."""
    with write():
        return first_administrator.issue(address, another=another).token


@pytest.fixture
def token(app: Flask) -> str:
    return new_token()


@pytest.fixture
def ann(token: str) -> Account:
    return db.session.scalars(select(Account).where(Account.username == "centralcadministrator1")).one()


def opened(client: CheckingClient, token: str, expect: int = 200) -> Any:
    """The link, followed."""
    return client.follow(client.get(f"/enrol/{token}", 303), expect)


def choose(client: CheckingClient, password: str = NEW, again: str | None = None, expect: int = 303) -> Any:
    return client.submit(PAGE, {"password": password, "password_again": again or password}, expect)


def test_the_link_leads_to_a_page_without_it(client: CheckingClient, token: str, ann: Account):
    answer = client.get(f"/enrol/{token}", 303)
    assert answer.location == PAGE
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("enrolment=")
    assert {"HttpOnly", "SameSite=Lax", f"Max-Age={24 * 3600}"} <= set(cookie.split("; "))
    page = client.follow(answer)
    assert page.headers["Referrer-Policy"] == answer.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == answer.headers["Cache-Control"] == "no-store"
    assert page.page.heading == "Enrol as central administrator"
    assert ann.username in page.page.words
    assert token not in page.text


def test_over_https_the_cookie_is_a_host_cookie(app: Flask, client: CheckingClient, token: str):
    app.config["SESSION_COOKIE_SECURE"] = True
    (cookie,) = client.get(f"/enrol/{token}", 303).headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-enrolment=")
    assert "Secure" in cookie


def test_a_chosen_password_completes_the_registration_and_signs_in(client: CheckingClient, token: str, ann: Account):
    opened(client, token)
    done = choose(client)
    assert "enrolment=;" in "".join(done.headers.getlist("Set-Cookie"))
    assert client.get(done.location, 303).location == "/organisations"
    page = client.get("/organisations").page
    assert "Your password has been set. You are signed in." in page.words
    assert (ann.state, ann.enrolled) == (S.ACTIVE, True)
    assert events(ann.person)[-1] == "account:registration:completed"
    assert (entries(ann.person)[-1].address, entries(ann.person)[-1].actor_account_id) == ("127.0.0.1", None)
    shown = client.get_cookie("known-browser", domain="127.0.0.1")
    assert shown is not None
    assert known_browsers.of(ann, [shown.value]) is not None


def test_the_form_may_be_sent_to_the_links_own_address(client: CheckingClient, token: str, ann: Account):
    opened(client, token)
    refused = client.post(f"/enrol/{token}", {"password": "short", "password_again": "short"}, 422)
    assert "needs 12 characters" in refused.page.words
    assert refused.page.has_form(PAGE)
    done = client.post(f"/enrol/{token}", {"password": NEW, "password_again": NEW})
    assert client.get(done.location, 303).location == "/organisations"
    assert ann.state is S.ACTIVE


def test_what_comes_back_from_there_goes_on_from_the_page(client: CheckingClient, token: str, ann: Account):
    client.get("/sign-in")
    client.post(f"/enrol/{token}", {"password": "short", "password_again": "short"}, 422)
    choose(client)
    assert ann.state is S.ACTIVE


@pytest.mark.parametrize("path", [PAGE, "/enrol/{token}"])
def test_without_a_token_against_forgery_nothing_is_changed(
    client: CheckingClient, token: str, ann: Account, path: str
):
    opened(client, token)
    client.post(path.format(token=token), {"password": NEW, "password_again": NEW}, 403, csrf=False)
    assert ann.state is S.REGISTRATION_PENDING


def test_looking_twenty_times_and_posting_nothing_use_nothing_up(client: CheckingClient, token: str):
    before = rows_of_all_tables()
    for method in ("HEAD", "GET", "OPTIONS") * 7:
        client.open(f"/enrol/{token}", method=method)
        client.open(PAGE, method=method)
    opened(client, token)
    client.submit(PAGE, {}, 422)
    client.post(f"/enrol/{token}", {}, 422)
    assert rows_of_all_tables() == before
    choose(client)


def test_a_used_link_is_refused(client: CheckingClient, stranger_client: CheckingClient, token: str, ann: Account):
    opened(stranger_client, token)
    opened(client, token)
    choose(client)
    page = choose(stranger_client, "another otter kettle", expect=410).page
    assert page.heading == "This link cannot be used"
    assert "portal central-administrator" in page.words
    assert opened(stranger_client, token, 410).page.words == page.words
    assert guess(client.application, ann.username, NEW) is not None


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "é", "x" * 2000, "none"])
def test_a_link_that_was_never_ours_is_refused(client: CheckingClient, token: str):
    client.get(f"/enrol/{token}", 303)
    assert client.get(PAGE, 410).page.heading == "This link cannot be used"
    client.post(f"/enrol/{token}", {"password": NEW, "password_again": NEW}, 410)


def test_a_replaced_link_is_refused_also_where_it_was_opened_before(client: CheckingClient, token: str, ann: Account):
    opened(client, token)
    newer = new_token()
    choose(client, expect=410)
    assert ann.state is S.REGISTRATION_PENDING
    opened(client, newer)
    choose(client)


def test_a_link_ends_to_the_second(app: Flask, client: CheckingClient, clock: Any):
    token = new_token()
    clock.shift(timedelta(hours=24) - timedelta(seconds=1))
    opened(client, token)
    clock.shift(timedelta(seconds=1))
    client.get(PAGE, 410)
    client.post(PAGE, {"password": NEW, "password_again": NEW}, 410)


def test_a_clock_that_is_put_back_prolongs_nothing(app: Flask, client: CheckingClient, clock: Any):
    token = new_token()
    clock.shift(-timedelta(hours=1))
    opened(client, token, 410)


def re_enrol(account: Account) -> None:
    accounts.re_enrol(account, None)


def deactivate(account: Account) -> None:
    accounts.deactivate(account, None)


def correct_address(account: Account) -> None:
    first_administrator.correct_address(account.person, "bea@centre.example")


@pytest.mark.parametrize("change", [re_enrol, deactivate, correct_address])
def test_what_changes_the_way_in_ends_the_link(
    client: CheckingClient, token: str, ann: Account, change: Callable[[Account], None]
):
    opened(client, token)
    with write():
        change(ann)
    choose(client, expect=410)
    client.get(PAGE, 410)
    assert ann.password_hash is None
    assert db.session.scalars(select(EnrolmentLink.ended_at)).all() != [None]


def test_whoever_was_deactivated_and_begins_anew_is_not_let_in_by_the_old_link(
    client: CheckingClient, token: str, ann: Account
):
    for move in (accounts.deactivate, accounts.reactivate, accounts.register):
        with write():
            move(ann, None)
    assert ann.state is S.REGISTRATION_PENDING
    opened(client, token, 410)


def test_whoever_came_in_by_mail_meanwhile_needs_no_link(app: Flask, client: CheckingClient, token: str, ann: Account):
    app.config["FIRST_PASSWORD_BY_EMAIL"] = True
    with write():
        recovery.reset_password(link_mailed_to(ann.person).removeprefix("/recover/"), NEW)
    assert ann.state is S.ACTIVE
    opened(client, token, 410)
    client.post(f"/enrol/{token}", {"password": "another otter kettle", "password_again": "another otter kettle"}, 410)
    assert guess(app, ann.username, NEW) is not None


def test_no_token_opens_a_page_of_another_purpose(client: CheckingClient, token: str, employee: Person):
    client.get(f"/recover/{token}", 303)
    assert client.get("/recover/new-password", 410).page.heading == "This link can no longer be used"
    mailed = link_mailed_to(employee)
    opened(client, mailed.removeprefix("/recover/"), 410)
    with client.session_transaction(base_url="http://127.0.0.1:8000") as cookie:
        cookie["_user_id"] = token
    assert client.get("/enrol", 303).location.startswith("/sign-in")


def test_no_temporary_password_works_while_the_link_waits(app: Flask, token: str, ann: Account):
    for tried in ("", token, PASSWORD, "0000-0000-0000"):
        assert guess(app, ann.username, tried) is None
    assert ann.failures == 0, "there was nothing to guess at"
    assert sign_in.find(ann.person.primary_email) == ann.id


def test_whoever_is_signed_in_already_is_signed_out(
    app: Flask, employee_client: CheckingClient, employee: Person, token: str, ann: Account
):
    employee_client.get("/account")
    opened(employee_client, token)
    done = choose(employee_client)
    assert employee_client.get(done.location, 303).location == "/organisations"
    assert "account:session:signed-out" in events(employee)


@pytest.mark.parametrize(
    ("password", "again", "says"),
    [
        ("", "", "Enter a password"),
        ("short one", None, "needs 12 characters or more"),
        ("Administrator Central", None, "easy to guess"),
        (NEW, "vivid otter kettles", "The two passwords are not the same"),
    ],
)
def test_what_is_refused_is_said_beside_the_field_and_the_link_stays_good(
    client: CheckingClient, token: str, ann: Account, password: str, again: str | None, says: str
):
    opened(client, token)
    page = choose(client, password, again, 422).page
    assert page.title.startswith("Error: ")
    assert says in page.words
    choose(client)
    assert ann.state is S.ACTIVE
