"""Finding an administrator, signed out: results appear while typing, and everything works without JavaScript."""

import re
from collections.abc import Callable
from typing import Any

from tests.browser import steps


def test_results_appear_while_typing_and_the_address_can_be_kept(page: Any) -> None:
    page.goto("/find-administrator")
    steps.never_leaves(page)
    box = page.get_by_label("Name of your organisation")
    box.press_sequentially("office of ed", delay=25)
    page.locator('#results li[data-organisation-code="42061"]').wait_for()
    page.get_by_text("Results for “office of ed”").wait_for()
    assert steps.is_the_same_document(page)
    assert page.evaluate("document.activeElement.id") == "q"
    page.wait_for_url(re.compile(r"q=office"))
    page.get_by_role("link", name="COUNTY OFFICE OF EDUCATION", exact=True).click()
    page.get_by_role("heading", name="Whom to contact").wait_for()
    assert (
        page.get_by_role("link", name="hr-systems@coe.example").get_attribute("href") == "mailto:hr-systems@coe.example"
    )
    page.go_back()
    page.locator('#results li[data-organisation-code="42061"]').wait_for()
    assert page.get_by_label("Name of your organisation").input_value() == "office of ed"


def test_back_leads_to_what_was_there_before_the_search(page: Any) -> None:
    page.goto("/find-administrator?letter=C")
    page.get_by_label("Name of your organisation").press_sequentially("alder", delay=25)
    page.get_by_text("Results for “alder”").wait_for()
    page.get_by_label("Name of your organisation").press("Enter")
    page.wait_for_url(re.compile(r"q=alder$"))
    page.wait_for_timeout(300)
    page.go_back()
    page.get_by_role("heading", name="Organisations under C").wait_for()


def test_nothing_found_says_what_else_to_try(page: Any) -> None:
    page.goto("/find-administrator")
    page.get_by_label("Name of your organisation").fill("zzqqxx")
    page.get_by_text("No organisation fits what you typed.").wait_for()
    page.get_by_role("link", name="look through all organisations from A to Z").click()
    page.get_by_role("heading", name="All organisations from A to Z").wait_for()


def test_from_a_to_z_without_javascript(open_browser: Callable[..., Any]) -> None:
    page = open_browser(width=390, javascript=False)
    page.goto("/sign-in")
    page.locator("#maincontent").get_by_role("link", name="Find your system administrator").click()
    page.get_by_role("link", name="C", exact=True).click()
    page.get_by_role("heading", name="Organisations under C").wait_for()
    page.get_by_role("link", name="COUNTY OFFICE OF EDUCATION", exact=True).click()
    assert "Human resources systems desk" in page.locator("main").inner_text()
    page.go_back()
    page.get_by_label("Name of your organisation").fill("42061")
    page.get_by_role("button", name="Search").click()
    assert page.locator("#results li").first.get_attribute("data-organisation-code") == "42061"
