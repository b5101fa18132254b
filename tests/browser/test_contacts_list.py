"""The list with JavaScript: narrowed down, sorted, and worked through without leaving it; the address follows."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps


@pytest.fixture
def screen(page: Any, sign_in: Callable[[Any, str], None]) -> Any:
    """The maintenance screen of the county office in front of its administrator."""
    sign_in(page, "local_administrator")
    steps.never_leaves(page)
    return page


def first_name(screen: Any) -> str:
    return str(screen.locator("#contact-list tbody tr").first.locator("a").first.inner_text())


def choose(screen: Any, field: str, option: str) -> None:
    """Chooses as somebody with the field in hand does; the driver alone sets the choice and moves no focus."""
    screen.locator(f"#{field}").focus()
    screen.locator(f"#{field}").select_option(option)


def test_a_filter_narrows_the_list_down_and_back_takes_it_away(screen: Any) -> None:
    choose(screen, "filter-state", "no-usable-email")
    screen.wait_for_url(re.compile(r"\?state=no-usable-email&page=1$"))
    screen.get_by_text(re.compile(r"Results 1 - (\d) of \1$")).wait_for()
    assert screen.evaluate("document.activeElement.id") == "filter-state"
    choose(screen, "filter-type", "payroll")
    screen.get_by_text("Results 1 - 1 of 1").wait_for()
    assert first_name(screen) == "Rosalind Achterberg"
    screen.go_back()
    screen.get_by_text(re.compile(r"Results 1 - (\d) of \1$")).wait_for()
    assert screen.locator("#filter-state").input_value() == "no-usable-email"
    assert screen.locator("#filter-type").input_value() == ""
    screen.go_back()
    screen.get_by_text(re.compile(r"Results 1 - 10 of \d+")).wait_for()
    screen.go_forward()
    screen.get_by_text(re.compile(r"Results 1 - (\d) of \1$")).wait_for()


def test_a_heading_sorts_and_the_narrow_list_has_a_choice_instead(screen: Any) -> None:
    screen.get_by_role("link", name="All people").click()
    screen.wait_for_url(re.compile(r"tab=people"))
    screen.get_by_role("link", name="Self Service Status").click()
    screen.wait_for_url(re.compile(r"tab=people&sort=state"))
    screen.locator("th[aria-sort=ascending] >> text=Self Service Status").wait_for()
    assert steps.is_the_same_document(screen)
    screen.set_viewport_size({"width": 390, "height": 800})
    screen.get_by_label("Sort by").select_option("-last_name")
    screen.wait_for_url(re.compile(r"tab=people&sort=-last_name"))
    last = screen.locator("#contact-list tbody tr").first.locator("a").first
    assert str(last.inner_text()) > "T"


def test_a_step_is_pressed_in_the_list_and_says_there_what_it_did(screen: Any) -> None:
    screen.get_by_role("link", name="25 rows a page").click()
    screen.wait_for_url(re.compile(r"size=25"))
    before = screen.url
    row = screen.locator("tr[data-ess-id='2978']")
    row.get_by_role("button", name="Unlock Ingrid Sørensen").click()
    screen.get_by_text("Ingrid Sørensen: The account has been unlocked.").wait_for()
    row.get_by_text("Unlock pending").wait_for()
    assert row.get_by_role("button").count() == 0
    assert screen.evaluate("document.activeElement.id") == "list-said"
    assert screen.url == before
    assert steps.is_the_same_document(screen)


def test_re_enrol_in_the_list_asks_first(screen: Any) -> None:
    asked = []

    def say_no(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    screen.on("dialog", say_no)
    screen.get_by_role("button", name="Re-Enrol Devon Marchetti").click()
    assert [message.startswith("Re-enrol Devon Marchetti?") for message in asked] == [True]
    assert screen.locator("#list-said").inner_text() == ""
