"""What every page owes, seen in a browser: nothing that axe or the Nu HTML checker finds, and no sideways scrolling."""

from collections.abc import Callable
from typing import Any

import pytest

PAGES = [
    ("/sign-in", None),
    ("/recover", None),
    ("/recover?need=password", None),
    ("/recover/sent?organisation=42061", None),
    ("/find-administrator", None),
    ("/find-administrator?q=county", None),
    ("/find-administrator?q=nothing+is+called+this", None),
    ("/find-administrator/42061", None),
    ("/demonstration/mail", None),
    ("/account", "employee"),
    ("/account/confirm", "employee"),
    ("/account/password", "employee"),
    ("/account/sessions", "employee"),
    ("/account/record", "employee"),
    ("/account/record", "central_administrator"),
    ("/account/email", "employee"),
    ("/account/email", "central_administrator"),
    ("/organisations/42061/contacts", "local_administrator"),
    ("/organisations/42061/contacts?tab=people", "local_administrator"),
    ("/organisations/42061/contacts/2973", "local_administrator"),
    ("/organisations/42061/contacts/2973/sessions", "local_administrator"),
    ("/organisations/42061/contacts/new", "local_administrator"),
    ("/organisations/42061/contacts/2960/temporary-password", "local_administrator"),
    ("/organisations/42061/contacts/2973/history", "local_administrator"),
    ("/organisations/42061/activity", "local_administrator"),
    ("/organisations/42061/bulk", "local_administrator"),
    ("/organisations/42061/bulk/new?work=register&whom=all&state=not-registered", "local_administrator"),
    ("/organisations/42061/uploads", "local_administrator"),
    ("/organisations/42061/contacts?q=ortega", "password_reset_operator"),
    ("/organisations/42061/contacts/2954", "password_reset_operator"),
    ("/organisations/42061/contacts/2960", "central_administrator"),
    ("/organisations/42061/contacts/2960/move", "central_administrator"),
    ("/organisations", "central_administrator"),
]


@pytest.mark.parametrize(("url", "role"), PAGES)
def test_a_page_is_sound_on_a_wide_and_on_a_narrow_screen(
    url: str,
    role: str | None,
    open_browser: Callable[..., Any],
    sign_in: Callable[[Any, str], None],
    axe: Callable[[Any], None],
    nu: Callable[[str], list[str]],
):
    page = open_browser()
    if role:
        sign_in(page, role)
    if role and url.endswith("/sessions"):
        sign_in(open_browser(), role)  # which the page lists
    for width in (1280, 800, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        answer = page.goto(url)
        assert answer.status == 200
        assert "js-enabled" in page.locator("body").get_attribute("class")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{url} is {wide} pixels wide on a screen of {width}"
        if width in (1280, 390):
            axe(page)
    assert nu(answer.text()) == []


def test_an_error_page_is_sound_too(page: Any, axe: Callable[[Any], None], nu: Callable[[str], list[str]]):
    page.watch.expect_status(404)
    answer = page.goto("/no-such-page")
    assert answer.status == 404
    axe(page)
    assert nu(answer.text()) == []
