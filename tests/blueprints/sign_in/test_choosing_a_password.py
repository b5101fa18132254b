"""Choosing a password, on each page where that is done: what is said while typing, and words that are drawn."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person
from portal.services import accounts, first_administrator
from portal.transactions import write
from tests.factories import PASSWORD, TEMPORARY_PASSWORD, person
from tests.house_rules.test_get_changes_nothing import link_mailed_to
from tests.support.client import CheckingClient
from tests.support.everybody import rows_of_all_tables
from tests.support.html import Page, text_of

GOOD = "vivid otter kettle"
EASY = "This password is easy to guess. Three words that have nothing to do with you are better"
OWN = "This password is little more than your own name, address or organisation"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@dataclass
class Place:
    """A page on which a password is chosen, open in a browser, by ``person``, whose surname is ``own_word``."""

    browser: CheckingClient
    path: str
    person: Person
    own_word: str
    more: dict[str, str] = field(default_factory=dict)

    def check(self, typed: str, expect: int = 200) -> Page:
        """What is said of it while it is typed."""
        return self.browser.post(f"{self.path}/check", {"password": typed}, expect, htmx=True).page

    def verdict(self, typed: str) -> str:
        return self.check(typed).text_at("password-verdict")

    def choose(self, password: str, again: str | None = None, expect: int = 303) -> Any:
        fields = {"password": password, "password_again": again or password}
        return self.browser.submit(self.path, {**fields, **self.more}, expect)


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Thistlewick", state=AccountState.REGISTRATION_PENDING)


@pytest.fixture(params=["temporary password", "mailed link", "link of the command line", "My account"])
def place(
    request: pytest.FixtureRequest, app: Flask, client: CheckingClient, nomi: Person, as_person: Callable[..., Any]
) -> Place:
    if request.param == "temporary password":
        found = Place(as_person(nomi, kind="enrolment"), "/enrol", nomi, "Thistlewick")
    elif request.param == "mailed link":
        app.config["FIRST_PASSWORD_BY_EMAIL"] = True
        found = Place(client, "/recover/new-password", nomi, "Thistlewick")
        client.get(link_mailed_to(nomi), 303)
    elif request.param == "My account":
        erin = request.getfixturevalue("employee")
        current = {"current_password": PASSWORD}
        found = Place(as_person(erin), "/account/password", erin, "ErinEmployee", current)
    else:
        with write():
            token = first_administrator.issue("quillfeather@centre.example").token
        first = db.session.scalars(select(Person).where(Person.last_name == "Administrator")).one()
        found = Place(client, "/enrol/central-administrator", first, "Quillfeather")
        client.get(f"/enrol/{token}", 303)
    found.browser.get(found.path)
    return found


def test_the_rules_are_said_before_they_are_broken_and_nothing_is_said_of_nothing(place: Place):
    page = place.browser.get(place.path).page
    assert "Use 12 characters or more." in page.words
    assert page.text_at("password-verdict") == page.text_at("password-words") == ""
    boxes = [page.by_id(name) for name in ("password", "password_again")]
    assert [box.get("autocomplete") for box in boxes] == ["new-password", "new-password"]
    assert "password-verdict" in boxes[0].get("aria-describedby", "").split()
    assert page.by_id("password-verdict").get("aria-live") == "polite"
    assert page.by_id("username").get("autocomplete") == "username"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", ""),
        ("v", "11 more characters"),
        ("vivid otter", "1 more character"),
        ("🦊🐙🌵🎈🚲🧀🔭🪁🍄🎻🧭", "1 more character"),
        (GOOD, "Good: long enough, and hard to guess"),
        ("password1234", EASY),
        ("aaaaaaaaaaaaaaa", EASY),
        ("x" * 129, "The password may have 128 characters at most"),
    ],
)
def test_while_typing_it_says_what_is_missing(place: Place, typed: str, says: str):
    assert place.verdict(typed) == says


def test_it_knows_the_persons_own_words_by_the_pages_own_credential(place: Place):
    assert OWN in place.verdict(place.own_word * 2)
    assert OWN in place.verdict("Gatehouse Portal 1")
    assert EASY not in place.verdict("Quillfeather and Thistlewick at the harbour")


def test_the_temporary_password_is_none_to_choose(client: CheckingClient, nomi: Person, as_person: Callable[..., Any]):
    browser = as_person(nomi, kind="enrolment")
    browser.get("/enrol")
    assert "not the temporary one" in Place(browser, "/enrol", nomi, "").verdict(TEMPORARY_PASSWORD)


def test_what_is_said_while_typing_is_what_is_said_when_it_is_sent(place: Place):
    for typed in ("password1234", place.own_word * 2, "x" * 129):
        said = place.verdict(typed)
        assert said in place.choose(typed, expect=422).page.words


def test_the_verdict_is_one_element_of_the_page_and_the_page_answers_without_htmx(place: Place):
    fragment = place.check("password1234")
    page = place.browser.post(f"{place.path}/check", {"password": "password1234"}, 200)
    assert page.page.text_at("password-verdict") == EASY
    place.browser.assert_part_of(page.page, fragment)
    assert page.headers["Cache-Control"] == "no-store"
    assert "HX-Request" in page.vary
    assert "password1234" not in page.text


def test_it_is_a_post_with_a_token_and_nothing_else(place: Place):
    path = f"{place.path}/check"
    assert place.browser.open(path, method="GET").status_code in (303, 405)
    place.browser.post(path, {"password": GOOD}, 403, csrf=False)
    place.browser.post(path, {"password": GOOD}, 403, csrf=False, htmx=True)


def test_what_is_typed_and_drawn_is_neither_stored_nor_logged(place: Place, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    before = rows_of_all_tables()
    canary = "canary-Übermut-under-the-harbour"
    place.check(canary)
    place.browser.post(f"{place.path}/check", {"password": canary}, 200)
    words = place.browser.post(place.path, {"suggest": "yes", "password": canary}, htmx=True).page
    drawn = str(words.by_id("password-words").get("data-words"))
    assert rows_of_all_tables() == before, "nothing at all was written, to the audit trail neither"
    written = caplog.text + str([record.__dict__ for record in caplog.records])
    assert canary not in written
    assert drawn not in written


def test_a_button_draws_three_words_and_fills_both_boxes(place: Place):
    answer = place.browser.submit(place.path, {"password": "half typ", "suggest": "yes"}, 200)
    page = answer.page
    boxes = [page.by_id(name) for name in ("password", "password_again")]
    words = page.text_at("password-words").rpartition("go on. ")[2]
    assert len(words.split()) == 3
    assert {(box.get("type"), box.get("value"), box.get("autocomplete")) for box in boxes} == {
        ("text", words, "new-password")
    }
    assert "half typ" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert not page.title.startswith("Error")
    place.browser.submit(place.path, place.more)


def test_htmx_gets_the_words_alone(place: Place):
    answer = place.browser.post(place.path, {"suggest": "yes"}, htmx=True)
    words = answer.page.by_id("password-words")
    assert [node.get("id") for node in answer.page.tree] == ["password-words"]
    assert str(words.get("data-words")) in text_of(words)
    assert place.verdict(str(words.get("data-words"))).startswith("Good")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_enter_key_sets_the_password_and_draws_no_words(place: Place):
    """A browser presses the first button of the form."""
    page = place.browser.get(place.path).page
    buttons = [node for node in page.form(place.path).element.iter("button") if node.get("type") == "submit"]
    assert [node.get("name") for node in buttons] == [None, "suggest"]


def test_where_longer_passwords_are_asked_for_more_words_are_drawn(app: Flask, place: Place):
    app.config["PASSWORD_MIN_LENGTH"] = 40
    page = place.browser.get(place.path).page
    (button,) = page.all("button", name="suggest")
    assert text_of(button) == "Suggest words"
    words = place.browser.post(place.path, {"suggest": "yes"}, htmx=True).page.by_id("password-words")
    assert len(str(words.get("data-words"))) >= 40


def test_when_the_way_in_is_gone_meanwhile_htmx_is_sent_where_that_is_said(place: Place):
    with write():
        accounts.re_enrol(place.person.account, None)
    by_link = place.path.split("/")[-1] in ("new-password", "central-administrator")
    answer = place.browser.post(place.path, {"password": GOOD, "suggest": "yes"}, 401, htmx=True)
    assert answer.headers["HX-Redirect"].partition("?")[0] == (place.path if by_link else "/sign-in")
    assert answer.text == ""
    # Whose session is over is not thrown out between two letters.
    while_typing = place.browser.post(f"{place.path}/check", {"password": GOOD}, 401, htmx=True)
    assert while_typing.text == ""
    assert ("HX-Redirect" in while_typing.headers) is by_link
