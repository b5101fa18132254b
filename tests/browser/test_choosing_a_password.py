"""Choosing a password in a browser: judged while it is typed, shown on demand, and three words that fill both boxes."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Person
from portal.services import first_administrator
from portal.transactions import write
from tests.browser import steps
from tests.browser.test_keyboard import tab_to

PAGE = "/enrol/central-administrator"
GOOD = "Good: long enough, and hard to guess"


@pytest.fixture
def link(demonstration: Any) -> Iterator[str]:
    """A link to choose a first password, as the command prints it."""
    with demonstration.portal.database() as app:
        number = db.session.scalar(select(func.count(Person.id)))
        with app.test_request_context(), write():
            token = first_administrator.issue(f"further{number}@centre.example", another=True).token
    return f"/enrol/{token}"


def boxes(page: Any) -> list[str]:
    return [page.locator(f"#{name}").input_value() for name in ("password", "password_again")]


def verdict(page: Any, says: str) -> None:
    """Waits until it says so."""
    page.locator("#password-verdict").filter(has_text=says).wait_for()


def test_what_is_typed_is_judged_while_it_is_typed(page: Any, link: str, axe: Callable[[Any], None]) -> None:
    page.goto(link)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/check") else None)
    steps.never_leaves(page)
    page.locator("#password").press_sequentially("vivid")
    verdict(page, "7 more characters")
    page.locator("#password_again").fill("something else")
    page.locator("#password").fill("password1234")
    verdict(page, "This password is easy to guess")
    axe(page)
    page.locator("#password").fill("AdministratorCentral")
    verdict(page, "little more than your own name")
    page.locator("#password").fill("vivid otter kettle")
    verdict(page, GOOD)
    axe(page)
    page.locator("#password").fill("")
    page.locator("#password-verdict:empty").wait_for(state="attached")
    assert steps.is_the_same_document(page)
    assert page.evaluate("document.activeElement.id") == "password"
    assert len(sent) == 5, "one call a pause"
    for request in sent:
        assert (request.method, "?" in request.url) == ("POST", False)
        assert set(parse_qs(request.post_data or "", keep_blank_values=True)) == {"password"}
        assert request.headers["x-csrftoken"]


def test_a_verdict_that_does_not_come_disturbs_nobody(page: Any, link: str) -> None:
    page.goto(link)
    page.locator("#password").fill("vivid otter kettle")
    verdict(page, GOOD)
    page.watch.expect_status(429)
    page.route("**/check", lambda route: route.fulfill(status=429, body="<p>Too many</p>", content_type="text/html"))
    page.locator("#password").fill("vivid otter kettles")
    page.locator("#password-verdict:empty").wait_for(state="attached")
    assert page.evaluate("document.activeElement.id") == "password"
    assert page.locator("#page-notice").inner_text() == ""
    steps.choose_password(page, "vivid otter kettles", "Set password and continue")
    page.wait_for_url("**/organisations")


def test_three_words_fill_both_boxes_and_the_form_then_succeeds(
    page: Any, link: str, axe: Callable[[Any], None]
) -> None:
    page.goto(link)
    steps.never_leaves(page)
    page.get_by_role("button", name="Suggest three words").click()
    shown = page.locator(".app-password-words__words")
    shown.wait_for()
    words = shown.inner_text()
    assert re.fullmatch(r"[a-z]+ [a-z]+ [a-z]+", words)
    assert boxes(page) == [words, words]
    verdict(page, GOOD)
    assert page.locator("#password").get_attribute("type") == "password", "they are shown once, below"
    assert page.locator("#password-words").get_attribute("aria-live") == "polite"
    axe(page)
    page.get_by_role("button", name="Suggest three words").click()
    page.locator(".app-password-words__words").filter(has_not_text=words).wait_for()
    again = shown.inner_text()
    assert boxes(page) == [again, again] != [words, words]
    page.locator("#password").press("End")
    page.locator("#password").press_sequentially("s")
    shown.wait_for(state="detached")
    page.get_by_role("button", name="Suggest three words").click()
    shown.wait_for()
    assert steps.is_the_same_document(page)
    page.get_by_role("button", name="Set password and continue").click()
    page.wait_for_url("**/organisations")


def test_each_box_is_shown_on_demand_takes_what_is_pasted_and_hides_before_it_is_sent(page: Any, link: str) -> None:
    page.goto(link)
    for name in ("password", "password_again"):
        box = page.locator(f"#{name}")
        toggle = page.locator(f'button[aria-controls="{name}"]')
        assert (box.get_attribute("autocomplete"), box.get_attribute("type")) == ("new-password", "password")
        toggle.click()
        assert (box.get_attribute("type"), toggle.inner_text()) == ("text", "Hide")
        assert box.get_attribute("autocomplete") == "new-password"
        box.focus()
        pasted = """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          return document.activeElement.dispatchEvent(event);
        }"""
        assert page.evaluate(pasted, "vivid otter kettle"), "nothing stands in the way of pasting"
        page.keyboard.insert_text("vivid otter kettle")
        assert box.input_value() == "vivid otter kettle"
    # The first time it is kept from leaving, to see what a browser would remember of it.
    page.locator("#password").evaluate(
        """box => box.form.addEventListener("submit", event => event.preventDefault(), {once: true})"""
    )
    send = page.get_by_role("button", name="Set password and continue")
    send.click()
    assert [page.locator(f"#{name}").get_attribute("type") for name in ("password", "password_again")] == [
        "password",
        "password",
    ]
    page.wait_for_timeout(1100)  # a second click within a second is taken for a double click
    send.click()
    page.wait_for_url("**/organisations")


def test_it_takes_no_mouse(page: Any, link: str) -> None:
    page.goto(link)
    tab_to(page, "New password")
    page.keyboard.type("half a wo")
    tab_to(page, "Show")
    page.keyboard.press("Enter")
    assert page.locator("#password").get_attribute("type") == "text"
    tab_to(page, "Suggest three words")
    page.keyboard.press("Enter")
    page.locator(".app-password-words__words").wait_for()
    assert page.evaluate("document.activeElement.name") == "suggest", "the focus stays where it was"
    words = page.locator(".app-password-words__words").inner_text()
    assert boxes(page) == [words, words]
    page.locator("#password_again").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/organisations")


def test_without_scripts_the_button_answers_a_page_with_the_words_in_both_boxes(
    open_browser: Callable[..., Any], link: str
) -> None:
    page = open_browser(javascript=False)
    page.goto(link)
    assert page.locator('button[aria-controls="password"]').is_hidden()
    page.get_by_role("button", name="Suggest three words").click()
    words = page.locator(".app-password-words__words").inner_text()
    assert boxes(page) == [words, words]
    assert page.locator("#password").get_attribute("type") == "text"
    page.locator("#password_again").press("Enter")
    page.wait_for_url("**/organisations")


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_page_is_sound_with_everything_on_it(
    open_browser: Callable[..., Any], link: str, width: int, axe: Callable[[Any], None], nu: Callable[[str], list[str]]
) -> None:
    page = open_browser(width=width)
    page.goto(link)
    assert nu(page.content().replace(' style=""', "")) == []
    page.get_by_role("button", name="Suggest three words").click()
    page.locator(".app-password-words__words").wait_for()
    page.locator("#password").fill("password1234")
    verdict(page, "easy to guess")
    axe(page)
    assert not steps.scrolls_sideways(page)


def test_a_link_that_is_over_says_so_in_a_sound_page(page: Any, axe: Callable[[Any], None]) -> None:
    page.watch.expect_status(410)
    page.goto("/enrol/no-such-link")
    page.get_by_role("heading", name="This link cannot be used").wait_for()
    axe(page)


def test_the_other_pages_have_it_too(
    page: Any, sign_in: Callable[[Any, str], None], axe: Callable[[Any], None]
) -> None:
    sign_in(page, "employee")
    page.goto("/account/password")
    page.locator("#password").fill("vivid otter")
    verdict(page, "1 more character")
    page.get_by_role("button", name="Suggest three words").click()
    page.locator(".app-password-words__words").wait_for()
    assert page.locator("#current_password").input_value() == ""
    verdict(page, GOOD)
    axe(page)
