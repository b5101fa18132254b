"""One's own record in a browser: a phone saved, an address changed by the link that comes to the new one."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps
from tests.browser.steps import OWN_PASSWORD


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_person_keeps_their_own_details_and_changes_the_address(
    scripts: bool,
    open_browser: Callable[..., Any],
    sign_in: Callable[[Any, str], None],
    axe: Callable[[Any], None],
    nu: Callable[[str], list[str]],
) -> None:
    def looked_at(page: Any) -> None:
        """Pages that only a mail or a mistake leads to are as sound as the others."""
        assert nu(page.content()) == []
        assert not steps.scrolls_sideways(page)
        if scripts:
            axe(page)

    admin, owner = open_browser(javascript=scripts), open_browser(width=390, javascript=scripts)
    last_name = "Featherstone" if scripts else "Plainfield"
    old, new = f"{last_name}@coe.example".lower(), f"{last_name}@home.example".lower()
    sign_in(admin, "local_administrator")
    steps.make_contact(admin, "Ida", last_name, old)
    steps.press(admin, "Register", becomes="registration-pending")
    comes_in(owner, old)
    saves_a_phone(owner, looked_at)
    asks_for_an_address(owner, new, looked_at)
    confirms_it(owner, new, looked_at)
    for address in (old, new):
        assert "was changed on" in steps.open_letter(owner, address, "has been changed")
    uses_the_link_once_more(owner, new, looked_at)
    admin.reload()
    assert new in admin.locator("#self-service-details").inner_text()


def comes_in(owner: Any, address: str) -> None:
    letter = steps.open_letter(owner, address, "temporary password")
    username = steps.line_after(letter, "username is")
    steps.fill_sign_in(owner, username, steps.line_after(letter, "temporary password is"))
    owner.wait_for_url("**/enrol")
    steps.choose_password(owner, OWN_PASSWORD, "Set password and continue")
    owner.wait_for_url("**/account")


def saves_a_phone(owner: Any, looked_at: Callable[[Any], None]) -> None:
    owner.goto("/account/record")
    owner.get_by_label("Mobile Phone Number").fill("12")
    owner.watch.expect_status(422)
    owner.get_by_role("button", name="Save", exact=True).click()
    owner.get_by_text("There is a problem").wait_for()
    looked_at(owner)
    owner.get_by_label("Mobile Phone Number").fill("(831) 555-0123")
    owner.get_by_role("button", name="Save", exact=True).click()
    owner.get_by_text("The changes have been saved.").wait_for()
    assert owner.get_by_label("Mobile Phone Number").input_value() == "(831) 555-0123"


def asks_for_an_address(owner: Any, address: str, looked_at: Callable[[Any], None]) -> None:
    owner.get_by_role("link", name="Change your e-mail address").click()
    owner.get_by_label("New e-mail address", exact=True).fill(address)
    owner.get_by_label("New e-mail address again").fill(address)
    owner.get_by_role("button", name="Send the link").click()
    owner.get_by_text("A link is on its way to the new address.").wait_for()
    owner.get_by_role("button", name="Send it again").click()
    owner.locator("#pending-address").get_by_text(address).wait_for()
    looked_at(owner)


def confirms_it(owner: Any, address: str, looked_at: Callable[[Any], None]) -> None:
    steps.open_letter(owner, address, "Confirm your new e-mail address")
    owner.locator(".app-mailbox__text a").first.click()
    owner.wait_for_url("**/account/email/verify")
    looked_at(owner)
    owner.get_by_role("button", name="Use the new address").click()
    owner.get_by_text("Your e-mail address has been changed.").wait_for()
    assert address in owner.locator("main").inner_text()


def uses_the_link_once_more(owner: Any, address: str, looked_at: Callable[[Any], None]) -> None:
    steps.open_letter(owner, address, "Confirm your new e-mail address")
    owner.watch.expect_status(410)
    owner.locator(".app-mailbox__text a").first.click()
    owner.get_by_role("heading", name="This link can no longer be used").wait_for()
    looked_at(owner)
