"""The maintenance screen with JavaScript: panels are swapped in place, the address follows, back and forward work."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps
from tests.browser.steps import CONTACTS


@pytest.fixture
def screen(page: Any, sign_in: Callable[[Any, str], None]) -> Any:
    """The maintenance screen of the county office in front of its administrator."""
    sign_in(page, "local_administrator")
    steps.never_leaves(page)
    return page


def at(ess_id: str) -> re.Pattern[str]:
    """The address of the screen with this person chosen."""
    return re.compile(rf"{CONTACTS}/{ess_id}(#|$)")


def chosen(page: Any) -> str:
    return str(page.locator("#chosen-name").inner_text())


def test_choosing_a_row_swaps_the_panels_and_the_address_and_back_and_forward_follow(screen: Any) -> None:
    screen.get_by_role("link", name="Katie Contact").click()
    screen.wait_for_url(at("2973"))
    screen.locator("#self-service-details[data-account-state=locked]").wait_for()
    assert screen.locator("tr.app-row--chosen").get_attribute("data-ess-id") == "2973"
    screen.get_by_role("link", name="Bruno Contact").click()
    screen.wait_for_url(at("2971"))
    screen.locator("#self-service-details[data-account-state=active]").wait_for()
    assert steps.is_the_same_document(screen)
    assert screen.title().startswith("Bruno Contact - Organisation Contact Maintenance")
    assert screen.evaluate("document.activeElement.id") == "chosen-contact"
    screen.go_back()
    screen.locator("#self-service-details[data-account-state=locked]").wait_for()
    assert chosen(screen).startswith("Katie Contact")
    screen.go_back()
    screen.locator("#chosen-contact").wait_for(state="detached")
    assert screen.url.endswith(CONTACTS)
    screen.go_forward()
    screen.locator("#chosen-contact").wait_for()
    assert " ".join(chosen(screen).split()) == "Katie Contact , ESS ID 2973"


def test_the_list_is_searched_while_typing_and_the_box_keeps_the_focus(screen: Any) -> None:
    box = screen.get_by_label("Search by name, e-mail, username, number or phone")
    box.press_sequentially("okonk", delay=30)
    screen.get_by_text("Results 1 - 1 of 1").wait_for()
    assert screen.locator("#contact-list tbody tr").count() == 1
    screen.wait_for_url(re.compile(r"[?&]q=okonk"))
    assert screen.evaluate("document.activeElement.id") == "q"
    box.fill("nobody at all")
    screen.get_by_text("Nobody here matches “nobody at all”.").wait_for()
    box.fill("")
    screen.get_by_role("link", name="Katie Contact").wait_for()
    assert steps.is_the_same_document(screen)


def test_tabs_pages_and_sizes_swap_the_list_alone(screen: Any) -> None:
    screen.get_by_role("link", name="Katie Contact").click()
    screen.locator("#first_name").wait_for()
    screen.locator("#first_name").fill("Half a word")
    screen.get_by_role("link", name="All people").click()
    screen.get_by_text(re.compile("Page 1 of [3-9]")).wait_for()
    screen.get_by_role("link", name="Page 2").click()
    screen.get_by_text(re.compile("Page 2 of [3-9]")).wait_for()
    screen.get_by_role("link", name="100 rows a page").click()
    screen.get_by_text("Page 1 of 1").wait_for()
    assert screen.locator("#first_name").input_value() == "Half a word"
    assert steps.is_the_same_document(screen)


def test_new_and_save_and_cancel_stay_with_the_list_in_view(screen: Any) -> None:
    screen.get_by_role("link", name="Katie Contact").click()
    screen.locator("#first_name").wait_for()
    screen.get_by_role("link", name="All people").click()
    screen.get_by_text(re.compile("Page 1 of [3-9]")).wait_for()
    screen.get_by_role("link", name="Page 2").click()
    screen.get_by_text(re.compile("Page 2 of [3-9]")).wait_for()
    screen.get_by_label("Job Title").fill("Benefits Lead")
    screen.get_by_role("button", name="Save", exact=True).click()
    screen.get_by_text("The changes have been saved.").wait_for()
    screen.get_by_text(re.compile("Page 2 of [3-9]")).wait_for()
    assert screen.url.endswith("/2973?tab=people&page=2")
    screen.get_by_role("button", name="New", exact=True).or_(screen.get_by_role("link", name="New", exact=True)).click()
    screen.wait_for_url(re.compile(r"/new\?tab=people&page=2"))
    screen.get_by_role("heading", name="New contact").wait_for()
    assert screen.title().startswith("New contact - Organisation Contact Maintenance")
    screen.get_by_role("link", name="25 rows a page").click()
    screen.wait_for_url(re.compile(r"/new\?tab=people&size=25"))
    screen.get_by_role("link", name="Cancel").click()
    screen.wait_for_url(re.compile(r"/contacts\?tab=people&size=25"))


def test_a_form_with_mistakes_names_them_above_and_beside_the_fields(
    screen: Any, axe: Callable[[Any], None], nu: Callable[[str], list[str]]
) -> None:
    screen.watch.expect_status(422)
    screen.get_by_role("link", name="Katie Contact").click()
    screen.locator("#last_name").fill("")
    screen.locator("#primary_email").fill("no address")
    with screen.expect_response(lambda response: response.status == 422):
        screen.get_by_role("button", name="Save", exact=True).click()
    summary = screen.locator(".nhsuk-error-summary")
    summary.wait_for()
    assert screen.evaluate("document.activeElement.className").startswith("nhsuk-error-summary")
    assert screen.locator("#primary_email").input_value() == "no address"
    summary.get_by_role("link").first.click()
    assert screen.evaluate("document.activeElement.id") == "last_name"
    axe(screen)
    assert nu(screen.content()) == []


def test_a_linked_smartcard_is_a_fact_on_a_sound_page(
    screen: Any, axe: Callable[[Any], None], nu: Callable[[str], list[str]]
) -> None:
    steps.make_contact(screen, "Carda", "Holder", "carda@coe.example")
    screen.get_by_label("A smartcard is or was linked").check()
    screen.get_by_role("button", name="Save", exact=True).click()
    screen.get_by_text("Only a central administrator can take this back.").wait_for()
    assert screen.locator("#smartcard_linked").count() == 0
    axe(screen)
    assert nu(screen.content()) == []


def test_what_an_action_did_is_said_where_it_was_pressed(open_browser: Callable[..., Any], sign_in: Any) -> None:
    phone = open_browser(width=390, height=700)
    sign_in(phone, "local_administrator")
    steps.make_contact(phone, "Phoebe", "Narrow", "phoebe@coe.example")
    steps.press(phone, "Register", becomes="registration-pending")
    place = phone.get_by_text("The contact has been registered.").bounding_box()
    assert place is not None
    assert 0 <= place["y"] <= 700


def test_re_enrol_asks_first_and_a_no_changes_nothing(screen: Any) -> None:
    asked = []
    screen.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    screen.get_by_role("link", name="Bruno Contact").click()
    screen.locator("#self-service-details").get_by_role("button", name="Re-Enrol").click()
    assert "Re-enrol Bruno Contact?" in asked[0]
    screen.reload()
    assert steps.state(screen) == "active"


def test_a_move_that_comes_too_late_is_refused_in_the_panel(
    screen: Any, open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None], axe: Callable[[Any], None]
) -> None:
    screen.watch.expect_status(409)
    steps.make_contact(screen, "Tardy", "Buttonpress", "tardy@coe.example")
    other = open_browser()
    sign_in(other, "local_administrator")
    other.goto(screen.url)
    steps.press(other, "Register", becomes="registration-pending")
    with screen.expect_response(lambda response: response.status == 409):
        screen.locator("#self-service-details").get_by_role("button", name="Register").click()
    screen.locator("#self-service-refusal").wait_for()
    assert "Register is not possible now" in screen.locator("#self-service-refusal").inner_text()
    assert steps.state(screen) == "registration-pending"
    assert screen.evaluate("document.activeElement.id") == "self-service-refusal"
    axe(screen)


def test_two_who_save_the_same_record_are_told(
    screen: Any, open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None], axe: Callable[[Any], None]
) -> None:
    screen.watch.expect_status(409)
    steps.make_contact(screen, "Vera", "Twicesaved", "vera@coe.example")
    other = open_browser()
    sign_in(other, "local_administrator")
    other.goto(screen.url)
    other.get_by_label("Job Title").fill("Treasurer")
    other.get_by_role("button", name="Save", exact=True).click()
    other.get_by_text("The changes have been saved.").wait_for()
    screen.get_by_label("Job Title").fill("Bursar")
    with screen.expect_response(lambda response: response.status == 409):
        screen.get_by_role("button", name="Save", exact=True).click()
    conflict = screen.locator("#contact-conflict")
    conflict.wait_for()
    assert "Treasurer" in conflict.inner_text()
    assert screen.get_by_label("Job Title").input_value() == "Bursar"
    axe(screen)


def test_names_that_look_like_markup_are_shown_and_do_nothing(
    screen: Any, demonstration: Any, open_browser: Callable[..., Any]
) -> None:
    dialogs = []
    screen.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    planted = "<img src=x onerror=alert(1)>"
    steps.make_contact(screen, planted, '"><script>alert(2)</script>', "planted@coe.example")
    assert chosen(screen).startswith(planted)
    steps.press(screen, "Register", becomes="registration-pending")
    screen.locator("#q").fill("<img")
    screen.get_by_text("Results 1 - 1 of 1").wait_for()
    screen.goto(f"/find-administrator?q={planted}")
    letter = steps.open_letter(screen, "planted@coe.example", "temporary password")
    assert planted in letter
    assert screen.locator("img[src=x]").count() == 0
    assert dialogs == []


def test_an_expired_session_leads_to_the_sign_in_page_and_back(screen: Any, demonstration: Any) -> None:
    screen.watch.expect_status(401)
    screen.context.clear_cookies()
    screen.get_by_role("link", name="Katie Contact").click()
    screen.wait_for_url(re.compile(r"/sign-in\?next="))
    known = demonstration.sign_ins["local_administrator"]
    screen.locator("#username").fill(known.username)
    screen.locator("#password").fill(known.password)
    screen.get_by_role("button", name="Sign in", exact=True).click()
    screen.wait_for_url(at("2973"))
