"""Which people the list shows, in which order: small organisations are sorted, large ones walked by an index."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Organisation, Person
from portal.services import accounts, contact_list, record_index
from portal.services.contact_filters import STATES, Wanted
from portal.services.contact_list import Count
from portal.transactions import write
from tests import factories

S = AccountState
DAY = timedelta(days=1)


def found(organisation: Organisation, **wanted: Any) -> list[str]:
    return [
        person.first_name
        for person in contact_list.find(organisation, Wanted(**{"tab": "people", "size": 100, **wanted})).people
    ]


@pytest.fixture(params=["looked through", "sorted", "walked"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test is tried as in a small organisation, in a larger one, and in one with too many to look at each."""
    if request.param != "looked through":
        monkeypatch.setattr(contact_list, "TINY", 0)
    if request.param == "walked":
        monkeypatch.setattr(contact_list, "FEW", 0)
    return str(request.param)


@pytest.fixture
def seven(organisation: Organisation) -> dict[str, Person]:
    """One person in each state, and one whose unlock has expired."""
    now = the_clock.now()

    def one(name: str, state: AccountState, account: dict[str, Any] | None = None, **record: Any) -> Person:
        return factories.person(organisation, f"{name} Contact", state=state, account=account, **record)

    return {
        "Nora": one("Nora", S.NOT_REGISTERED),
        "Petra": one("Petra", S.REGISTRATION_PENDING, {"temporary_password_expires_at": now + timedelta(hours=20)}),
        "Ada": one("Ada", S.ACTIVE, {"last_sign_in_at": now - DAY}, primary_phone="01603 555 0142"),
        "Lou": one("Lou", S.LOCKED, {"last_sign_in_at": now - 9 * DAY}, types=["payroll"]),
        "Una": one("Una", S.UNLOCK_PENDING, {"unlock_expires_at": now + timedelta(hours=2)}),
        "Otto": one("Otto", S.UNLOCK_PENDING, {"unlock_expires_at": now - timedelta(seconds=1)}),
        "Ines": one("Ines", S.INACTIVE, email=""),
    }


ORDERED = {
    "last_name": ["Ada", "Ines", "Lou", "Nora", "Otto", "Petra", "Una"],
    "primary_email": ["Ines", "Ada", "Lou", "Nora", "Otto", "Petra", "Una"],
    "primary_phone": ["Ines", "Lou", "Nora", "Otto", "Petra", "Una", "Ada"],
    "types": ["Ada", "Ines", "Nora", "Otto", "Petra", "Una", "Lou"],
    "state": ["Lou", "Otto", "Una", "Petra", "Nora", "Ada", "Ines"],
    "status": ["Lou", "Otto", "Una", "Petra", "Nora", "Ada", "Ines"],
}


@pytest.mark.usefixtures("seven", "way")
@pytest.mark.parametrize("sort", ORDERED)
def test_each_column_sorts_both_ways(organisation: Organisation, sort: str):
    assert found(organisation, sort=sort) == ORDERED[sort]
    assert found(organisation, sort=f"-{sort}") == ORDERED[sort][::-1]


@pytest.mark.usefixtures("seven", "way")
def test_who_has_never_signed_in_comes_before_the_oldest_sign_in(organisation: Organisation):
    assert found(organisation, sort="last_sign_in")[-2:] == ["Lou", "Ada"]
    assert found(organisation, sort="-last_sign_in")[:2] == ["Ada", "Lou"]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("sort", [*ORDERED, "last_sign_in"])
def test_the_list_opens_at_the_page_of_whoever_is_chosen_and_each_stands_on_one(
    organisation: Organisation, seven: dict[str, Person], sort: str, sign: str
):
    for number in range(15):
        factories.person(organisation, f"More{number} Contact", account={"last_sign_in_at": the_clock.now() - DAY})
    wanted = {"tab": "people", "sort": sign + sort}
    pages = [contact_list.find(organisation, Wanted(**wanted, page=page)).people for page in (1, 2, 3)]
    assert sorted(person.id for page in pages for person in page) == sorted({p.id for page in pages for p in page})
    assert [len(page) for page in pages] == [10, 10, 2]
    for person in seven.values():
        opened = contact_list.find(organisation, Wanted(**wanted), person)
        assert person in opened.people, person.first_name


SHOWN = {
    "not-registered": ["Nora"],
    "registration-pending": ["Petra"],
    "active": ["Ada"],
    "locked": ["Lou", "Otto"],
    "unlock-pending": ["Una"],
    "inactive": ["Ines"],
    "registration-expired": [],
    "no-usable-email": ["Ines"],
    "holds-role": [],
}


@pytest.mark.usefixtures("seven", "way")
@pytest.mark.parametrize("state", SHOWN)
def test_the_state_is_the_one_that_is_shown(organisation: Organisation, state: str):
    assert found(organisation, state=state) == SHOWN[state]


def test_every_state_is_asked_for_in_a_test():
    assert set(SHOWN) | {"expires-today"} == set(STATES)


@pytest.mark.usefixtures("way")
def test_registrations_that_have_expired_and_that_expire_today(
    app: Flask, organisation: Organisation, seven: dict[str, Person], clock: Any
):
    clock.move_to(datetime(2026, 6, 15, 21, 30, tzinfo=the_clock.now().tzinfo))  # 22:30 in London
    with write():
        for name, minutes in (("Petra", 89), ("Una", 60)):
            seven[name].account.temporary_password_expires_at = the_clock.now() + timedelta(minutes=minutes)
    assert found(organisation, state="expires-today") == ["Petra"]
    clock.shift(timedelta(minutes=89))
    assert found(organisation, state="expires-today") == []
    assert found(organisation, state="registration-expired") == ["Petra"]
    assert found(organisation, state="registration-pending") == ["Petra"]
    app.config["TIME_ZONE"] = "UTC"
    with write():
        seven["Petra"].account.temporary_password_expires_at = the_clock.now() + timedelta(hours=2)
    assert found(organisation, state="expires-today") == []


@pytest.mark.usefixtures("way")
def test_filters_hold_together(organisation: Organisation, seven: dict[str, Person]):
    factories.grant(seven["Ada"], Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    with write():
        seven["Una"].email_is_temporary = True
        seven["Petra"].email_bounced_at = the_clock.now()
    assert found(organisation, state="holds-role") == ["Ada"]
    assert found(organisation, state="no-usable-email") == ["Ines", "Petra", "Una"]
    assert found(organisation, state="no-usable-email", status="active") == ["Petra", "Una"]
    assert found(organisation, status="inactive") == ["Ines"]
    assert found(organisation, type="payroll") == ["Lou"]
    assert found(organisation, type="payroll", state="active") == []
    assert found(organisation, tab="contacts", state="locked") == ["Lou"]
    assert found(organisation, state="locked", q="otto") == ["Otto"]


@pytest.mark.usefixtures("way")
def test_whom_mail_does_not_reach_is_asked_of_this_organisation_and_with_every_other_filter(organisation: Organisation):
    elsewhere = factories.organisation("Priory Hospital")
    factories.person(elsewhere, "Elsie Elsewhere", email_is_temporary=True)
    factories.person(organisation, "Paula Payroll", email_is_temporary=True, types=["payroll"])
    factories.person(organisation, "Beth Benefit", email_is_temporary=True, types=["benefit"])
    assert found(organisation, state="no-usable-email") == ["Beth", "Paula"]
    assert found(organisation, state="no-usable-email", type="payroll") == ["Paula"]
    assert found(organisation, state="no-usable-email", q="beth") == ["Beth"]


@pytest.mark.usefixtures("way")
def test_a_search_finds_numbers_usernames_and_phones_however_they_are_typed(organisation: Organisation):
    ada = factories.person(
        organisation, "Ada Contact", primary_phone="01603 555 0142", employee_number="AD-77", state=S.NOT_REGISTERED
    )
    factories.person(organisation, "Otto Contact", primary_phone="01603 555 0143")
    with write():
        accounts.register(ada.account, None)
    username = ada.account.username or ""
    phones = ["01603 555 0142", "+44 1603 555-0142", "5550142", "555 0142"]
    for q in (*phones, username, username.upper(), username[1:8], "AD-77", "contact ada", str(ada.ess_id) + " ada"):
        assert found(organisation, q=q) == ["Ada"], q


def test_what_was_not_counted_to_its_end_is_said_to_be_more(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(contact_list, "FEW", 12)
    monkeypatch.setattr(contact_list, "MOST_FOUND", 12)
    monkeypatch.setattr(contact_list, "MOST_COUNTED", 25)
    for number in range(31):
        factories.person(organisation, f"More{number:02} Contact")
    everybody = contact_list.find(organisation, Wanted(tab="people", page=2))
    assert (everybody.total, everybody.people_count, everybody.contacts_count) == (
        Count(25, True), Count(25, True), Count(0)
    )  # fmt: skip
    assert (everybody.page, everybody.pages, everybody.first, everybody.last) == (2, 3, 11, 20)
    beyond = contact_list.find(organisation, Wanted(tab="people", page=4))
    assert (beyond.page, beyond.pages, beyond.first, beyond.last) == (4, 4, 31, 31)
    past_the_end = contact_list.find(organisation, Wanted(tab="people", page=90))
    assert (past_the_end.page, past_the_end.last) == (4, 31)
    active = contact_list.find(organisation, Wanted(tab="people", state="active", page=3))
    assert (active.total, active.page, active.pages, active.first) == (Count(12, True), 3, 4, 21)


def test_whoever_changes_is_found_by_what_the_record_says_now(organisation: Organisation, way: str):
    """The search's index follows the record, on each database, also where a row is changed past the application."""
    katie = factories.person(organisation, "Katie Contact", employee_number='7"x%_')
    assert found(organisation, q="atie conta") == ["Katie"]
    assert found(organisation, q='7"x%_') == ["Katie"]
    with write():
        katie.last_name = "Wieczorek"
        record_index.refresh(katie)
    assert found(organisation, q="wieczorek") == ["Katie"]
    assert found(organisation, q="kontakt contact") == []
    with write():
        db.session.execute(update(Person).where(Person.id == katie.id).values(search_text="somebody else"))
    assert (found(organisation, q="wieczorek"), found(organisation, q="mebod els")) == ([], ["Katie"])


@pytest.mark.parametrize("q", ["AND OR NOT", "NEAR(a b)", "people_search:x", '"', "'", "%%%", "___", "日本語"])
def test_what_means_something_to_a_search_engine_is_just_text(organisation: Organisation, way: str, q: str):
    factories.person(organisation, "Katie Contact")
    assert found(organisation, q=q) == []
    assert found(organisation, q=f"^kat* {q}" if q in "\"'" else "-kat*") == ["Katie"]
