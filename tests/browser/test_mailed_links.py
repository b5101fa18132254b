"""A mailed link in real browsers: looked at by scanners that run scripts, and told to nobody by those who open it.

ASVS 3.4.5, 3.5.3, 14.2.1; scanners have opened links and sent their forms before (authelia#2994, FusionAuth-site 2922).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.browser import steps

OWNER = "kcontact@coe.example"
SEND_EVERY_FORM = """() => document.querySelectorAll("main form").forEach((form) => {
  form.noValidate = true;
  form.submit();
})"""


@pytest.fixture
def link(page: Any) -> str:
    """The address of a link that is good, as the mail has it."""
    page.goto("/recover?need=password")
    page.get_by_label("E-mail address or username").fill(OWNER)
    page.get_by_role("button", name="Send the e-mail").click()
    page.wait_for_url("**/recover/sent**")
    letter = steps.open_letter(page, OWNER, "new password")
    return next(line.strip() for line in letter.splitlines() if "/recover/" in line)


def is_good(page: Any, link: str) -> bool:
    page.goto(link)
    return bool(page.locator("#password_again").count())


def test_a_scanner_that_opens_it_twenty_times_and_sends_its_form_uses_nothing_up(
    link: str, open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None]
) -> None:
    scanner = open_browser()
    scanner.watch.expect_status(422)
    for number in range(20):
        scanner.request.head(link, max_redirects=5)
        assert is_good(scanner, link)
        if number % 5 == 0:
            with scanner.expect_navigation() as navigation:
                scanner.evaluate(SEND_EVERY_FORM)
            assert navigation.value.status == 422
    assert is_good(open_browser(javascript=False), link)
    admin = open_browser()
    sign_in(admin, "local_administrator")
    admin.goto(f"{steps.CONTACTS}/2973")
    assert steps.state(admin) == "locked", "the account is as it was"


@dataclass
class Told:
    """What a browser told, to whom: addresses with the headers that went there."""

    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def request(self, request: Any) -> None:
        self.asked.append((request.url, request.all_headers()))

    def referrers(self, place: str, since: int) -> list[str]:
        """Where the reader said to come from, on the way to ``place``. Raises AssertionError if nobody went there."""
        followed = [headers for url, headers in self.asked[since:] if url.endswith(place)]
        assert followed, place
        return [headers["referer"] for headers in followed if "referer" in headers]

    def telling(self, token: str, link: str) -> list[str]:
        """The addresses that were told the token, but for the link's own."""
        return [url for url, headers in self.asked if url != link and token in f"{url} {headers.get('referer', '')}"]


def test_whoever_opens_it_tells_nobody(link: str, open_browser: Callable[..., Any], demonstration: Any) -> None:
    """Neither a page that is gone to from there, nor what is loaded, nor a log, nor the browser's own storage."""
    token, told, reader = link.rpartition("/")[2], Told(), open_browser()
    reader.on("request", told.request)
    assert is_good(reader, link)
    assert token not in reader.url
    ways_out = reader.locator("a[href^='/']:visible")
    places = [str(ways_out.nth(number).get_attribute("href")) for number in range(ways_out.count())]
    assert len(places) > 1
    for number, place in enumerate(places):
        is_good(reader, link)
        since = len(told.asked)
        with reader.expect_navigation():
            ways_out.nth(number).click()
        assert told.referrers(place, since) == []
    assert told.telling(token, link) == []
    assert {url for url, _headers in told.asked if not url.startswith((demonstration.url, "data:"))} == set()
    assert token not in reader.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    logs = "".join(process.said for process in demonstration.portal.started)
    assert '"rule": "/recover/<token>"' in logs
    assert token not in logs
