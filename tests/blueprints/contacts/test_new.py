"""New: the same screen with empty panels; after Save the new contact is chosen. Whatever is typed, nothing breaks."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.contact_details import tidy
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page, text_of

URL = "/organisations/42061/contacts"
DATA = Path(__file__).parents[4] / "shared" / "data"
FIELDS = (
    "first_name", "middle_name", "last_name", "primary_phone", "primary_email", "secondary_email", "job_title",
    "employee_number", "prefix", "suffix", "gender", "staff_group", "status", "types", "version",
)  # fmt: skip
NEW = {"first_name": "Nina", "last_name": "Newcomer", "has_no_email": "yes"}


def lines(name: str, count: int) -> list[str]:
    file = DATA / "names" / name
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    found = file.read_text("utf-8").splitlines()
    return found[:: max(len(found) // count, 1)]


def active(page: Page) -> int:
    """How much there is on the page that no text of ours made."""
    return len(page.all("script", "img", "iframe", "object", "embed", "marquee", "video", "audio", "meta", "link"))


def people() -> list[Person]:
    return list(db.session.scalars(select(Person).order_by(Person.id)))


def test_new_opens_empty_panels(local_admin: Person, local_admin_client: CheckingClient):
    page = local_admin_client.get(f"{URL}/new?tab=people").page
    form = page.form(f"{URL}/new")
    assert form.element.get("id") == "contact-details"
    assert form.action.endswith("/new?tab=people")
    assert not page.has_id("self-service-details")
    assert {name: value for name, value in form.values.items() if value != [""] and name != "csrf_token"} == {
        "staff_group": ["permanent"],
        "status": ["active"],
    }
    assert "version" not in form.names
    assert page.text_at("chosen-name") == "New contact"
    assert "Lena Administrator" in page.text_at("contact-list")


def test_after_save_the_new_contact_is_chosen(local_admin: Person, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/new?tab=people&q=lena")
    answer = local_admin_client.submit(
        f"{URL}/new",
        {
            "first_name": "José",
            "last_name": "Núñez",
            "primary_email": "jose@coe.example",
            "confirm_primary_email": "JOSE@coe.example",
            "types": ["payroll", "admin"],
            "email_is_temporary": "yes",
        },
    )
    person = people()[-1]
    assert answer.location == f"{URL}/{person.ess_id}#self-service-details"
    page = local_admin_client.follow(answer).page
    assert page.one("tr", class_="app-row--chosen").get("data-ess-id") == str(person.ess_id)
    panel = page.text_at("self-service-details")
    assert "The contact has been created." in panel
    assert "marked as temporary" in panel
    assert (person.full_name, person.primary_email, person.type_names) == (
        "José Núñez",
        "jose@coe.example",
        {"admin", "payroll"},
    )
    assert person.account.state is AccountState.NOT_REGISTERED
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id)).all()
    assert (entry.event, entry.actor_account_id) == ("person:record:created", local_admin.account.id)
    assert db.session.scalars(select(OutboxMessage)).all() == []


def test_somebody_without_contact_types_is_chosen_among_all_people(local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/new")
    answer = local_admin_client.submit(f"{URL}/new", NEW)
    assert answer.location == f"{URL}/{people()[-1].ess_id}?tab=people#self-service-details"


def test_what_is_missing_is_said(local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/new")
    page = local_admin_client.submit(f"{URL}/new", {"middle_name": "M"}, 422).page
    summary = [text_of(item) for item in page.one("div", class_="nhsuk-error-summary").iter("li")]
    assert summary == [
        "Enter the first name",
        "Enter the last name",
        "Enter the primary e-mail address, or say that there is none",
    ]
    assert page.form(f"{URL}/new").values["middle_name"] == ["M"]
    assert len(people()) == 1


def test_a_double_press_makes_one_person(organisation: Organisation, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/new")
    fields = {**NEW, "has_no_email": [], "primary_email": "n@coe.example", "confirm_primary_email": "n@coe.example"}
    local_admin_client.submit(f"{URL}/new", fields)
    page = local_admin_client.submit(f"{URL}/new", fields, 422).page
    assert page.has_id("duplicates")
    local_admin_client.submit(f"{URL}/new", {"allow_duplicate": "yes"})
    assert len(people()) == 3


def test_a_phone_number_is_read_in_the_organisations_country(local_admin: Person, local_admin_client: CheckingClient):
    thai = factories.organisation("TH1", "BANGKOK CLINIC", country="Thailand")
    factories.grant(local_admin, factories.Role.LOCAL_ADMINISTRATOR, organisation=thai)
    url = "/organisations/TH1/contacts/new"
    local_admin_client.get(url)
    page = local_admin_client.submit(url, {**NEW, "primary_phone": "02 12"}, 422).page
    assert "such as 02 123 4567" in page.words
    local_admin_client.submit(url, {"primary_phone": "０２ 123  4567", "mobile_phone": "+44 7700 900123"})
    assert (people()[-1].primary_phone, people()[-1].mobile_phone) == ("02 123 4567", "+44 7700 900123")


@pytest.mark.parametrize("name", ["hard_surnames.txt", "hard_female_given_names.txt", "hard_male_given_names.txt"])
def test_hard_names_are_names(organisation: Organisation, local_admin_client: CheckingClient, name: str):
    for hard in lines(name, 3):
        local_admin_client.get(f"{URL}/new")
        answer = local_admin_client.submit(f"{URL}/new", {**NEW, "first_name": hard, "last_name": hard})
        assert people()[-1].last_name == tidy(hard)
        page = local_admin_client.follow(answer).page
        assert page.form(answer.location.partition("?")[0].partition("#")[0]).values["last_name"] == [tidy(hard)]
        found = local_admin_client.get(URL, query_string={"tab": "people", "q": hard, "size": "100"}).page
        assert people()[-1].full_name in found.text_at("contact-list"), hard


@pytest.fixture(scope="module")
def naughty_strings() -> list[str]:
    file = DATA / "bad-input" / "blns.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    return [text for text in json.loads(file.read_text("utf-8")) if text]


def test_bad_input_in_every_field_is_answered(
    organisation: Organisation, local_admin_client: CheckingClient, naughty_strings: list[str]
):
    url = f"{URL}/{factories.person(organisation, 'Katie Contact').ess_id}"
    token = local_admin_client.get(url).page.form(url).values["csrf_token"][0]
    for number, text in enumerate(naughty_strings[::16]):
        alone = {**NEW, FIELDS[number % len(FIELDS)]: text, "csrf_token": token}
        everywhere = {**dict.fromkeys(FIELDS, text), "csrf_token": token}
        for target, typed in ((f"{URL}/new", everywhere), (url, alone)):
            assert local_admin_client.open(target, method="POST", data=typed).status_code in (303, 409, 422), text
        assert local_admin_client.open(URL, query_string={"q": text}).status_code == 200, text


def test_bad_input_stays_text(
    organisation: Organisation, local_admin_client: CheckingClient, naughty_strings: list[str]
):
    plain = active(local_admin_client.get(f"{URL}/new").page)
    for text in [text for text in naughty_strings if "<" in text][::20]:
        page = local_admin_client.ask("POST", f"{URL}/new", dict.fromkeys(FIELDS, text)).page
        assert page is not None, text
        assert active(page) == plain, text
        local_admin_client.ask("POST", f"{URL}/new", {**NEW, "first_name": text, "last_name": text})
    assert active(local_admin_client.get(f"{URL}?tab=people&size=100").page) == plain
