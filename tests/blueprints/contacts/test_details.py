"""Contact Details and Contact Types: one form, one Save."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import AuditEntry, Organisation, Person
from tests import factories
from tests.support.client import Answer, CheckingClient
from tests.support.html import Page, text_of

URL = "/organisations/42061/contacts"


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(
        organisation,
        "Katie Contact",
        types=["benefit", "payroll"],
        prefix="Dr",
        gender="female",
        primary_phone="01603 555 0100",
        job_title="Clerk",
    )


def save(browser: CheckingClient, person: Person, expect: int = 303, **changes: object) -> Answer:
    browser.get(f"{URL}/{person.ess_id}")
    return browser.submit(f"{URL}/{person.ess_id}", changes, expect)  # type: ignore[arg-type]


def errors(page: Page) -> dict[str, str]:
    """The error beside each field; the summary must lead to the same fields."""
    beside = {
        (node.get("id") or "").removesuffix("-error"): text_of(node).removeprefix("Error: ")
        for node in page.all("span", class_="nhsuk-error-message")
    }
    summary = page.one("div", class_="nhsuk-error-summary")
    assert {link.get("href") for link in summary.iter("a")} == {f"#{name}" for name in beside}
    return beside


def entries(person: Person) -> list[tuple[str, dict[str, object]]]:
    found = db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id).order_by(AuditEntry.id))
    return [(entry.event, entry.details) for entry in found]


def test_the_form_has_what_the_record_says(katie: Person, local_admin_client: CheckingClient):
    page = local_admin_client.get(f"{URL}/{katie.ess_id}").page
    form = page.form(f"{URL}/{katie.ess_id}")
    assert form.element.get("id") == "contact-details"
    assert form.names - {"csrf_token"} == {
        "prefix", "first_name", "middle_name", "last_name", "suffix", "gender", "primary_phone", "secondary_phone",
        "mobile_phone", "primary_email", "confirm_primary_email", "has_no_email", "email_is_temporary",
        "secondary_email", "job_title", "staff_group", "employee_number", "smartcard_linked", "status", "types",
        "version",
    }  # fmt: skip
    assert form.values["types"] == ["benefit", "payroll"]
    assert (form.values["prefix"], form.values["gender"], form.values["status"]) == (["Dr"], ["female"], ["active"])
    assert form.values["confirm_primary_email"] == [""]
    assert any(node is page.by_id("contact-types") for node in form.element.iter())


def test_one_save_keeps_details_and_types(katie: Person, local_admin: Person, local_admin_client: CheckingClient):
    answer = save(
        local_admin_client,
        katie,
        first_name="  Katherine ",
        mobile_phone="07700  900 123",
        types=["tpa"],
        suffix="II",
        gender="non_binary",
        staff_group="bank",
        employee_number="E-17",
    )
    assert answer.location == f"{URL}/{katie.ess_id}#chosen-contact"
    page = local_admin_client.follow(answer).page
    said = page.text_at("chosen-contact")
    assert "The changes have been saved. First Name from Katie to Katherine; Name Suffix set to II; Gender from" in said
    assert "Contact Types from Benefit Contact, Payroll Contact to TPA Contact." in said
    assert (katie.first_name, katie.mobile_phone, katie.suffix) == ("Katherine", "07700 900 123", "II")
    assert katie.type_names == {"tpa"}
    ((event, details),) = entries(katie)
    assert event == "person:record:changed"
    assert details["changes"] == {
        "first_name": ["Katie", "Katherine"],
        "suffix": ["", "II"],
        "gender": ["female", "non_binary"],
        "mobile_phone": ["", "07700 900 123"],
        "staff_group": ["permanent", "bank"],
        "employee_number": ["", "E-17"],
        "types": [["benefit", "payroll"], ["tpa"]],
    }


def test_saving_nothing_new_says_so(katie: Person, local_admin_client: CheckingClient):
    page = local_admin_client.follow(save(local_admin_client, katie)).page
    assert "Nothing was different" in page.text_at("chosen-contact")
    assert entries(katie) == []


def test_saving_keeps_the_list_in_its_address(katie: Person, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/{katie.ess_id}?tab=people&q=kat&size=25&page=1")
    answer = local_admin_client.submit(f"{URL}/{katie.ess_id}", {"job_title": "Head"})
    assert answer.location == f"{URL}/{katie.ess_id}?tab=people&q=kat&size=25#chosen-contact"


def test_errors_stand_beside_the_field_and_nothing_typed_is_lost(katie: Person, local_admin_client: CheckingClient):
    page = save(
        local_admin_client,
        katie,
        422,
        first_name=" ",
        last_name="a\x00b",
        primary_phone="12",
        primary_email="katie@",
        secondary_email="x y@coe.example",
        job_title="j" * 121,
        types=["admin"],
    ).page
    assert errors(page) == {
        "first_name": "Enter the first name",
        "last_name": "Leave out line breaks and other characters that cannot be printed",
        "primary_phone": "Primary Phone Number: enter it with its area code, such as 0121 234 5678",
        "primary_email": "Primary Email Address: enter it in the form name@organisation.example",
        "confirm_primary_email": "Enter the primary e-mail address again, to confirm it",
        "secondary_email": "Secondary Email Address: enter it in the form name@organisation.example",
        "job_title": "Job Title: use 120 characters or fewer",
    }
    typed = page.form(f"{URL}/{katie.ess_id}").values
    assert (typed["primary_phone"], typed["primary_email"], typed["types"]) == (["12"], ["katie@"], ["admin"])
    assert (katie.first_name, katie.type_names, entries(katie)) == ("Katie", {"benefit", "payroll"}, [])


def test_htmx_gets_the_same_form_back(katie: Person, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    answer = local_admin_client.submit(f"{URL}/{katie.ess_id}", {"first_name": ""}, 422, htmx=True)
    assert errors(answer.page) == {"first_name": "Enter the first name"}
    page = local_admin_client.submit(f"{URL}/{katie.ess_id}", {"first_name": "Kate"}, htmx=True).page
    assert "The changes have been saved." in page.text_at("chosen-contact")
    assert "Kate Contact" in page.text_at("contact-list")
    assert page.form(f"{URL}/{katie.ess_id}").values["version"] == [str(katie.version)]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"primary_email": ""}, "primary_email", "Enter the primary e-mail address, or say that there is none"),
        (
            {"has_no_email": "yes"},
            "primary_email",
            "Either enter an e-mail address or say that there is none, not both",
        ),
        (
            {"primary_email": "new@coe.example"},
            "confirm_primary_email",
            "Enter the primary e-mail address again, to confirm it",
        ),
        (
            {"primary_email": "new@coe.example", "confirm_primary_email": "knew@coe.example"},
            "confirm_primary_email",
            "The two e-mail addresses are not the same",
        ),
        ({"gender": "other"}, "gender", "Choose one from the list"),
        (
            {"secondary_email": "用户@coe.example"},
            "secondary_email",
            "Secondary Email Address: enter it in the form name@organisation.example",
        ),
    ],
)
def test_what_is_not_right_is_said(
    katie: Person, local_admin_client: CheckingClient, changes: dict[str, str], field: str, words: str
):
    assert errors(save(local_admin_client, katie, 422, **changes).page) == {field: words}


@pytest.mark.parametrize(
    "address", ["kate@trust.local", "Kate.O'Hara+x@sub.coe.test", "user@例え.example", "k@localhost.invalid"]
)
def test_special_addresses_are_addresses(katie: Person, local_admin_client: CheckingClient, address: str):
    save(local_admin_client, katie, primary_email=address, confirm_primary_email=address.upper())
    assert katie.primary_email == address


def test_somebody_may_have_no_address(katie: Person, local_admin_client: CheckingClient):
    save(local_admin_client, katie, primary_email="", has_no_email="yes", email_is_temporary="yes")
    assert (katie.primary_email, katie.has_no_email, katie.email_is_temporary) == ("", True, False)


def test_a_shared_address_is_shown_and_kept_on_purpose(
    organisation: Organisation, katie: Person, local_admin_client: CheckingClient
):
    bruno = factories.person(organisation, "Bruno <b>Contact</b>", email="Shared@coe.example")
    new = {"primary_email": "shared@coe.example", "confirm_primary_email": "shared@coe.example"}
    page = save(local_admin_client, katie, 422, **new).page
    assert "primary_email" in errors(page)
    assert page.link(f"Bruno <b>Contact</b>, ESS ID {bruno.ess_id}") == f"{URL}/{bruno.ess_id}?tab=people"
    assert page.form(f"{URL}/{katie.ess_id}").values["confirm_primary_email"] == ["shared@coe.example"]
    local_admin_client.submit(f"{URL}/{katie.ess_id}", {"allow_duplicate": "yes"})
    assert katie.primary_email == "shared@coe.example"


def test_an_address_of_another_organisation_is_never_named(
    other_org_admin: Person, katie: Person, local_admin_client: CheckingClient
):
    address = other_org_admin.primary_email
    save(local_admin_client, katie, primary_email=address, confirm_primary_email=address)
    assert katie.primary_email == address


def test_two_administrators_get_a_clear_conflict(
    organisation: Organisation, katie: Person, local_admin_client: CheckingClient, central_admin_client: CheckingClient
):
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    save(
        central_admin_client,
        katie,
        job_title="Head of <Benefits>",
        primary_email="kate@coe.example",
        confirm_primary_email="kate@coe.example",
    )
    page = local_admin_client.submit(f"{URL}/{katie.ess_id}", {"last_name": "Smith", "types": []}, 409).page
    conflict = page.text_at("contact-conflict")
    assert "Somebody else has changed this record" in conflict
    assert "Head of <Benefits>" in conflict
    assert "kate@coe.example" in conflict
    assert katie.last_name == "Contact"
    typed = page.form(f"{URL}/{katie.ess_id}").values
    assert (typed["last_name"], typed["job_title"], typed["primary_email"]) == (
        ["Smith"],
        ["Clerk"],
        ["katie.contact@coe.example"],
    )
    assert "types" not in typed
    again = {"job_title": "Head of <Benefits>", "primary_email": "kate@coe.example"}
    local_admin_client.submit(f"{URL}/{katie.ess_id}", again)
    assert (katie.last_name, katie.job_title, katie.primary_email) == (
        "Smith",
        "Head of <Benefits>",
        "kate@coe.example",
    )


@pytest.mark.parametrize("version", ["0", "", "x", "-1", "1" * 40, "²"])
def test_a_version_that_nobody_knows_is_a_conflict(katie: Person, local_admin_client: CheckingClient, version: str):
    save(local_admin_client, katie, 409, version=version, last_name="Smith")
    assert katie.last_name == "Contact"


def test_the_status_closes_and_reopens_the_account(clock, katie: Person, local_admin_client: CheckingClient):
    clock.shift(timedelta(seconds=1))
    answer = save(local_admin_client, katie, status="inactive")
    page = local_admin_client.follow(answer).page
    assert katie.account.state is AccountState.INACTIVE
    assert page.by_id("self-service-details").get("data-account-state") == "inactive"
    assert [event for event, _ in entries(katie)] == ["account:life:deactivated"]
    local_admin_client.submit(f"{URL}/{katie.ess_id}", {"status": "active"})
    assert katie.account.state is AccountState.NOT_REGISTERED


def test_the_browser_asks_before_somebody_is_made_inactive(katie: Person, local_admin_client: CheckingClient):
    form = local_admin_client.get(f"{URL}/{katie.ess_id}").page.by_id("contact-details")
    assert "Make Katie Contact inactive?" in (form.get("data-confirm") or "")
    assert form.get("data-confirm-when") == "status=inactive"


def test_fields_that_are_not_the_forms_change_nothing(katie: Person, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    fields = local_admin_client.page.form(f"{URL}/{katie.ess_id}").values  # type: ignore[union-attr]
    more = {
        "username": "root",
        "ess_id": "1",
        "organisation_id": "9",
        "role": "central_administrator",
        "state": "active",
    }
    before = (katie.ess_id, katie.organisation_id, katie.account.username, katie.account.state)
    local_admin_client.post(f"{URL}/{katie.ess_id}", {**fields, **more, "job_title": "Head", "is_contact": ""})
    assert (katie.ess_id, katie.organisation_id, katie.account.username, katie.account.state) == before
    assert katie.is_contact
    assert katie.account.roles == []


def test_a_changed_address_says_that_the_temporary_password_is_void(
    organisation: Organisation, local_admin_client: CheckingClient
):
    nomi = factories.person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    new = "nomi@new.example"
    answer = save(local_admin_client, nomi, primary_email=new, confirm_primary_email=new)
    page = local_admin_client.follow(answer).page
    assert "The temporary password went to the earlier address and no longer works" in page.text_at("chosen-contact")
    answer = save(local_admin_client, nomi, job_title="Clerk")
    assert "earlier address" not in local_admin_client.follow(answer).page.text_at("chosen-contact").split("Job")[0]


@pytest.mark.parametrize("changes", [{"first_name": ""}, {"job_title": "Clerk in chief", "version": "99"}])
def test_a_linked_smartcard_stays_linked_whatever_goes_wrong(
    organisation: Organisation, local_admin_client: CheckingClient, changes: dict[str, str]
):
    carda = factories.person(organisation, "Carda Holder", smartcard_linked=True)
    page = save(local_admin_client, carda, 409 if "version" in changes else 422, **changes).page
    assert "Only a central administrator can take this back" in page.text_at("contact-details")
    assert "smartcard" not in (page.text_at("contact-conflict") if page.has_id("contact-conflict") else "")
    save(local_admin_client, carda, job_title="Clerk")
    assert carda.smartcard_linked


def test_ones_own_address_is_not_changed_here(local_admin: Person, local_admin_client: CheckingClient):
    new = {"primary_email": "new@coe.example", "confirm_primary_email": "new@coe.example", "status": "inactive"}
    assert set(errors(save(local_admin_client, local_admin, 422, **new).page)) == {"primary_email", "status"}
    save(local_admin_client, local_admin, job_title="Head")
    assert local_admin.job_title == "Head"


def test_the_record_of_somebody_higher_is_only_read(regional_manager: Person, local_admin_client: CheckingClient):
    url = f"{URL}/{regional_manager.ess_id}"
    page = local_admin_client.get(url).page
    assert not page.has_form(url)
    assert "rosa.manager@coe.example" in page.text_at("contact-details")
    local_admin_client.post(url, {"first_name": "Eve", "last_name": "Evil"}, 403)
    assert regional_manager.first_name == "Rosa"


def test_a_regional_manager_reads_the_record_and_changes_only_roles(
    katie: Person, local_admin: Person, regional_manager_client: CheckingClient
):
    url = f"{URL}/{katie.ess_id}"
    page = regional_manager_client.get(url).page
    sent = [form.action for form in page.forms if "/contacts/" in form.action and form.method == "post"]
    assert sent == [f"{url}/roles"]
    assert "Benefit Contact, Payroll Contact" in page.text_at("contact-types")
    assert "Female" in page.text_at("contact-details")


def test_a_person_of_another_organisation_is_not_there(
    other_organisation: Organisation, local_admin_client: CheckingClient
):
    elsewhere = factories.person(other_organisation, "Elsa Elsewhere")
    for code in ("RX1", "42061"):
        url = f"/organisations/{code}/contacts/{elsewhere.ess_id}"
        local_admin_client.get(url, expect=404)
        local_admin_client.post(url, {"first_name": "Eve", "last_name": "Evil"}, 404)
    assert elsewhere.first_name == "Elsa"
    local_admin_client.get(f"{URL}/99999999999999999999999", expect=404)


def test_a_save_says_its_own_changes_and_no_earlier_ones(clock, katie: Person, local_admin_client: CheckingClient):
    url = f"{URL}/{katie.ess_id}"
    save(local_admin_client, katie, job_title="Nurse")
    clock.shift(timedelta(minutes=1))
    local_admin_client.get(url)
    page = local_admin_client.submit(url, {"status": "inactive"}, htmx=True, expect=200).page
    assert "The changes have been saved. Status from Active to Inactive." in page.text_at("chosen-contact")
    clock.shift(timedelta(minutes=1))
    local_admin_client.get(url)
    page = local_admin_client.submit(url, {"status": "active", "job_title": ""}, htmx=True, expect=200).page
    said = page.text_at("chosen-contact")
    assert "saved. Job Title, which was Nurse, removed; Status from Inactive to Active." in said
