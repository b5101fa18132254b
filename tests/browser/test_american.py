"""The same pages in American English: its words, and its dates and times."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import steps
from tests.support.server import Portal


@pytest.fixture(scope="module")
def american(demonstration: Any) -> Iterator[Portal]:
    """A second web server on the same database, set to en_US and California."""
    original = demonstration.portal
    portal = Portal(original.folder / "american", original.settings.get("SQLALCHEMY_DATABASE_URI"))
    portal.settings |= {
        "INSTANCE_PATH": original.instance, "LOCALE": "en_US", "TIME_ZONE": "America/Los_Angeles", "COUNTRY": "US",
    }  # fmt: skip
    try:
        portal.serve()
        yield portal
    finally:
        portal.end()


def test_words_and_dates_are_american(
    american: Portal, demonstration: Any, open_browser: Callable[..., Any], axe: Callable[[Any], None]
) -> None:
    page = open_browser(locale="en-US", base_url=american.url)
    page.watch.origin = american.url
    page.goto("/sign-in")
    assert page.locator("html").get_attribute("lang") == "en-US"
    known = demonstration.sign_ins["local_administrator"]
    steps.fill_sign_in(page, known.username, known.password)
    page.wait_for_url(f"**{steps.CONTACTS}")
    page.goto(f"{steps.CONTACTS}/2973")
    words = page.locator("body").inner_text()
    assert "Organization Contact Maintenance" in words
    assert "Enrollment Completed" in words
    assert "Is Re-Enrolled Set" in words
    assert page.locator("#self-service-details").get_by_role("button", name="Re-Enroll").count() == 1
    assert re.search(r"\b\d\d/\d\d/20\d\d \d\d:\d\d [AP]M\b", page.locator("[data-name=last-failure]").inner_text())
    assert re.search(r"at \d?\d:\d\d [AP]M on [A-Z][a-z]+ \d?\d, 20\d\d", words)
    assert not re.search(r"[Oo]rganis|[Ee]nrol(?!l)", words)
    axe(page)
    for path in (
        "contacts/2973/history", "contacts/2973/temporary-password", "activity", "uploads", "bulk",
        "bulk/new?work=re-enrol&whom=all", "bulk/new?work=make-inactive&whom=page",
    ):  # fmt: skip
        page.goto(f"/organisations/42061/{path}")
        assert not re.search(r"[Oo]rganis|[Ee]nrol(?!l)", page.locator("main").inner_text()), path
    page.goto("/find-administrator")
    page.get_by_label("Name of your organization").wait_for()
    assert not re.search(r"[Oo]rganis", page.locator("body").inner_text())
