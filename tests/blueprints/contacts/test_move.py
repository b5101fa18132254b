"""Moving a person to another organisation: it needs both, and takes everything along but roles."""

import pytest
from sqlalchemy import select

from portal.domain.roles import Role
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person, PersonContactType
from portal.services import audit_verification
from tests import factories
from tests.support.client import CheckingClient

URL = "/organisations/42061/contacts"


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"])


@pytest.fixture
def of_both(
    local_admin: Person, other_organisation: Organisation, local_admin_client: CheckingClient
) -> CheckingClient:
    factories.grant(local_admin, Role.LOCAL_ADMINISTRATOR, organisation=other_organisation)
    return local_admin_client


def test_everything_goes_along_and_roles_end(
    katie: Person, organisation: Organisation, other_organisation: Organisation, of_both: CheckingClient
):
    factories.grant(katie, Role.PASSWORD_RESET_OPERATOR, organisation=organisation)
    ess_id, username = katie.ess_id, katie.account.username
    page = of_both.get(f"{URL}/{ess_id}").page
    of_both.get(page.link("Move to another organisation"))
    answer = of_both.submit(f"{URL}/{ess_id}/move", {"organisation": "rx1"})
    page = of_both.follow(answer).page
    assert "The contact has been moved here." in page.words
    assert (katie.organisation_id, katie.account.organisation_id) == (other_organisation.id,) * 2
    assert db.session.scalars(select(PersonContactType.organisation_id)).all().count(other_organisation.id) == 1
    assert (katie.ess_id, katie.account.username) == (ess_id, username)
    assert all(grant.ended_at for grant in katie.account.roles)
    assert [row.kind for row in db.session.scalars(select(OutboxMessage))] == ["role-changed"]
    of_both.get(f"{URL}/{ess_id}", 404)
    assert "Katie Contact" in of_both.get("/organisations/RX1/contacts").page.words
    said = of_both.get(f"/organisations/RX1/contacts/{ess_id}/history").page.words
    assert "moved Katie Contact here from 42061 COUNTY OFFICE OF EDUCATION, to RX1" in said
    chains = {entry.event: entry.chain for entry in db.session.scalars(select(AuditEntry))}
    assert chains["person:record:left"] == organisation.id
    assert chains["person:record:arrived"] == other_organisation.id
    assert audit_verification.verify({}).misfit is None


def test_it_needs_the_administration_of_both(
    katie: Person, other_organisation: Organisation, local_admin_client: CheckingClient, regional_manager_client
):
    page = local_admin_client.get(f"{URL}/{katie.ess_id}").page
    assert "Move to another organisation" not in page.words
    page = local_admin_client.post(f"{URL}/{katie.ess_id}/move", {"organisation": "RX1"}, 422).page
    assert "None of your organisations has this code" in page.words
    regional_manager_client.post(f"{URL}/{katie.ess_id}/move", {"organisation": "RX1"}, 403)
    assert katie.organisation.code == "42061"


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "None of your organisations"), ("NOWHERE", "None of your organisations"), ("42061", "belongs to this")],
)
def test_a_code_that_leads_nowhere_is_said_and_kept(katie: Person, of_both: CheckingClient, typed: str, said: str):
    of_both.get(f"{URL}/{katie.ess_id}/move")
    page = of_both.submit(f"{URL}/{katie.ess_id}/move", {"organisation": typed}, 422).page
    assert said in page.words
    assert page.form(f"{URL}/{katie.ess_id}/move").values["organisation"] == [typed]


def test_nobody_moves_themselves(local_admin: Person, of_both: CheckingClient):
    of_both.get(f"{URL}/{local_admin.ess_id}/move", 403)
    of_both.post(f"{URL}/{local_admin.ess_id}/move", {"organisation": "RX1"}, 403)


def test_the_last_administrator_leaves_only_when_who_stands_above_says_so(
    local_admin: Person, other_organisation: Organisation, central_admin_client: CheckingClient
):
    url = f"{URL}/{local_admin.ess_id}/move"
    central_admin_client.get(url)
    page = central_admin_client.submit(url, {"organisation": "RX1"}, 409).page
    assert "would have no administrator left" in page.words
    assert local_admin.organisation.code == "42061"
    central_admin_client.submit(url, {"confirm": "yes"})
    assert local_admin.organisation.code == "RX1"
