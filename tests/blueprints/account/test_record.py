"""/account/record: Office details, always to be seen, and to be changed in part where the organisation allows it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.models import Organisation, Person
from portal.services import outbox
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.client import Answer, CheckingClient
from tests.support.everybody import rows_of_all_tables
from tests.support.html import text_of
from tests.support.trail import entries, events, mails

URL = "/account/record"
FIELDS = {"primary_phone", "secondary_phone", "mobile_phone", "secondary_email", "version"}


@pytest.fixture
def erin(organisation: Organisation) -> Person:
    return person(
        organisation,
        "Erin Employee",
        types=["payroll", "admin"],
        prefix="Dr",
        job_title="School nurse",
        primary_phone="01603 555 0100",
        secondary_email="erin@home.example",
    )


@pytest.fixture
def browser(erin: Person, as_person: Callable[[Person], CheckingClient]) -> CheckingClient:
    return as_person(erin)


@pytest.fixture
def views_only(organisation: Organisation) -> None:
    """The administrators of the organisation keep the records of its people."""
    with write():
        organisation.own_record_amendable = False


def save(browser: CheckingClient, expect: int = 303, **changes: str) -> Answer:
    browser.get(URL)
    return browser.submit(URL, changes, expect)


def test_the_page_shows_the_record_and_offers_what_its_owner_may_change(browser: CheckingClient, erin: Person):
    page = browser.get(URL).page
    assert page.heading == "Office details"
    for shown in (
        "Dr Erin Employee", erin.account.username, str(erin.ess_id), "School nurse", erin.primary_email,
        "Admin Contact, Payroll Contact", "42061 COUNTY OFFICE OF EDUCATION",
    ):  # fmt: skip
        assert str(shown) in page.words
    form = page.form(URL)
    assert form.names - {"csrf_token"} == FIELDS
    assert form.values["primary_phone"] == ["01603 555 0100"]
    assert form.values["secondary_email"] == ["erin@home.example"]
    assert page.link("Change your e-mail address") == "/account/email"
    assert page.link("See who can help at your organisation") == "/find-administrator/42061"


def test_what_the_owner_saves_is_kept_audited_and_said(browser: CheckingClient, erin: Person):
    answer = save(browser, primary_phone="", mobile_phone=" 07700  900 123 ", secondary_email="Erin@Two.example")
    assert answer.location == URL
    assert "The changes have been saved." in browser.follow(answer).page.words
    assert (erin.primary_phone, erin.mobile_phone) == ("", "07700 900 123")
    assert (erin.secondary_email, erin.version) == ("Erin@two.example", 2)
    assert "erin@two.example" in erin.search_text
    (entry,) = entries(erin)
    assert (entry.event, entry.actor_account_id) == ("person:record:changed", erin.account.id)
    assert entry.details["changes"] == {
        "primary_phone": ["01603 555 0100", ""],
        "mobile_phone": ["", "07700 900 123"],
        "secondary_email": ["erin@home.example", "Erin@two.example"],
    }
    notices = [(row.kind, row.recipient, row.is_copy) for row in mails()]
    assert notices == [
        ("email-changed", erin.primary_email, False),
        ("email-changed", "erin@home.example", True),
        ("email-changed", "Erin@two.example", True),
    ]


def test_saving_nothing_new_says_so_and_writes_nothing(browser: CheckingClient, erin: Person):
    assert "Nothing was different" in browser.follow(save(browser)).page.words
    assert (erin.version, events(erin)) == (1, [])


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("primary_phone", "12", "Primary Phone Number: enter it with its area code, such as 0121 234 5678"),
        ("mobile_phone", "07700 900123\r\nx", "Leave out line breaks and other characters that cannot be printed"),
        ("secondary_phone", "0" * 41, "Secondary Phone Number: use 40 characters or fewer"),
        ("secondary_email", "erin@", "Secondary Email Address: enter it in the form name@organisation.example"),
        ("secondary_email", f"{'e' * 250}@coe.example", "Secondary Email Address: this is too long to be an e-mail"),
        ("secondary_email", "erin.employee@COE.example", "This is your primary e-mail address already"),
        ("secondary_email", "a@b.example\r\nBcc: evil@b.example", "Secondary Email Address: enter it in the form"),
        ("secondary_email", "érin@coe.example", "Secondary Email Address: enter it in the form"),
    ],
)
def test_the_rules_are_those_of_the_contact_form(
    browser: CheckingClient, erin: Person, field: str, typed: str, words: str
):
    page = save(browser, 422, **{field: typed}).page
    assert page.title.startswith("Error: ")
    assert words in page.text_at(f"{field}-error")
    assert [link.get("href") for link in page.one("div", class_="nhsuk-error-summary").iter("a")] == [f"#{field}"]
    assert page.form(URL).values["version"] == ["1"]
    assert (erin.version, events(erin)) == (1, [])


def test_what_is_not_the_owners_to_change_is_ignored(browser: CheckingClient, erin: Person):
    before = rows_of_all_tables()
    forged = {
        "role": "central_administrator", "status": "inactive", "state": "inactive", "first_name": "Eve",
        "last_name": "Evil", "primary_email": "eve@evil.example", "primary_email_folded": "eve@evil.example",
        "has_no_email": "yes", "types": ["tpa"], "username": "root", "organisation_id": "99", "ess_id": "1",
        "job_title": "Head", "employee_number": "1", "staff_group": "bank", "smartcard_linked": "", "password": "x",
        "is_admin": "yes", "failures": "0", "own_record_amendable": "yes", "mobile_phone": "07700 900 123",
    }  # fmt: skip
    browser.get(URL)
    browser.post(URL, {**browser.page.form(URL).values, **forged})  # type: ignore[union-attr]
    after = rows_of_all_tables()
    changed = {table for table in before if before[table] != after[table]}
    assert changed == {"people", "audit_entries", "audit_chains"}
    columns = Person.__table__.columns.keys()
    (different,) = [
        {name for name, one, other in zip(columns, old, new, strict=True) if one != other}
        for old, new in zip(before["people"], after["people"], strict=True)
        if old != new
    ]
    assert different <= {"mobile_phone", "version", "updated_at", "search_text"}, "what the search reads follows"
    assert erin.mobile_phone == "07700 900 123"


def test_an_administrator_and_the_owner_get_a_clear_conflict(
    browser: CheckingClient, erin: Person, local_admin_client: CheckingClient
):
    browser.get(URL)
    contact = f"/organisations/42061/contacts/{erin.ess_id}"
    local_admin_client.get(contact)
    local_admin_client.submit(contact, {"primary_phone": "01603 555 019", "job_title": "Head nurse"})
    answer = browser.submit(URL, {"primary_phone": "01603 555 011"}, 409)
    page = answer.page
    assert "Somebody else has changed this record" in page.text_at("contact-conflict")
    (row,) = page.all("tbody")
    assert [text_of(cell) for cell in row.iter("td")] == [
        "In the record now 01603 555 019",
        "What you typed 01603 555 011",
    ]
    assert erin.primary_phone == "01603 555 019"
    browser.submit(URL, {})
    assert (erin.primary_phone, erin.job_title) == ("01603 555 011", "Head nurse")


@pytest.mark.parametrize("version", ["0", "x", "-1", "99", "1" * 30])
def test_a_version_that_nobody_knows_is_a_conflict(browser: CheckingClient, erin: Person, version: str):
    save(browser, 409, version=version, mobile_phone="07700 900 123")
    assert (erin.mobile_phone, erin.version) == ("", 1)


@pytest.mark.usefixtures("views_only")
def test_where_administrators_keep_the_records_the_page_says_who_they_are(browser: CheckingClient):
    page = browser.get(URL).page
    assert not page.has_form(URL)
    for shown in ("01603 555 0100", "erin@home.example", "In your organisation the administrators keep this record"):
        assert shown in page.words
    assert page.link("See who can help at your organisation") == "/find-administrator/42061"


def test_where_administrators_keep_the_records_nothing_is_saved(
    browser: CheckingClient, erin: Person, organisation: Organisation
):
    browser.get(URL)
    with write():
        organisation.own_record_amendable = False
    before = rows_of_all_tables()
    browser.submit(URL, {"mobile_phone": "07700 900 123"}, 403)
    assert rows_of_all_tables() == before


def test_without_its_token_nothing_is_saved(browser: CheckingClient, erin: Person):
    browser.get(URL)
    browser.post(URL, {"mobile_phone": "07700 900 123"}, 403, csrf=False)
    assert erin.mobile_phone == ""


def test_phones_are_those_of_the_organisations_country(
    other_organisation: Organisation, as_person: Callable[[Person], CheckingClient]
):
    with write():
        other_organisation.country = "US"
    page = save(as_person(person(other_organisation, "Una States")), 422, primary_phone="1").page
    assert "such as (201) 555-0123" in page.text_at("primary_phone-error")


def test_names_are_text_whatever_they_hold(as_person: Any, organisation: Organisation):
    name = '<img src=x onerror=alert(1)> " hx-get="//evil {{7*7}}'
    page = as_person(person(organisation, name, email="x@coe.example", job_title="<b>Clerk</b>")).get(URL).page
    assert page.all("img", src="x") == page.all("b") == []
    assert "{{7*7}}" in page.words


@pytest.mark.usefixtures("cheap_hashes")
def test_after_an_hour_another_secondary_address_asks_for_the_password_and_a_phone_does_not(
    clock: Any, erin: Person, as_person: Callable[[Person], CheckingClient]
):
    browser = as_person(erin)
    for _ in range(3):
        browser.get(URL)
        clock.shift(timedelta(minutes=21))
    assert save(browser, mobile_phone="07700 900123").location == URL
    asks = save(browser, secondary_email="erin@two.example")
    assert asks.location.startswith("/account/confirm?next=/account/record")
    assert erin.secondary_email == "erin@home.example"
    browser.follow(asks)
    back = browser.submit("/account/confirm", {"password": PASSWORD})
    browser.follow(back)
    for _ in range(2):
        page = browser.get(URL).page
        assert page.form(URL).values["secondary_email"] == ["erin@two.example"]
        assert "What you typed is not saved yet" in page.words
    browser.submit(URL)
    assert "not saved yet" not in browser.get(URL).page.words
    assert erin.secondary_email == "erin@two.example"


def test_an_address_that_nobody_has_proven_gets_five_copies_an_hour(erin: Person, clock: Any):
    for _ in range(8):
        with write():
            outbox.queue("locked", account=erin.account, zone="internet")
    assert [row.recipient for row in mails()].count("erin@home.example") == outbox.MOST_COPIES
    assert [row.recipient for row in mails()].count(erin.primary_email) == 8
    clock.shift(timedelta(minutes=61))
    with write():
        outbox.queue("locked", account=erin.account, zone="internet")
    assert [row.recipient for row in mails()].count("erin@home.example") == outbox.MOST_COPIES + 1
