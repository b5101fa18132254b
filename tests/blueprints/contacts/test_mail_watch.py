"""…/<ess_id>/self-service: the panel looks by itself what became of a mail, for a while, and keeps no session alive."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import outbox
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page
from tests.support.trail import mails

URL = "/organisations/42061/contacts"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def katie(clock: Any, organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], state=AccountState.NOT_REGISTERED)


@pytest.fixture
def lena(clock: Any, as_person: Any, local_admin: Person) -> CheckingClient:
    browser: CheckingClient = as_person(local_admin)
    return browser


def register(browser: CheckingClient, somebody: Person, query: str = "") -> Page:
    browser.get(f"{URL}/{somebody.ess_id}{query}")
    return browser.submit(f"{URL}/{somebody.ess_id}/register", htmx=True).page


def watching(page: Page) -> str | None:
    """Where the panel looks, if it does."""
    found = page.all(id="self-service-watch")
    return found[0].get("hx-get") if found else None


def test_after_a_move_the_panel_looks_every_few_seconds_and_goes_on_saying_what_was_done(
    lena: CheckingClient, katie: Person
):
    page = register(lena, katie, "?tab=people&q=katie")
    watch = page.by_id("self-service-watch")
    assert (watch.get("hx-trigger"), watch.get("hx-target")) == ("every 3s", "#self-service-details")
    url = watch.get("hx-get") or ""
    assert url == f"{URL}/{katie.ess_id}/self-service?said=registered&tab=people&q=katie"
    looked = lena.get(url, htmx=True).page
    lena.assert_part_of(page, looked)
    assert "The contact has been registered." in looked.words
    assert "queued 16/11/2026 09:00" in looked.words


def test_it_stops_once_the_mail_was_sent(lena: CheckingClient, katie: Person):
    url = watching(register(lena, katie)) or ""
    outbox.deliver_due()
    page = lena.get(url, htmx=True).page
    assert watching(page) is None
    assert "sent 16/11/2026 09:00" in page.words
    assert watching(lena.get(f"{URL}/{katie.ess_id}").page) is None


@pytest.mark.parametrize("state", ["failed", "dropped"])
def test_it_stops_once_the_mail_was_refused(lena: CheckingClient, katie: Person, state: str):
    url = watching(register(lena, katie)) or ""
    with write():
        mails()[0].state, mails()[0].last_error = state, "550 no such mailbox"
    page = lena.get(url, htmx=True).page
    assert watching(page) is None
    assert "550 no such mailbox" in page.words


def test_it_stops_after_some_minutes_whatever_became_of_the_mail(lena: CheckingClient, katie: Person, clock: Any):
    url = watching(register(lena, katie)) or ""
    clock.shift(timedelta(minutes=4, seconds=59))
    assert watching(lena.get(url, htmx=True).page) == url
    clock.shift(timedelta(seconds=1))
    assert watching(lena.get(url, htmx=True).page) is None


def test_a_refusal_stays_until_it_is_read(lena: CheckingClient, katie: Person):
    register(lena, katie)
    page = lena.post(f"{URL}/{katie.ess_id}/register", expect=409, htmx=True).page
    assert page.has_id("self-service-refusal")
    assert watching(page) is None


def test_the_page_watches_too_when_it_is_loaded_meanwhile(lena: CheckingClient, katie: Person):
    register(lena, katie)
    assert watching(lena.get(f"{URL}/{katie.ess_id}").page) == f"{URL}/{katie.ess_id}/self-service"


def test_what_it_goes_on_saying_is_a_text_of_ours(lena: CheckingClient, katie: Person):
    register(lena, katie)
    page = lena.get(f"{URL}/{katie.ess_id}/self-service?said=<b>x</b>", htmx=True).page
    assert page.all(class_="app-notice--success") == []
    assert "<b>" not in (watching(page) or "")


def test_opened_by_hand_it_is_the_chosen_contact(lena: CheckingClient, katie: Person):
    answer = lena.get(f"{URL}/{katie.ess_id}/self-service?tab=people", 303)
    assert answer.location == f"{URL}/{katie.ess_id}?tab=people#self-service-details"


def test_looking_for_half_an_hour_is_no_use_of_the_session_and_ends_with_it(
    clock: Any, katie: Person, lena: CheckingClient
):
    url = watching(register(lena, katie)) or ""
    for _ in range(29):
        clock.shift(timedelta(minutes=1))
        lena.get(url, htmx=True)
    clock.shift(timedelta(minutes=1))
    answer = lena.get(url, 401, htmx=True)
    assert urlsplit(answer.headers["HX-Redirect"]).path == "/sign-in"
    assert answer.text == ""
    lena.get("/account", 303)


def test_anything_else_is_use_of_it(clock: Any, katie: Person, lena: CheckingClient):
    for _ in range(4):
        clock.shift(timedelta(minutes=20))
        lena.get(f"{URL}/{katie.ess_id}", htmx=True)
