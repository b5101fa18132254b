"""/account: one's own, for whoever is signed in, while the session lasts."""

from datetime import timedelta
from typing import Any

import pytest

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import accounts
from portal.transactions import write
from tests.factories import person
from tests.support.client import CheckingClient


def test_the_page_shows_ones_own_and_is_kept_by_nobody(employee_client: CheckingClient, employee: Person):
    answer = employee_client.get("/account")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.page.heading == "My account"
    for shown in (employee.full_name, employee.account.username, employee.primary_email, "COUNTY OFFICE OF EDUCATION"):
        assert shown in answer.page.words


def test_names_are_text_whatever_they_hold(as_person: Any, organisation: Organisation):
    name = '<img src=x onerror=alert(1)> " hx-get="//evil {{7*7}}'
    page = as_person(person(organisation, name, email="x@coe.example")).get("/account").page
    assert page.all("img", src="x") == []
    assert "{{7*7}}" in page.words


def test_who_is_not_signed_in_signs_in_first(client: CheckingClient):
    assert client.get("/account", 303).location == "/sign-in?next=/account"


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("verb", [accounts.re_enrol, accounts.deactivate])
def test_who_was_re_enrolled_or_made_inactive_is_out_at_once(
    employee_client: CheckingClient, employee: Person, verb: Any
):
    employee_client.get("/account")
    with write():
        verb(employee.account, None)
    assert employee_client.get("/account", 303).location == "/sign-in?next=/account"
    answer = employee_client.get("/account", 401, htmx=True)
    assert answer.headers["HX-Redirect"].startswith("/sign-in")
    assert answer.text == ""


def test_a_lock_puts_nobody_out(as_person: Any, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", account={"failures": 3, "failures_total": 3})
    browser = as_person(nomi)
    with write():
        accounts.lock(nomi.account, "internet")
    browser.get("/account")


@pytest.mark.parametrize(("minutes", "lasts"), [(29, True), (31, False)])
def test_half_an_hour_without_use_is_the_end(
    clock: Any, as_person: Any, organisation: Organisation, minutes: int, lasts: bool
):
    browser = as_person(person(organisation, "Nomi Contact"))
    clock.shift(timedelta(minutes=minutes))
    browser.get("/account", 200 if lasts else 303)


def test_twelve_hours_are_the_end_however_it_is_used(clock: Any, as_person: Any, organisation: Organisation):
    browser = as_person(person(organisation, "Nomi Contact"))
    for _ in range(35):
        clock.shift(timedelta(minutes=20))
        browser.get("/account")
    clock.shift(timedelta(minutes=20))
    browser.get("/account", 303)


def test_somebody_who_is_locked_meanwhile_is_told_and_shown_the_way_out(
    employee_client: CheckingClient, employee: Person
):
    assert employee_client.get("/account").page.has_id("locked") is False
    with write():
        employee.account.state = AccountState.LOCKED
    for path in ("/account", "/account/email", "/account/password", "/account/record", "/account/sessions"):
        page = employee_client.get(path).page
        assert "Your account is locked. You stay signed in here" in page.words, path
        assert "Unlock account" in page.text_at("locked")
