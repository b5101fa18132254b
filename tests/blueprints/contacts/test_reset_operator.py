"""The reset operator's screen: find somebody, send the recovery mail, give a password in person, and nothing else."""

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import AuditEntry, Organisation, Person
from tests import factories
from tests.support.client import CheckingClient

URL = "/organisations/42061/contacts"
S = AccountState


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", state=S.LOCKED, job_title="Nurse")


def test_the_screen_finds_everybody_and_says_little(
    katie: Person, local_admin: Person, reset_operator_client: CheckingClient
):
    page = reset_operator_client.get(f"{URL}?q=katie&tab=contacts&state=active").page
    assert page.has_id(f"contact-{katie.ess_id}")
    for gone in ("Export to Excel", "All types", "Next step", "Nurse"):
        assert gone not in page.words
    assert not page.has_id("new-contact")


def test_the_panel_has_the_two_ways_in_and_no_record(katie: Person, reset_operator_client: CheckingClient):
    page = reset_operator_client.get(f"{URL}/{katie.ess_id}").page
    assert not page.has_id("contact-details")
    assert not page.has_id("roles")
    sent = [form.action.partition("/contacts/")[2] for form in page.forms if "/contacts/" in form.action]
    assert sent == [f"{katie.ess_id}/recovery-mail"]
    assert page.link("Give a temporary password in person") == f"{URL}/{katie.ess_id}/temporary-password"
    assert "Total No of Unsuccessful Attempts" not in page.words


def test_the_operator_helps_an_employee_in(katie: Person, reset_operator: Person, reset_operator_client):
    reset_operator_client.post(f"{URL}/{katie.ess_id}/recovery-mail")
    reset_operator_client.post(f"{URL}/{katie.ess_id}/temporary-password", {"method": "known"}, 200)
    assert katie.account.state is S.REGISTRATION_PENDING
    actors = db.session.scalars(select(AuditEntry.actor_account_id).where(AuditEntry.person_id == katie.id)).all()
    assert actors == [reset_operator.account.id] * 2


@pytest.mark.parametrize("why", ["smartcard", "role"])
def test_whom_an_operator_does_not_help_the_refusal_names_who_does(
    organisation: Organisation, local_admin: Person, reset_operator_client: CheckingClient, why: str
):
    person = factories.person(organisation, "Sam Special", smartcard_linked=why == "smartcard")
    if why == "role":
        factories.grant(person, Role.PASSWORD_RESET_OPERATOR, organisation=organisation)
    page = reset_operator_client.get(f"{URL}/{person.ess_id}").page
    assert "Who can: Lena Administrator." in page.text_at("self-service-details")
    assert not page.has_form(f"{URL}/{person.ess_id}/recovery-mail")
    for path, fields in (("recovery-mail", {}), ("temporary-password", {"method": "known"})):
        answer = reset_operator_client.post(f"{URL}/{person.ess_id}/{path}", fields, 403)
        assert "Who can: Lena Administrator." in answer.page.text_at("self-service-refusal")
    reset_operator_client.get(f"{URL}/{person.ess_id}/temporary-password", 403)
    assert person.account.state is S.ACTIVE


def test_an_operator_registers_nobody(organisation: Organisation, reset_operator_client: CheckingClient):
    nia = factories.person(organisation, "Nia New", state=S.NOT_REGISTERED)
    reset_operator_client.post(f"{URL}/{nia.ess_id}/temporary-password", {"method": "known"}, 409)
    for path in ("register", "unlock", "re-enrol", "deactivate", "roles", ""):
        reset_operator_client.post(f"{URL}/{nia.ess_id}/{path}".rstrip("/"), {}, 403)
    assert nia.account.state is S.NOT_REGISTERED


def test_who_is_administrator_elsewhere_is_an_operator_only_here(
    organisation: Organisation, other_organisation: Organisation, reset_operator: Person, reset_operator_client
):
    """Two roles do not add up: what one permits is not permitted in the scope of the other."""
    factories.grant(reset_operator, Role.LOCAL_ADMINISTRATOR, organisation=other_organisation)
    person = factories.person(organisation, "Sam Special", smartcard_linked=True)
    reset_operator_client.post(f"{URL}/{person.ess_id}/temporary-password", {"method": "known"}, 403)


def test_the_operators_menu_leads_here(reset_operator_client: CheckingClient):
    assert reset_operator_client.get("/account").page.link("Organisation contacts") == URL
