"""/account/sessions: where one is signed in; each browser, or every other one, is signed out at once."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person, Session
from portal.services import known_browsers, sessions
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.html import Page, text_of
from tests.support.trail import entries, events

PAGE, OTHERS = "/account/sessions", "/account/sessions/others"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1 Version/18.5 Mobile Safari/604.1"


@pytest.fixture
def nomi(clock: Any, organisation: Organisation) -> Person:
    return person(organisation, "Nomi Contact")


def start(app: Flask, somebody: Person, user_agent: str = PHONE, address: str = "203.0.113.9") -> str:
    """A session of another browser; answers its token."""
    request = app.test_request_context(headers={"User-Agent": user_agent}, environ_base={"REMOTE_ADDR": address})
    with request, write():
        return sessions.start(somebody.account, "full")


def number_of(token: str) -> int:
    db.session.rollback()
    return db.session.scalars(select(Session.id).where(Session.token_hash == sessions.token_hash(token))).one()


def rows(page: Page) -> list[list[str]]:
    """The list's cells; the labels of a phone's list, which nobody else sees, are left out."""
    found = []
    for line in page.one("tbody").iter("tr"):
        cells = [cell for cell in line if cell.tag in ("th", "td")]
        labels = [text_of(next(span for span in cell.iter("span") if span.get("aria-hidden"))) for cell in cells]
        found.append([text_of(cell).removeprefix(label).strip() for cell, label in zip(cells, labels, strict=True)])
    return found


def test_each_browser_is_listed_in_words_the_last_used_first(app: Flask, nomi: Person, as_person: Any, clock: Any):
    start(app, nomi)
    start(app, nomi, "curl/8.5 <b>")
    clock.shift(timedelta(minutes=5))
    page = as_person(nomi).get(PAGE).page
    assert rows(page) == [
        ["Unknown browser", "127.0.0.1", "16/11/2026 09:05", "16/11/2026 09:05", "This browser"],
        ["Unknown browser", "203.0.113.9", "16/11/2026 09:00", "16/11/2026 09:00", "Sign out Unknown browser"],
        ["Safari on iPhone", "203.0.113.9", "16/11/2026 09:00", "16/11/2026 09:00", "Sign out Safari on iPhone"],
    ]
    assert "3 browsers" in page.words
    assert page.link("Where you are signed in") == PAGE


def test_this_browser_comes_first_whichever_was_used_last(app: Flask, nomi: Person, as_person: Any, clock: Any):
    browser = as_person(nomi)
    browser.get(PAGE)
    clock.shift(timedelta(minutes=5))
    start(app, nomi, address="2001:db8::17")
    page = browser.get(PAGE).page
    assert [line[-1] for line in rows(page)] == ["This browser", "Sign out Safari on iPhone"]
    assert "2001:db8::17" in page.words


def test_with_two_zones_the_list_says_where_each_is(app: Flask, nomi: Person, as_person: Any):
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
    start(app, nomi, address="10.1.2.3")
    assert [line[2] for line in rows(as_person(nomi).get(PAGE).page)] == ["Internet", "Your organisation's network"]


def test_what_is_over_is_not_listed(app: Flask, nomi: Person, as_person: Any, clock: Any, employee: Person):
    start(app, nomi)
    start(app, employee)
    clock.shift(timedelta(minutes=30))
    browser = as_person(nomi)
    assert len(rows(browser.get(PAGE).page)) == 1
    assert "in 1 browser" in browser.get("/account").page.words


def test_neither_the_list_nor_its_forms_hold_a_token(app: Flask, nomi: Person, as_person: Any):
    token, browser = start(app, nomi), as_person(nomi)
    answer = browser.get(PAGE)
    with browser.session_transaction(base_url=ORIGIN) as cookie:
        own = cookie["_user_id"]
    for secret in (token, own):
        assert secret not in answer.text
        assert sessions.token_hash(secret).hex() not in answer.text


def test_a_browser_that_is_signed_out_is_out_at_its_next_request(as_person: Any, nomi: Person, client: CheckingClient):
    browser, other = as_person(nomi), as_person(nomi)
    other.get("/account")
    page = browser.get(PAGE).page
    (form,) = [form for form in page.forms if "session" in form.values]
    answer = browser.post(PAGE, form.values)
    assert answer.location == PAGE
    assert "The browser has been signed out." in browser.follow(answer).page.words
    assert other.get("/account", 303).location == "/sign-in?next=/account"
    assert other.get("/account", 401, htmx=True).headers["HX-Redirect"].startswith("/sign-in")
    browser.get("/account")
    (entry,) = entries(nomi)
    assert (entry.event, entry.actor_account_id) == ("account:session:ended", nomi.account.id)
    browser.post(PAGE, form.values)
    assert events(nomi) == ["account:session:ended"], "twice is once"


def test_nobody_elses_session_can_be_named(app: Flask, as_person: Any, nomi: Person, employee: Person):
    browser, theirs = as_person(nomi), as_person(employee)
    token = start(app, employee)
    for named in (str(number_of(token)), token, "0", "-1", "99999999999999999999", "x", ""):
        browser.post(PAGE, {"session": named}, 404)
    theirs.get("/account")
    assert sessions.load(token) is not None
    assert events() == []


def test_everywhere_else_means_every_other_session_and_every_other_known_browser(
    app: Flask, client: CheckingClient, as_person: Any, employee: Person, local_admin_client: CheckingClient
):
    client.get("/sign-in")
    client.submit("/sign-in", {"username": employee.account.username, "password": PASSWORD})
    with write():
        (elsewhere,) = known_browsers.remember(employee.account, [])
    others = [as_person(employee), as_person(employee)]
    client.get(PAGE)
    answer = client.submit(OTHERS)
    assert "Every other browser has been signed out." in client.follow(answer).page.words
    for other in others:
        other.get("/account", 303)
    local_admin_client.get("/account")
    shown = client.get_cookie("known-browser", domain="127.0.0.1")
    assert shown is not None
    assert known_browsers.of(employee.account, [shown.value]) is not None
    assert known_browsers.of(employee.account, [elsewhere]) is None
    assert len(db.session.scalars(select(KnownBrowser)).all()) == 2
    entry = entries(employee)[-1]
    assert (entry.event, entry.details, entry.actor_account_id) == (
        "account:session:all-ended", {"sessions": 2}, employee.account.id,
    )  # fmt: skip


def test_sessions_that_had_run_out_are_not_counted(app: Flask, nomi: Person, as_person: Any, clock: Any):
    start(app, nomi)
    clock.shift(timedelta(minutes=30))
    browser = as_person(nomi)
    browser.get(PAGE)
    browser.submit(OTHERS)
    assert entries(nomi)[-1].details == {"sessions": 0}


def test_of_very_many_the_last_used_are_shown_and_all_are_counted(app: Flask, nomi: Person, as_person: Any):
    for _ in range(50):
        start(app, nomi)
    page = as_person(nomi).get(PAGE).page
    assert len(rows(page)) == 50
    assert "51 browsers The 50 that were used last are shown." in page.words


@pytest.mark.parametrize("url", [PAGE, OTHERS])
def test_without_their_token_no_form_signs_anybody_out(as_person: Any, nomi: Person, url: str):
    browser = as_person(nomi)
    browser.post(url, {"session": "1"}, 403, csrf=False)
    browser.get("/account")
    assert events(nomi) == []
