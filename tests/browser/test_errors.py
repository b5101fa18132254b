"""Error pages and forms with mistakes: each says what to do next, and is as sound as any other page."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps

Sound = Callable[..., None]


@pytest.fixture
def sound(axe: Callable[[Any], None], nu: Callable[[str], list[str]]) -> Sound:
    """``sound(page, answer)``: axe and the Nu HTML checker find nothing, and nothing scrolls sideways.

    Axe waits for ever in a page that runs no scripts: ``scripts=False`` leaves it out.
    """

    def check(page: Any, answer: Any, scripts: bool = True) -> None:
        assert nu(answer.text()) == []
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert not steps.scrolls_sideways(page), f"{page.url} at {width} pixels"
            if scripts:
                axe(page)

    return check


@pytest.mark.parametrize(
    ("url", "role", "status", "heading"),
    [
        (steps.CONTACTS, "employee", 403, "You cannot open this page"),
        ("/organisations/HUH/contacts", "local_administrator", 404, "Page not found"),
        ("/sign-out", None, 405, None),
        ("/recover/new-password", None, 410, "This link can no longer be used"),
    ],
)
def test_an_error_page_says_what_to_do_next(
    url: str,
    role: str | None,
    status: int,
    heading: str | None,
    page: Any,
    sign_in: Callable[[Any, str], None],
    sound: Sound,
) -> None:
    page.watch.expect_status(status)
    if role:
        sign_in(page, role)
    answer = page.goto(url)
    assert answer.status == status
    assert heading is None or page.locator("h1").inner_text() == heading
    assert page.locator("main a").count() >= 1
    sound(page, answer)


def test_a_sign_in_that_fails_says_how_to_get_back_in(page: Any, sound: Sound) -> None:
    page.watch.expect_status(422)
    page.goto("/sign-in")
    with page.expect_navigation() as navigation:
        steps.fill_sign_in(page, "nobody.at.all", "a wrong password")
    assert page.evaluate("document.activeElement.className") == "nhsuk-error-summary"
    assert page.locator("#username").input_value() == "nobody.at.all"
    assert page.locator("#password").input_value() == ""
    sound(page, navigation.value)


@pytest.mark.parametrize("url", ["/sign-in", "/recover", "/recover?need=username"])
def test_an_empty_form_names_its_mistakes(url: str, page: Any, sound: Sound) -> None:
    page.watch.expect_status(422)
    page.goto(url)
    with page.expect_navigation() as navigation:
        page.locator("main form").first.locator("button[type=submit], button:not([type])").last.click()
    assert navigation.value.status == 422
    assert page.title().startswith("Error: ")
    page.locator(".nhsuk-error-summary a").first.click()
    assert page.evaluate("document.activeElement.localName") == "input"
    sound(page, navigation.value)


def test_without_javascript_a_refused_move_and_a_form_with_mistakes_are_whole_pages(
    open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None], sound: Sound
) -> None:
    page, other = open_browser(javascript=False), open_browser(javascript=False)
    page.watch.expect_status(409, 422)
    sign_in(page, "local_administrator")
    sign_in(other, "local_administrator")
    steps.make_contact(page, "Late", "Twicepressed", "twicepressed@coe.example")
    other.goto(page.url)
    steps.press(other, "Register", becomes="registration-pending")
    with page.expect_navigation() as navigation:
        page.locator("#self-service-details").get_by_role("button", name="Register").click()
    assert navigation.value.status == 409
    assert "Register is not possible now" in page.locator("#self-service-refusal").inner_text()
    assert in_view(page, "#self-service-refusal")
    sound(page, navigation.value, scripts=False)
    page.goto(f"{steps.CONTACTS}/new")
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name="Save", exact=True).click()
    assert navigation.value.status == 422
    assert "Enter" in page.locator(".nhsuk-error-summary").inner_text()
    assert in_view(page, ".nhsuk-error-summary")
    sound(page, navigation.value, scripts=False)


def in_view(page: Any, selector: str) -> bool:
    """Whether somebody who does not scroll sees it begin."""
    page.wait_for_timeout(200)
    place = page.locator(selector).bounding_box()
    return place is not None and 0 <= place["y"] <= page.viewport_size["height"]


def test_the_mailbox_shows_a_letter(page: Any, sound: Sound) -> None:
    page.goto("/demonstration/mail")
    page.locator(".app-mailbox__message").first.get_by_role("link").click()
    assert page.locator(".app-mailbox__text").first.inner_text().strip()
    sound(page, page.reload())
