"""With the keyboard alone: the skip link, the menus, the list's rows, the panel's buttons; and the focus is seen."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps

FOCUS = """() => {
  const node = document.activeElement, box = node.getBoundingClientRect();
  // The design system draws the box of a checkbox before its label; one without a label is the browser's own.
  const drawn = ["checkbox", "radio"].includes(node.type) && node.labels[0] ? [node.labels[0], "::before"] : [node];
  const style = getComputedStyle(...drawn);
  return {
    words: (node.innerText || node.labels?.[0]?.innerText || "").trim(), id: node.id, name: node.localName,
    seen: box.width > 0 && box.height > 0 && (style.boxShadow !== "none" || parseFloat(style.outlineWidth) > 1),
  };
}"""


def tab_to(page: Any, words: str, most: int = 60, *, key: str = "Tab") -> dict[str, Any]:
    """Press Tab until the focus is on what says these words; on the way the focus is always seen."""
    for _ in range(most):
        page.keyboard.press(key)
        here: dict[str, Any] = page.evaluate(FOCUS)
        assert here["name"] == "body" or here["seen"], f"the focus is not seen on {here}"
        if here["words"] == words:
            return here
    raise AssertionError(f"{words} is not reached with {most} presses of {key}")


def test_the_skip_link_is_first_and_leads_to_the_content(page: Any) -> None:
    page.goto("/find-administrator")
    page.keyboard.press("Tab")
    here = page.evaluate(FOCUS)
    assert (here["words"], here["seen"]) == ("Skip to main content", True)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_signing_in_takes_no_mouse(page: Any, demonstration: Any) -> None:
    known = demonstration.sign_ins["local_administrator"]
    page.goto("/sign-in")
    tab_to(page, "Username or e-mail address")
    page.keyboard.type(known.username)
    tab_to(page, "Password")
    page.keyboard.type(known.password)
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{steps.CONTACTS}")


@pytest.fixture
def screen(page: Any, sign_in: Callable[[Any, str], None]) -> Any:
    """The maintenance screen in front of the county office's administrator."""
    sign_in(page, "local_administrator")
    return page


def test_a_menu_opens_with_the_focus_and_closes_with_escape(screen: Any) -> None:
    tab_to(screen, "Organisation")
    menu = screen.get_by_role("button", name="Organisation", exact=True)
    assert menu.get_attribute("aria-expanded") == "true"
    screen.keyboard.press("Tab")
    assert screen.evaluate(FOCUS)["words"] == "Organisation contacts"
    screen.keyboard.press("Escape")
    assert menu.get_attribute("aria-expanded") == "false"
    assert screen.evaluate(FOCUS)["words"] == "Organisation"


def test_a_row_is_chosen_and_its_contact_registered(screen: Any) -> None:
    steps.make_contact(screen, "Aaron", "Aardwolf", "aardwolf@coe.example")
    screen.goto(steps.CONTACTS)
    tab_to(screen, "Aaron Aardwolf")
    screen.keyboard.press("Enter")
    screen.locator("#chosen-contact").wait_for()
    assert screen.evaluate(FOCUS)["id"] == "chosen-contact"
    tab_to(screen, "Register", most=120)
    screen.keyboard.press("Enter")
    screen.locator('#self-service-details[data-account-state="registration-pending"]').wait_for()
    # The button is gone; the focus is in the panel that came, and goes on from there.
    assert screen.evaluate("document.activeElement.closest('#self-service-details') !== null")
    assert tab_to(screen, "Re-Enrol", most=3)["seen"]


def test_the_focus_stays_in_a_list_that_is_swapped(screen: Any) -> None:
    swaps = (("All people", "Page 1 of [3-9]"), ("Page 2", "Page 2 of [3-9]"), ("100 rows a page", "Page 1 of 1"))
    for name, becomes in swaps:
        screen.locator("#contact-list").get_by_role("link", name=name).focus()
        screen.keyboard.press("Enter")
        screen.locator(".app-page-status").filter(has_text=re.compile(becomes)).wait_for()
        assert screen.evaluate("document.activeElement.closest('#contact-list') !== null"), name


def test_what_a_search_finds_is_said_by_an_element_that_stays(screen: Any) -> None:
    status = screen.locator("#contact-list [role=status]")
    status.evaluate("element => { element.kept = true }")
    screen.locator("#q").press_sequentially("okonk")
    screen.locator("#contact-list [role=status]").filter(has_text="Results 1 - 1 of 1").wait_for()
    assert status.evaluate("element => element.kept") is True


def test_search_tabs_and_pages_are_reached(screen: Any) -> None:
    tab_to(screen, "Search by name, e-mail, username, number or phone")
    screen.keyboard.type("Katie")
    screen.get_by_text("Results 1 - 1 of 1").wait_for()
    tab_to(screen, "Katie Contact")
    screen.keyboard.press("Enter")
    screen.locator("#self-service-details").wait_for()
    assert "Katie Contact" in screen.locator("#chosen-name").inner_text()
