"""Every request of a real browser that changes something carries the session's token, and no address ever does.

ASVS 3.5.1, 14.2.1. Driven with HTMX; that the server insists on the token: ``tests/security/test_csrf.py``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.browser import steps
from tests.browser.steps import CONTACTS

TOKEN = re.compile(r'"X-CSRFToken": "([^"]+)"|name="csrf_token" value="([^"]+)"')


@dataclass
class Sent:
    """What a browser asked for: every address, and of what changes something, how it carried its token."""

    urls: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def request(self, request: Any) -> None:
        self.urls += [request.url, request.headers.get("referer", ""), request.headers.get("hx-current-url", "")]
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        self.changing.append(f"{request.method} {request.url}")
        in_header = request.headers.get("x-csrftoken")
        in_body = parse_qs(request.post_data or "").get("csrf_token", [None])[0]
        if not (in_header or in_body):
            self.without.append(f"{request.method} {request.url}")
        self.tokens |= {token for token in (in_header, in_body) if token}

    def look(self, page: Any) -> None:
        """Note the tokens that the page holds."""
        self.tokens |= {first or second for first, second in TOKEN.findall(page.content())}


@pytest.fixture
def sent(page: Any) -> Sent:
    watching = Sent()
    page.context.on("request", watching.request)
    return watching


def use_every_control(page: Any, sent: Sent, last_name: str) -> None:
    """What an administrator does, panel after panel, without loading the page anew."""
    page.get_by_role("link", name="All people").click()
    page.wait_for_url("**tab=people**")
    page.get_by_role("link", name="Organisation contacts").first.click()
    page.wait_for_url(lambda url: "tab=people" not in url)
    steps.make_contact(page, "Toby", last_name, f"{last_name.lower()}@coe.example")
    page.get_by_label("Job Title").fill("Clerk")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The changes have been saved.").wait_for()
    steps.press(page, "Register", becomes="registration-pending")
    sent.look(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#self-service-details").get_by_role("button", name="Re-Enrol").click()
    page.get_by_text("The contact has been re-enrolled.").wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#contact-details").get_by_label("Status", exact=False).first.select_option("inactive")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#self-service-details[data-account-state=inactive]").wait_for()
    page.locator("#contact-details").get_by_label("Status", exact=False).first.select_option("active")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#self-service-details[data-account-state=not-registered]").wait_for()


def sign_out(page: Any) -> None:
    own_menu = page.locator("[aria-controls=menu-own]")
    own_menu.focus() if own_menu.count() else None
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("You have signed out.").wait_for()


def test_every_control_sends_the_token_before_and_after_the_session_is_another(
    page: Any, sent: Sent, sign_in: Callable[[Any, str], None], demonstration: Any
) -> None:
    page.goto("/sign-in")
    sent.look(page)
    sign_in(page, "local_administrator")
    use_every_control(page, sent, "Tokenbearer")
    sign_out(page)
    page.goto("/recover?need=username")
    page.get_by_label("E-mail address or username").fill("nobody@coe.example")
    page.get_by_role("button", name="Send the e-mail").click()
    page.wait_for_url("**/recover/sent**")
    sign_in(page, "local_administrator")
    use_every_control(page, sent, "Tokenbearertoo")
    sent.look(page)
    assert len(sent.changing) >= 16
    assert sent.without == []
    assert len(sent.tokens) > 5
    told = [url for url in sent.urls if "csrf" in url.lower() or any(token in url for token in sent.tokens)]
    assert told == []
    logs = "".join(process.said for process in demonstration.portal.started)
    assert [token for token in sent.tokens if token in logs] == []


def test_a_page_of_the_session_before_is_refused_with_a_word_and_works_again_when_it_is_loaded_anew(
    page: Any, sent: Sent, sign_in: Callable[[Any, str], None]
) -> None:
    page.watch.expect_status(403)
    sign_in(page, "local_administrator")
    page.goto(f"{CONTACTS}/2971")
    other = page.context.new_page()
    sign_in_anew(other, sign_in)
    page.get_by_label("Job Title").fill("Changed in vain")
    with page.expect_response(lambda response: response.status == 403):
        page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("This page belongs to an earlier sign-in").wait_for()
    assert page.get_by_label("Job Title").input_value() == "Changed in vain", "what was typed is there still"
    page.reload()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Nothing was different").wait_for()


def sign_in_anew(page: Any, sign_in: Callable[[Any, str], None]) -> None:
    """In another tab of the same browser."""
    page.goto("/account")
    sign_out(page)
    sign_in(page, "local_administrator")
