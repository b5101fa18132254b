"""Locked out, found, let back in, as people do it: an administrator, a contact and the demonstration's mailbox."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.browser import steps
from tests.browser.steps import ANOTHER_PASSWORD, OWN_PASSWORD

Open = Callable[..., Any]


@dataclass
class Cast:
    """The administrator's browser, the contact's on a phone, and whether they run scripts."""

    admin: Any
    contact: Any
    scripts: bool
    last_name: str
    looked_at: Callable[[Any], None]
    username: str = ""

    @property
    def email(self) -> str:
        return f"{self.last_name.lower()}@coe.example"


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_contact_is_let_in_locked_out_and_let_back_in(
    scripts: bool,
    open_browser: Open,
    sign_in: Callable[[Any, str], None],
    axe: Callable[[Any], None],
    nu: Callable[[str], list[str]],
) -> None:
    def looked_at(page: Any) -> None:
        """Pages that only a mail leads to are as sound as the others."""
        assert nu(page.content()) == []
        if scripts:
            axe(page)

    cast = Cast(
        admin=open_browser(javascript=scripts),
        contact=open_browser(width=390, javascript=scripts),
        scripts=scripts,
        last_name="Wanderlust" if scripts else "Plainsong",
        looked_at=looked_at,
    )
    sign_in(cast.admin, "local_administrator")
    assert cast.admin.url.endswith(steps.CONTACTS)
    made_and_registered(cast)
    signs_in_with_the_temporary_password(cast)
    is_locked_out_and_resets_by_e_mail(cast)
    is_locked_out_and_unlocked(cast)


def made_and_registered(cast: Cast) -> None:
    admin = cast.admin
    steps.make_contact(admin, "Opal", cast.last_name, cast.email)
    row = admin.locator("tr.app-row--chosen")
    assert f"Opal {cast.last_name}" in row.inner_text()
    assert steps.state(admin) == "not-registered"
    if cast.scripts:
        steps.never_leaves(admin)
    steps.press(admin, "Register", becomes="registration-pending")
    assert not cast.scripts or steps.is_the_same_document(admin)
    assert "The contact has been registered." in admin.locator("#self-service-details").inner_text()
    assert "Registration pending" in row.inner_text()


def signs_in_with_the_temporary_password(cast: Cast) -> None:
    contact = cast.contact
    letter = steps.open_letter(contact, cast.email, "temporary password")
    cast.username = steps.line_after(letter, "username is")
    steps.fill_sign_in(contact, cast.username, steps.line_after(letter, "temporary password is"))
    contact.wait_for_url("**/enrol")
    cast.looked_at(contact)
    steps.choose_password(contact, OWN_PASSWORD, "Set password and continue")
    contact.wait_for_url("**/account")
    assert not steps.scrolls_sideways(contact)
    sign_out(contact)


def is_locked_out_and_resets_by_e_mail(cast: Cast) -> None:
    contact = cast.contact
    steps.fail_to_sign_in(contact, cast.username, 3)
    assert "your account was locked on" in steps.open_letter(contact, cast.email, "locked")
    contact.goto("/sign-in")
    contact.get_by_role("link", name="Forgotten password").click()
    contact.get_by_label("E-mail address or username").fill(cast.email)
    contact.get_by_role("button", name="Send the e-mail").click()
    contact.get_by_role("link", name="Open the demonstration's mailbox").wait_for()
    steps.open_letter(contact, cast.email, "new password")
    contact.locator(".app-mailbox__text a").first.click()
    contact.wait_for_url("**/recover/new-password")
    cast.looked_at(contact)
    steps.choose_password(contact, ANOTHER_PASSWORD, "Change password")
    contact.get_by_text("Your password has been changed.").wait_for()
    steps.fill_sign_in(contact, cast.username, ANOTHER_PASSWORD)
    contact.wait_for_url("**/account")
    sign_out(contact)


def is_locked_out_and_unlocked(cast: Cast) -> None:
    contact, admin = cast.contact, cast.admin
    steps.fail_to_sign_in(contact, cast.username, 3)
    admin.reload()
    assert steps.state(admin) == "locked"
    steps.press(admin, "Unlock", becomes="unlock-pending")
    steps.fill_sign_in(contact, cast.email, ANOTHER_PASSWORD)
    contact.wait_for_url("**/account")
    admin.reload()
    assert steps.state(admin) == "active"


def sign_out(page: Any) -> None:
    own_menu = page.get_by_role("button", name="Opal")
    own_menu.focus()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You have signed out.").wait_for()
