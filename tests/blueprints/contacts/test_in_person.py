"""A temporary password in person: after an identity check, shown once, and a notice to the address held."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person
from tests import factories
from tests.support.client import CheckingClient

S = AccountState
PASSWORD = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], state=S.LOCKED)


def url_of(person: Person) -> str:
    return f"/organisations/42061/contacts/{person.ess_id}/temporary-password"


def entries(person: Person) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id)))


def mails() -> list[tuple[str, str]]:
    return [(row.kind, row.recipient) for row in db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))]


def test_it_is_shown_once_with_the_username_and_lets_its_owner_in(
    katie: Person, local_admin_client: CheckingClient, client: CheckingClient
):
    local_admin_client.get(url_of(katie))
    answer = local_admin_client.submit(url_of(katie), {"method": "photo_id", "reference": "passport 4711"}, 200)
    assert answer.headers["Cache-Control"] == "no-store"
    slip = answer.page.text_at("slip")
    (secret,) = PASSWORD.findall(slip)
    assert katie.account.username in slip
    assert "http://127.0.0.1:8000/sign-in" in slip
    assert (katie.account.state, katie.account.re_enrolled, katie.account.enrolled) == (
        S.REGISTRATION_PENDING, True, False,
    )  # fmt: skip
    assert secret not in local_admin_client.get(f"/organisations/42061/contacts/{katie.ess_id}").text
    client.get("/sign-in")
    answer = client.submit("/sign-in", {"username": katie.account.username, "password": secret.lower()})
    assert answer.location == "/enrol"


def test_the_trail_says_who_checked_what_and_the_owner_and_the_address_are_told(
    katie: Person, local_admin: Person, local_admin_client: CheckingClient
):
    local_admin_client.post(url_of(katie), {"method": "other", "reference": "vouched for by Bruno"}, 200)
    (entry,) = entries(katie)
    assert (entry.event, entry.actor_account_id) == ("account:registration:given-in-person", local_admin.account.id)
    assert (entry.details["method"], entry.details["reference"]) == ("other", "vouched for by Bruno")
    assert mails() == [("in-person", "katie.contact@coe.example")]
    page = local_admin_client.get(f"/organisations/42061/contacts/{katie.ess_id}").page
    assert "A temporary password was given to you and works until" in page.text_at("self-service-details")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose how you checked who it is"),
        ({"method": "guess"}, "Choose how you checked who it is"),
        ({"method": "other"}, "Say how you checked who it is"),
        ({"method": "other", "reference": "   "}, "Say how you checked who it is"),
        ({"method": "known", "reference": "x" * 101}, "Use one line of 100 characters or fewer"),
    ],
)
def test_without_a_check_nothing_is_issued(katie: Person, local_admin_client: CheckingClient, fields, said):
    page = local_admin_client.post(url_of(katie), fields, 422).page
    assert said in page.words
    assert (katie.account.state, entries(katie), mails()) == (S.LOCKED, [], [])


def test_somebody_without_an_address_is_helped_too_and_is_named_at_once(
    organisation: Organisation, local_admin_client: CheckingClient
):
    nobody = factories.person(organisation, "Nia New", email="", state=S.NOT_REGISTERED)
    slip = local_admin_client.post(url_of(nobody), {"method": "known"}, 200).page.text_at("slip")
    assert nobody.account.username == "42061nnew1"
    assert nobody.account.username in slip
    assert mails() == []


def test_the_one_before_stops_working(katie: Person, local_admin_client: CheckingClient, client: CheckingClient):
    first = PASSWORD.findall(local_admin_client.post(url_of(katie), {"method": "known"}, 200).text)[0]
    local_admin_client.post(url_of(katie), {"method": "known"}, 200)
    client.get("/sign-in")
    client.submit("/sign-in", {"username": katie.account.username, "password": first}, 422)


def test_an_inactive_account_is_refused_with_what_is_possible(
    organisation: Organisation, local_admin_client: CheckingClient
):
    harold = factories.person(organisation, "Harold Finchley", state=S.INACTIVE)
    for answer in (
        local_admin_client.get(url_of(harold), 409),
        local_admin_client.post(url_of(harold), {"method": "known"}, 409),
    ):
        assert "is not possible now: the account is inactive" in answer.page.text_at("self-service-refusal")


def test_nobody_gives_one_to_themselves_or_to_who_stands_above(
    organisation: Organisation, local_admin: Person, regional_manager: Person, local_admin_client: CheckingClient
):
    for somebody in (local_admin, regional_manager):
        local_admin_client.get(url_of(somebody), 403)
        local_admin_client.post(url_of(somebody), {"method": "known"}, 403)
        assert somebody.account.state is S.ACTIVE


def test_the_other_administrators_are_told_when_one_of_them_gets_one(
    organisation: Organisation, local_admin_client: CheckingClient
):
    bea, cai = (factories.person(organisation, name) for name in ("Bea Beside", "Cai Beside"))
    for colleague in (bea, cai):
        factories.grant(colleague, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    local_admin_client.post(url_of(bea), {"method": "known"}, 200)
    assert ("administrator-notice", "cai.beside@coe.example") in mails()


def test_it_expires_as_the_mailed_one_does(clock, katie: Person, local_admin: Person, as_person):
    as_person(local_admin).post(url_of(katie), {"method": "known"}, 200)
    clock.shift(timedelta(hours=25))
    page = as_person(local_admin).get("/organisations/42061/contacts?tab=people&state=registration-expired").page
    assert "Katie Contact" in page.words
