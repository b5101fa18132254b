"""/account/confirm: a change that needs the password waits until it is given again, and goes on where it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person, Session
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.asking_page import ELSEWHERE, PAGE
from tests.support.client import ORIGIN, CheckingClient
from tests.support.trail import entries, events, kinds

WRONG = "not the password"
CONFIRM = "/account/confirm"
HELD = f"{CONFIRM}?next=/asking&held="
TYPED = {"job_title": "Matron <b>", "words": ["one", "three"]}
Asked = Callable[[Person], CheckingClient]
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def nomi(clock: Any, organisation: Organisation) -> Person:
    """Somebody whose password is asked for again, because her session is an hour old in a moment."""
    return person(organisation, "Nomi Contact")


@pytest.fixture
def browser(nomi: Person, clock: Any, asked_person: Asked) -> CheckingClient:
    """Her browser, an hour and a second after she signed in."""
    signed_in = asked_person(nomi)
    clock.shift(timedelta(hours=1, seconds=1))
    return signed_in


def send(browser: CheckingClient, **more: Any) -> Any:
    browser.get(PAGE)
    return browser.post(PAGE, TYPED, **more)


def confirm(browser: CheckingClient, answer: Any, password: str = PASSWORD, expect: int = 303) -> Any:
    browser.follow(answer)
    return browser.submit(CONFIRM, {"password": password}, expect)


def row() -> Session:
    db.session.rollback()
    return db.session.scalars(select(Session)).one()


@pytest.mark.parametrize(("seconds", "asks"), [(0, False), (1, True)], ids=["60 minutes", "a second more"])
def test_it_is_asked_for_when_the_last_one_was_given_more_than_an_hour_ago(
    nomi: Person, clock: Any, asked_person: Asked, seconds: int, asks: bool
):
    browser = asked_person(nomi)
    clock.shift(timedelta(hours=1, seconds=seconds))
    answer = send(browser)
    assert answer.location.startswith(CONFIRM) is asks
    assert (nomi.job_title == "") is asks


def test_nothing_is_done_and_what_was_sent_is_held_without_its_token(browser: CheckingClient, nomi: Person):
    answer = send(browser)
    assert answer.location.startswith(HELD)
    assert nomi.job_title == ""
    held = row().held_form
    assert held is not None
    assert (held["path"], held["fields"]) == (
        "/asking", [["job_title", "Matron <b>"], ["words", "one"], ["words", "three"]],
    )  # fmt: skip
    assert events(nomi) == []


def test_the_page_says_why_it_asks_and_is_kept_by_nobody(browser: CheckingClient):
    answer = browser.follow(send(browser))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.page.heading == "Your password again"
    assert "Nothing has been changed yet." in answer.page.words
    assert answer.page.by_id("password").get("autocomplete") == "current-password"


def test_the_change_goes_on_where_it_was_once_the_password_is_given(browser: CheckingClient, nomi: Person):
    done = confirm(browser, send(browser))
    assert done.location == PAGE
    assert nomi.job_title == ""
    page = browser.follow(done).page
    assert "Nothing has been changed yet: press the button once more to go on." in page.words
    form = page.form(PAGE)
    assert "data-go-on" in form.element.attrib
    assert (form.values["job_title"], form.values["words"]) == (["Matron <b>"], ["one", "three"])
    assert browser.submit(PAGE).location == PAGE
    assert nomi.job_title == "Matron <b> one three"
    assert row().held_form is None
    assert "data-go-on" not in browser.get(PAGE).page.form(PAGE).element.attrib
    assert events(nomi) == ["account:session:confirmed"]
    (entry,) = entries(nomi)
    assert (entry.actor_account_id, entry.address) == (nomi.account.id, "127.0.0.1")


def test_given_again_it_counts_for_an_hour(browser: CheckingClient, nomi: Person, clock: Any):
    confirm(browser, send(browser))
    clock.shift(timedelta(hours=1))
    assert send(browser).location == PAGE
    clock.shift(timedelta(seconds=1))
    assert send(browser).location.startswith(CONFIRM)


def test_a_call_of_htmx_is_led_there_as_a_whole_page(browser: CheckingClient, nomi: Person):
    answer = send(browser, htmx=True, expect=204)
    assert answer.headers["HX-Redirect"].startswith(HELD)
    assert nomi.job_title == ""
    assert confirm(browser, answer).location == PAGE


def test_a_form_whose_address_is_no_page_goes_back_to_the_page_it_was_sent_from(browser: CheckingClient):
    browser.get(f"{PAGE}?tab=people")
    answer = browser.post(ELSEWHERE, {"job_title": "Matron"})
    assert answer.location.startswith(f"{CONFIRM}?next=/asking?tab%3Dpeople&held=")
    browser.follow(answer)
    assert browser.submit(CONFIRM, {"password": PASSWORD}).location == f"{PAGE}?tab=people"
    assert "data-go-on" not in browser.get(PAGE).page.form(PAGE).element.attrib, "what is held is another form's"
    unknown = browser.post(ELSEWHERE, {"job_title": "Matron"}, headers={"Referer": "http://evil.example/page"})
    assert unknown.location is not None


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https:evil", "javascript:alert(1)", "/\tx"])
def test_it_goes_on_nowhere_else(browser: CheckingClient, target: str):
    browser.get(CONFIRM, query_string={"next": target})
    assert browser.submit(CONFIRM, {"password": PASSWORD}).location == "/account"
    browser.get(CONFIRM)
    assert browser.submit(CONFIRM, {"password": PASSWORD, "next": target}).location == "/account"


def test_a_wrong_one_counts_like_a_failed_sign_in_and_is_answered_in_the_same_words(
    browser: CheckingClient, nomi: Person, stranger_client: CheckingClient
):
    page = confirm(browser, send(browser), WRONG, 422).page
    assert page.title.startswith("Error: ")
    assert "The password is not right, or the account cannot be used just now." in page.words
    assert page.form(CONFIRM).values["next"] == [PAGE]
    assert (nomi.account.failures, nomi.account.failures_total, row().confirmed_at) == (1, 1, None)
    stranger_client.get("/sign-in")
    elsewhere = stranger_client.submit("/sign-in", {"username": nomi.account.username, "password": WRONG}, 422).page
    said = "The username or password is not right, or the account cannot be used just now."
    assert said in elsewhere.words
    assert nomi.account.failures == 2
    assert events(nomi) == ["account:sign-in:failed"] * 2


def test_a_stolen_session_gives_no_more_guesses_than_a_sign_in(browser: CheckingClient, nomi: Person):
    browser.get(CONFIRM)
    pages = [browser.submit(CONFIRM, {"password": WRONG}, 422).page.words for _ in range(3)]
    assert nomi.account.state is AccountState.LOCKED
    assert kinds() == ["locked"]
    refused = browser.submit(CONFIRM, {"password": PASSWORD}, 422).page.words
    assert {*pages, refused} == {refused}, "it is not told whether the right one was among them"
    assert row().confirmed_at is None
    assert events(nomi)[-2:] == ["account:lock:locked", "account:sign-in:refused"]
    browser.get("/account")


def test_while_the_account_is_locked_a_browser_that_it_knows_may_and_unlocks(
    client: CheckingClient, nomi: Person, clock: Any, stranger_client: CheckingClient
):
    client.get("/sign-in")
    client.submit("/sign-in", {"username": nomi.account.username, "password": PASSWORD})
    for _ in range(3):
        stranger_client.get("/sign-in")
        stranger_client.submit("/sign-in", {"username": nomi.account.username, "password": WRONG}, 422)
    assert nomi.account.state is AccountState.LOCKED
    before = client.get_cookie("known-browser", domain="127.0.0.1")
    client.get(CONFIRM)
    client.submit(CONFIRM, {"password": PASSWORD})
    assert (nomi.account.state, nomi.account.failures) == (AccountState.ACTIVE, 0)
    assert nomi.account.internal_message == "signed-in-while-locked"
    assert events(nomi)[-2:] == ["account:sign-in:succeeded-while-locked", "account:session:confirmed"]
    after = client.get_cookie("known-browser", domain="127.0.0.1")
    assert before is not None
    assert after is not None
    assert after.value != before.value, "the browser is known by a new token"


def test_a_right_one_completes_an_unlock_and_clears_the_counter(organisation: Organisation, as_person: Any):
    nomi = person(organisation, "Nomi Contact", state=AccountState.UNLOCK_PENDING, account={"failures": 1})
    browser = as_person(nomi)
    browser.get(CONFIRM)
    browser.submit(CONFIRM, {"password": PASSWORD})
    account = nomi.account
    assert (account.state, account.failures, account.failures_since_success, account.unlock_expires_at) == (
        AccountState.ACTIVE, 0, 0, None,
    )  # fmt: skip
    assert account.sign_ins == 0, "it is no sign-in"


def test_the_session_goes_on_under_a_new_token_and_the_old_one_is_dead_at_once(
    browser: CheckingClient, client: CheckingClient
):
    with browser.session_transaction(base_url=ORIGIN) as cookie:
        copied = dict(cookie)
    answer = send(browser)
    browser.follow(answer)
    number = row().id
    browser.submit(CONFIRM, {"password": PASSWORD})
    assert row().id == number
    browser.get("/account")
    with client.session_transaction(base_url=ORIGIN) as cookie:
        cookie.update(copied)
    assert client.get("/account", 303).location.startswith("/sign-in")


def test_forms_that_are_open_in_other_tabs_still_count_afterwards(browser: CheckingClient, nomi: Person):
    other_tab = browser.get(PAGE).page.form(PAGE).values["csrf_token"][0]
    confirm(browser, send(browser))
    browser.post(PAGE, {**TYPED, "csrf_token": other_tab})
    assert nomi.job_title == "Matron <b> one three"


def test_whoever_shares_a_stolen_session_slips_no_form_of_their_own_in_between(browser: CheckingClient, nomi: Person):
    """The thief sends a form after the owner did; the owner's password lets neither of the two go on by itself."""
    answer = send(browser)
    browser.post(PAGE, {"job_title": "the thief's"})
    done = confirm(browser, answer)
    page = browser.follow(done).page
    assert "please type it once more" in page.words
    assert "data-go-on" not in page.form(PAGE).element.attrib
    assert row().held_form is None


def test_nothing_goes_on_before_the_password_was_given(browser: CheckingClient):
    send(browser)
    assert "data-go-on" not in browser.get(PAGE).page.form(PAGE).element.attrib


def test_what_was_held_for_more_than_ten_minutes_is_typed_once_more(browser: CheckingClient, clock: Any):
    answer = send(browser)
    confirm(browser, answer)
    clock.shift(timedelta(minutes=10))
    assert "data-go-on" in browser.get(PAGE).page.form(PAGE).element.attrib
    clock.shift(timedelta(seconds=1))
    assert "data-go-on" not in browser.get(PAGE).page.form(PAGE).element.attrib


@pytest.mark.parametrize(
    "typed", [{"job_title": "x" * 16_000}, {"job_title": "x", "a_Password": "canary"}], ids=["long", "password"]
)
def test_a_form_that_is_long_or_has_a_password_is_not_held_and_that_is_said(
    browser: CheckingClient, typed: dict[str, str]
):
    browser.get(PAGE)
    answer = browser.post(PAGE, typed)
    assert row().held_form is None
    done = confirm(browser, answer)
    assert "what you typed was not kept: please type it once more" in browser.follow(done).page.words
    assert row().held_form is None


def test_an_ended_session_holds_nothing(browser: CheckingClient):
    send(browser)
    browser.post("/sign-out")
    assert row().held_form is None


def test_an_empty_box_is_no_guess(browser: CheckingClient, nomi: Person):
    page = confirm(browser, send(browser), "", 422).page
    assert "Enter your password" in page.words
    assert nomi.account.failures_total == 0


def test_without_its_token_nothing_is_confirmed_and_no_more_is_read_than_a_password_needs(browser: CheckingClient):
    browser.get(CONFIRM)
    browser.post(CONFIRM, {"password": PASSWORD}, 403, csrf=False)
    assert row().confirmed_at is None
    assert browser.ask("POST", CONFIRM, {"password": "😀" * 128}).status_code == 422
    assert browser.ask("POST", CONFIRM, {"password": "x" * 6144}).status_code == 413


def test_a_password_that_was_right_while_the_session_was_ended_renews_nothing(
    browser: CheckingClient, nomi: Person, monkeypatch: pytest.MonkeyPatch
):
    from portal.services import passwords, sessions

    browser.get(CONFIRM)
    original = passwords.matches

    def meanwhile(stored: str | None, text: str) -> bool:
        with write():
            sessions.end_all(nomi.account)
        return original(stored, text)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    browser.submit(CONFIRM, {"password": PASSWORD}, 422)
    assert (row().confirmed_at, events(nomi)) == (None, [])
    browser.get("/account", 303)
