"""My account in a browser: the pages and the way between them, another password, Back after signing out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import steps
from tests.browser.conftest import WITH_WINDOWS
from tests.browser.test_keyboard import tab_to

PAGES = ("Overview", "Password", "Where you are signed in")


@pytest.fixture
def newcomer(open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None]) -> Callable[[str], str]:
    """``newcomer("Nadia")`` is the username of somebody new who has the steps' own password."""

    def made(first: str) -> str:
        administrator, owner = open_browser(), open_browser()
        sign_in(administrator, "local_administrator")
        address = f"{first.lower()}@coe.example"
        steps.make_contact(administrator, first, "Newcomer", address)
        steps.press(administrator, "Register", becomes="registration-pending")
        letter = steps.open_letter(owner, address, "temporary password")
        username = steps.line_after(letter, "username is")
        steps.fill_sign_in(owner, username, steps.line_after(letter, "temporary password is"))
        owner.wait_for_url("**/enrol")
        steps.choose_password(owner, steps.OWN_PASSWORD, "Set password and continue")
        owner.get_by_role("heading", name="My account").wait_for()
        return username

    return made


def change_password(page: Any, current: str, new: str) -> None:
    page.goto("/account/password")
    page.get_by_label("Current password").fill(current)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.get_by_role("button", name="Change password").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_password_is_changed_and_every_other_browser_is_out(
    open_browser: Callable[..., Any], newcomer: Callable[[str], str], javascript: bool
) -> None:
    username = newcomer("Nadia" if javascript else "Nils")
    here, elsewhere = open_browser(javascript=javascript), open_browser()
    for page in (here, elsewhere):
        steps.fill_sign_in(page, username, steps.OWN_PASSWORD)
        page.get_by_role("heading", name="My account").wait_for()
    here.watch.expect_status(422)
    change_password(here, "not the password", steps.ANOTHER_PASSWORD)
    here.get_by_role("link", name="The current password is not right").wait_for()
    assert here.evaluate("document.activeElement.className").startswith("nhsuk-error-summary")
    change_password(here, steps.OWN_PASSWORD, steps.ANOTHER_PASSWORD)
    here.get_by_text("Your password has been changed. Every other browser").wait_for()
    elsewhere.goto("/account/sessions")
    elsewhere.get_by_text("You have been signed out").wait_for()
    steps.fill_sign_in(elsewhere, username, steps.ANOTHER_PASSWORD)
    elsewhere.get_by_role("heading", name="My account").wait_for()


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_one_browser_signs_another_out(
    open_browser: Callable[..., Any], newcomer: Callable[[str], str], javascript: bool
) -> None:
    username = newcomer("Sanna" if javascript else "Soren")
    here, elsewhere = open_browser(javascript=javascript), open_browser(width=390)
    for page in (elsewhere, here):
        steps.fill_sign_in(page, username, steps.OWN_PASSWORD)
        page.get_by_role("heading", name="My account").wait_for()
    here.get_by_role("link", name="See which browsers you are signed in with").click()
    rows = here.locator("tbody tr")
    assert rows.count() == 3, "the browser of the enrolment too"
    assert rows.first.get_by_text("This browser").is_visible()
    rows.nth(1).get_by_role("button", name="Sign out Chrome on Linux").click()
    here.get_by_text("The browser has been signed out.").wait_for()
    assert rows.count() == 2
    elsewhere.goto("/account")
    elsewhere.get_by_text("You have been signed out").wait_for()
    here.get_by_role("button", name="Sign out everywhere else").click()
    here.get_by_text("Every other browser has been signed out.").wait_for()
    assert rows.count() == 1


def test_the_pages_are_reached_with_the_keyboard(page: Any, sign_in: Callable[[Any, str], None]) -> None:
    sign_in(page, "employee")
    for name in (*PAGES[1:], PAGES[0], PAGES[1]):
        tab_to(page, name)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.locator(f'.app-side-navigation [aria-current="page"]:text-is("{name}")').wait_for()
    assert tab_to(page, "Current password")["id"] == "current_password"


@pytest.mark.parametrize("width", [1280, 390])
def test_mistakes_are_sound_on_a_wide_and_on_a_narrow_screen(
    open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None], axe: Callable[[Any], None], width: int
) -> None:
    page = open_browser(width=width)
    sign_in(page, "employee")
    page.watch.expect_status(422)
    page.goto("/account/password")
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("There is a problem").wait_for()
    axe(page)
    assert not steps.scrolls_sideways(page)
    page.goto("/account/confirm?next=/account/password")
    assert page.evaluate("document.activeElement.id") == "password"
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("There is a problem").wait_for()
    axe(page)
    assert not steps.scrolls_sideways(page)


@pytest.fixture
def keeping_page(launch: Callable[..., Any], demonstration: Any) -> Iterator[Any]:
    """A page in a browser that keeps pages in memory for Back, which the tests' other browsers do not."""
    browser = launch(*WITH_WINDOWS, ignore_default_args=["--disable-back-forward-cache"])
    yield browser.new_context(base_url=demonstration.url).new_page()
    browser.close()


def test_back_after_signing_out_shows_nothing_private_in_this_tab_or_in_another(
    keeping_page: Any, sign_in: Callable[[Any, str], None]
) -> None:
    page = keeping_page
    sign_in(page, "employee")
    private = "Password Last Changed"
    page.goto("/account")
    page.get_by_text(private).wait_for()
    other = page.context.new_page()
    other.goto("/account")
    other.get_by_text(private).wait_for()
    other.goto("/find-administrator")
    page.get_by_role("button", name="Luis Ortega").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You have signed out.").wait_for()
    for tab in (page, other):
        tab.evaluate("history.back()")
        tab.wait_for_url("**/sign-in?next=/account")
        tab.get_by_role("heading", name="Sign in", exact=True).wait_for()
        assert private not in tab.content()
    other.close()


def test_a_page_that_the_browser_kept_is_asked_for_anew(page: Any, sign_in: Callable[[Any, str], None]) -> None:
    """As a browser does that keeps pages in memory whatever they say; this one is only told so."""
    sign_in(page, "employee")
    page.goto("/account")
    steps.never_leaves(page)
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: false }))")
    assert steps.is_the_same_document(page)
    with page.expect_navigation():
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert not steps.is_the_same_document(page)


def test_a_form_that_waited_for_the_password_goes_on_by_itself(page: Any, sign_in: Callable[[Any, str], None]) -> None:
    """The page of any change says so on its form; here a page of ours is given such a form on its way."""
    sign_in(page, "employee")

    def with_such_a_form(route: Any) -> None:
        answer = route.fetch()
        field = '<input type="hidden" name="q" value="go-on">'
        form = f'<form data-go-on method="get" action="/find-administrator">{field}</form>'
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{form}</main>"))

    page.route("**/account", with_such_a_form)
    page.goto("/account")
    page.wait_for_url("**/find-administrator?q=go-on")


def test_the_panel_says_what_became_of_a_mail_without_being_asked(
    page: Any, sign_in: Callable[[Any, str], None]
) -> None:
    """What is typed elsewhere stays, and so does the focus; once the mail is sent, nothing is asked any more."""
    sign_in(page, "local_administrator")
    steps.make_contact(page, "Wanda", "Watched", "wanda@coe.example")
    steps.press(page, "Register", becomes="registration-pending")
    steps.never_leaves(page)
    phone = page.locator("#mobile_phone")
    phone.fill("0160")
    phone.evaluate("element => element.setSelectionRange(2, 2)")
    page.locator('[data-name="last-email"]').get_by_text("sent").wait_for(timeout=20_000)
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == ["mobile_phone", 2]
    assert phone.input_value() == "0160"
    assert page.get_by_text("The contact has been registered.").is_visible()
    assert page.locator("#self-service-watch").count() == 0
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4000)
    assert [url for url in asked if "self-service" in url] == []
    assert steps.is_the_same_document(page)


def test_while_it_looks_a_button_of_the_panel_still_works_and_nothing_takes_the_focus(
    page: Any, sign_in: Callable[[Any, str], None]
) -> None:
    """The mail's answer never comes here: each look is answered with trouble, quietly, and a button goes first."""
    sign_in(page, "local_administrator")
    steps.make_contact(page, "Quinn", "Quiet", "quinn@coe.example")
    page.watch.expect_status(503)
    page.route("**/self-service?*", lambda route: route.fulfill(status=503, body="<p>busy</p>"))
    steps.press(page, "Register", becomes="registration-pending")
    page.locator("#job_title").focus()
    page.wait_for_timeout(3500)
    assert page.evaluate("document.activeElement.id") == "job_title"
    assert page.locator("#page-notice").inner_text().strip() == ""
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#self-service-details").get_by_role("button", name="Re-Enrol").click()
    page.get_by_text("The contact has been re-enrolled.").wait_for()
