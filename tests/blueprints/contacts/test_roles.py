"""The roles panel: granted, withdrawn, told, and never the last administrator taken away by accident."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person, Region, RoleGrant
from tests import factories
from tests.support.client import CheckingClient

URL = "/organisations/42061/contacts"
LOCAL, OPERATOR = Role.LOCAL_ADMINISTRATOR.value, Role.PASSWORD_RESET_OPERATOR.value
REGIONAL, CENTRAL = Role.REGIONAL_ACCOUNT_MANAGER.value, Role.CENTRAL_ADMINISTRATOR.value


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"])


def change(client: CheckingClient, person: Person, change: str, role: str, expect: int = 303, **more: str):
    return client.post(f"{URL}/{person.ess_id}/roles", {"role": role, "change": change, **more}, expect)


def held(person: Person) -> list[str]:
    grants = select(RoleGrant.role).where(RoleGrant.account_id == person.account.id, RoleGrant.ended_at.is_(None))
    return sorted(role.value for role in db.session.scalars(grants))


def events(person: Person) -> list[tuple[str, str]]:
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id).order_by(AuditEntry.id))
    return [(entry.event, entry.details["role"]) for entry in entries]


def offered(client: CheckingClient, person: Person) -> list[str]:
    page = client.get(f"{URL}/{person.ess_id}").page
    return [option.get("value") or "" for option in page.by_id("grant-role").iter("option")][1:]


def test_a_role_is_granted_in_place_and_its_holder_is_told(
    katie: Person, local_admin: Person, local_admin_client: CheckingClient
):
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    page = local_admin_client.post(f"{URL}/{katie.ess_id}/roles", {"role": OPERATOR, "change": "grant"}, htmx=True).page
    assert "The role has been granted." in page.text_at("roles")
    assert "Local User Password Reset" in page.text_at("roles")
    assert (held(katie), events(katie)) == ([OPERATOR], [("account:role:granted", OPERATOR)])
    mail = db.session.scalars(select(OutboxMessage)).one()
    assert (mail.kind, mail.recipient) == ("role-changed", "katie.contact@coe.example")


def test_a_role_is_withdrawn_and_ends_at_the_next_request(katie: Person, local_admin_client: CheckingClient, as_person):
    change(local_admin_client, katie, "grant", LOCAL)
    theirs = as_person(katie)
    theirs.get(URL)
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    change(local_admin_client, katie, "withdraw", LOCAL)
    theirs.get(URL, 403)
    theirs.get("/account")
    assert held(katie) == []


def test_what_is_offered_goes_as_high_as_ones_own_rank(
    katie: Person, local_admin_client: CheckingClient, regional_manager_client, central_admin_client
):
    assert offered(local_admin_client, katie) == [OPERATOR, LOCAL]
    assert offered(regional_manager_client, katie) == [OPERATOR, LOCAL, REGIONAL]
    assert offered(central_admin_client, katie) == [OPERATOR, LOCAL, REGIONAL, CENTRAL]


def test_nobody_grants_a_role_above_their_own(
    katie: Person, north_west: Region, local_admin_client: CheckingClient, regional_manager_client
):
    change(local_admin_client, katie, "grant", REGIONAL, 403, region=north_west.slug)
    change(local_admin_client, katie, "grant", CENTRAL, 403)
    change(regional_manager_client, katie, "grant", CENTRAL, 403)
    assert held(katie) == []


def test_nobody_changes_their_own_roles(local_admin: Person, central_admin: Person, as_person):
    for somebody, role in ((local_admin, LOCAL), (central_admin, CENTRAL)):
        code = "42061" if somebody is local_admin else "CENTRAL"
        browser = as_person(somebody)
        for verb in ("grant", "withdraw"):
            browser.post(f"/organisations/{code}/contacts/{somebody.ess_id}/roles", {"role": role, "change": verb}, 403)
        assert held(somebody) == [role]


def test_a_role_of_another_organisation_needs_who_stands_above_both(
    katie: Person, other_organisation: Organisation, local_admin_client: CheckingClient, regional_manager_client
):
    change(local_admin_client, katie, "grant", OPERATOR, 422, organisation="RX1")
    change(regional_manager_client, katie, "grant", OPERATOR, organisation="rx1")
    assert held(katie) == [OPERATOR]
    assert katie.account.roles[0].organisation_id == other_organisation.id
    page = local_admin_client.get(f"{URL}/{katie.ess_id}").page
    assert "RX1 ST ELSEWHERE" in page.text_at("roles")
    change(local_admin_client, katie, "withdraw", OPERATOR, 422, organisation="RX1")


def test_an_administrator_of_two_organisations_grants_in_each_persons_own(
    katie: Person, other_organisation: Organisation, local_admin: Person, local_admin_client: CheckingClient
):
    factories.grant(local_admin, Role.LOCAL_ADMINISTRATOR, organisation=other_organisation)
    change(local_admin_client, katie, "grant", OPERATOR, 403, organisation="RX1")
    assert held(katie) == []


def test_a_regional_manager_appoints_for_the_own_region_only(
    katie: Person, north_west: Region, regional_manager_client
):
    factories.region("South")
    change(regional_manager_client, katie, "grant", REGIONAL, 403, region="south")
    change(regional_manager_client, katie, "grant", REGIONAL, 422, region="nowhere")
    change(regional_manager_client, katie, "grant", REGIONAL, region=north_west.slug)
    assert held(katie) == [REGIONAL]


def test_what_makes_no_sense_is_said_at_its_field(katie: Person, central_admin_client: CheckingClient):
    for fields, said in (
        ({"role": "", "change": "grant"}, "Choose a role"),
        ({"role": "king", "change": "grant"}, "Choose a role"),
        ({"role": LOCAL, "change": "keep"}, "Say whether to grant the role"),
        ({"role": LOCAL, "change": "grant", "organisation": "NOWHERE"}, "None of your organisations has this code"),
        ({"role": REGIONAL, "change": "grant"}, "Choose the region"),
    ):
        page = central_admin_client.post(f"{URL}/{katie.ess_id}/roles", fields, 422).page
        assert said in page.text_at("roles")


def test_twice_is_refused_with_the_true_state(katie: Person, local_admin_client: CheckingClient):
    change(local_admin_client, katie, "grant", OPERATOR)
    page = change(local_admin_client, katie, "grant", OPERATOR, 409).page
    assert "held already" in page.text_at("roles-refusal")
    change(local_admin_client, katie, "withdraw", OPERATOR)
    page = change(local_admin_client, katie, "withdraw", OPERATOR, 409).page
    assert "not held any more" in page.text_at("roles-refusal")
    assert len(events(katie)) == 2


def test_an_inactive_account_gets_no_role(organisation: Organisation, local_admin_client: CheckingClient):
    harold = factories.person(organisation, "Harold Finchley", state=AccountState.INACTIVE)
    page = change(local_admin_client, harold, "grant", OPERATOR, 409).page
    assert "make it active first" in page.text_at("roles-refusal")


def test_the_last_usable_administrator_stays_unless_who_stands_above_says_so(
    local_admin: Person, regional_manager_client: CheckingClient, central_admin_client
):
    page = change(regional_manager_client, local_admin, "withdraw", LOCAL, 409).page
    assert "would have no administrator left" in page.text_at("roles-refusal")
    assert held(local_admin) == [LOCAL]
    central_admin_client.get(f"{URL}/{local_admin.ess_id}")
    page = change(central_admin_client, local_admin, "withdraw", LOCAL, 409).page
    central_admin_client.post(
        f"{URL}/{local_admin.ess_id}/roles", {"role": LOCAL, "change": "withdraw", "confirm": "yes"}
    )
    assert held(local_admin) == []


def test_a_local_administrator_cannot_confirm_it_away(
    organisation: Organisation, local_admin: Person, local_admin_client: CheckingClient
):
    """Of two with the role one is locked, so the other is the last who can sign in."""
    locked = factories.person(organisation, "Bea Beside", state=AccountState.LOCKED)
    factories.grant(locked, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    as_locked = {"role": LOCAL, "change": "withdraw", "confirm": "yes"}
    local_admin_client.post(f"{URL}/{locked.ess_id}/roles", as_locked)
    assert held(locked) == []


def test_making_the_last_administrator_inactive_asks_and_keeps_what_was_typed(
    local_admin: Person, central_admin_client: CheckingClient
):
    url = f"{URL}/{local_admin.ess_id}"
    central_admin_client.get(url)
    page = central_admin_client.submit(url, {"status": "inactive", "job_title": "Bursar"}, 409).page
    assert "would have no administrator left" in page.text_at("contact-details")
    assert page.form(url).values["job_title"] == ["Bursar"]
    assert (local_admin.account.state, local_admin.job_title) == (AccountState.ACTIVE, "")
    central_admin_client.submit(url, {"confirm": "yes"})
    assert local_admin.account.state is AccountState.INACTIVE
    assert local_admin.job_title == "Bursar"


def test_the_panels_deactivate_asks_in_the_panel(local_admin: Person, central_admin_client: CheckingClient):
    url = f"{URL}/{local_admin.ess_id}/deactivate"
    page = central_admin_client.post(url, expect=409, htmx=True).page
    assert "would have no administrator left" in page.text_at("self-service-refusal")
    assert page.form(url).values["confirm"] == ["yes"]
    central_admin_client.post(url, {"confirm": "yes"}, htmx=True)
    assert local_admin.account.state is AccountState.INACTIVE


def test_a_password_that_was_given_long_ago_is_asked_for_and_then_it_goes_on(
    clock, katie: Person, local_admin_client: CheckingClient
):
    local_admin_client.get(f"{URL}/{katie.ess_id}")
    for _ in range(3):
        clock.shift(timedelta(minutes=25))
        local_admin_client.get(f"{URL}/{katie.ess_id}")
    answer = change(local_admin_client, katie, "grant", OPERATOR)
    assert "/account/confirm" in answer.location
    assert held(katie) == []
    local_admin_client.follow(answer)
    back = local_admin_client.submit("/account/confirm", {"password": factories.PASSWORD})
    page = local_admin_client.follow(back).page
    going_on = next(form for form in page.forms if form.values.get("role") == [OPERATOR])
    local_admin_client.post(going_on.action, going_on.values)
    assert held(katie) == [OPERATOR]


def test_an_organisation_without_administrator_gets_one_from_its_regional_manager(
    organisation: Organisation, regional_manager_client: CheckingClient
):
    regional_manager_client.get(f"{URL}/new")
    fields = {"first_name": "Nia", "last_name": "New", "primary_email": "nia@coe.example",
              "confirm_primary_email": "nia@coe.example", "types": ["admin"]}  # fmt: skip
    answer = regional_manager_client.submit(f"{URL}/new", fields)
    nia = db.session.scalars(select(Person).where(Person.last_name == "New")).one()
    page = regional_manager_client.follow(answer).page
    regional_manager_client.submit(f"{URL}/{nia.ess_id}/register")
    assert nia.account.state is AccountState.REGISTRATION_PENDING
    change(regional_manager_client, nia, "grant", LOCAL)
    assert held(nia) == [LOCAL]
    assert not page.has_form(f"{URL}/{nia.ess_id}")


def test_fewer_than_two_usable_administrators_are_said(
    organisation: Organisation, katie: Person, local_admin_client: CheckingClient
):
    said = "Only one administrator of this organisation can sign in."
    assert said in local_admin_client.get(f"{URL}/{katie.ess_id}").page.text_at("roles")
    change(local_admin_client, katie, "grant", LOCAL)
    assert said not in local_admin_client.get(f"{URL}/{katie.ess_id}").page.text_at("roles")


def test_while_it_has_one_the_regional_manager_adds_nobody(
    local_admin: Person, katie: Person, regional_manager_client: CheckingClient
):
    regional_manager_client.get(f"{URL}/new", 403)
    regional_manager_client.post(f"{URL}/{katie.ess_id}/register", expect=403)
