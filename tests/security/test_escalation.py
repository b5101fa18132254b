"""Nobody acts upwards, on themselves or with a right that is gone: each role at each role, each action.

ASVS 8.2.1, 8.3.2. The table of who may says it in words of its own, and not with the product's ranks.
"""

from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Organisation, Person, Region, RoleGrant
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.everybody import rows_of_all_tables

pytestmark = pytest.mark.usefixtures("cheap_hashes")

ROLES = (None, *Role)
STATES = {
    "register": AccountState.NOT_REGISTERED,
    "unlock": AccountState.LOCKED,
    "re-enrol": AccountState.ACTIVE,
    "deactivate": AccountState.ACTIVE,
    "reactivate": AccountState.INACTIVE,
    "save": AccountState.ACTIVE,
    "temporary-password": AccountState.ACTIVE,
    "recovery-mail": AccountState.ACTIVE,
    "roles": AccountState.ACTIVE,
}
OPERATORS = ("temporary-password", "recovery-mail")
# Who may do these, and to whom: those named, and those who hold no role.
MAY: dict[Role | None, set[Role | None]] = {
    Role.LOCAL_ADMINISTRATOR: {None, Role.PASSWORD_RESET_OPERATOR, Role.LOCAL_ADMINISTRATOR},
    Role.CENTRAL_ADMINISTRATOR: set(ROLES),
}


def may(actor: Role | None, action: str) -> set[Role | None]:
    """Those to whom a role may do something; a reset operator helps in who holds none, a regional manager appoints."""
    if actor is Role.PASSWORD_RESET_OPERATOR and action in OPERATORS:
        return {None}
    if actor is Role.REGIONAL_ACCOUNT_MANAGER and action == "roles":
        return set(ROLES) - {Role.CENTRAL_ADMINISTRATOR}
    return MAY.get(actor, set())


def holding(role: Role | None, organisation: Organisation, region: Region, name: str, state: Any = None) -> Person:
    """Somebody of the organisation who holds the role for it, for its region or for everything."""
    made = factories.person(organisation, name, types=["admin"], state=state or AccountState.ACTIVE)
    scope = {
        Role.REGIONAL_ACCOUNT_MANAGER: {"region": region},
        Role.CENTRAL_ADMINISTRATOR: {},
    }.get(role or Role.LOCAL_ADMINISTRATOR, {"organisation": organisation})
    if role is not None:
        factories.grant(made, role, **scope)
    return made


def send(client: CheckingClient, target: Person, action: str) -> int:
    url = f"/organisations/42061/contacts/{target.ess_id}"
    if action == "save":
        fields = {
            "first_name": "Else",
            "last_name": "Where",
            "primary_email": "",
            "has_no_email": "yes",
            "version": "1",
        }
        return client.ask("POST", url, fields).status_code
    fields = {"temporary-password": {"method": "known"}, "roles": {"change": "grant", "role": "local_administrator"}}
    return client.ask("POST", f"{url}/{action}", fields.get(action)).status_code


def refused(client: CheckingClient, target: Person, action: str) -> bool:
    """Whether it is refused, and nothing done."""
    before = rows_of_all_tables()
    status = send(client, target, action)
    unchanged = rows_of_all_tables() == before
    # What is held already is granted to nobody twice.
    assert (status in (403, 404)) is unchanged or (action, status) == ("roles", 409), f"{action}: {status}"
    return status in (403, 404)


@pytest.mark.parametrize("actor_role", ROLES, ids=str)
def test_nobody_acts_on_somebody_who_stands_above_them(
    organisation: Organisation, north_west: Region, as_person: Any, actor_role: Role | None
):
    actor = holding(actor_role, organisation, north_west, "Ada Actor")
    # Somebody else who may act, so that nothing is refused for leaving nobody.
    holding(Role.LOCAL_ADMINISTRATOR, organisation, north_west, "Bea Beside")
    holding(Role.LOCAL_ADMINISTRATOR, organisation, north_west, "Cai Beside")
    client = as_person(actor)
    found, expected = {}, {}
    for number, (target_role, action) in enumerate(product(ROLES, STATES)):
        target = holding(target_role, organisation, north_west, f"Tom T{number}arget", STATES[action])
        found[target_role, action] = not refused(client, target, action)
        expected[target_role, action] = target_role in may(actor_role, action)
    assert found == expected


@pytest.mark.parametrize("actor_role", [Role.LOCAL_ADMINISTRATOR, Role.CENTRAL_ADMINISTRATOR], ids=str)
def test_nobody_closes_or_renews_their_own_account(
    organisation: Organisation, north_west: Region, as_person: Any, actor_role: Role
):
    actor = holding(actor_role, organisation, north_west, "Ada Actor")
    holding(Role.LOCAL_ADMINISTRATOR, organisation, north_west, "Bea Beside")
    client, before = as_person(actor), rows_of_all_tables()["accounts"]
    for action in ("register", "unlock", "re-enrol", "deactivate", "reactivate"):
        assert send(client, actor, action) in (403, 409), action
    assert rows_of_all_tables()["accounts"] == before


def end_roles(somebody: Person) -> None:
    with write():
        for grant in db.session.scalars(select(RoleGrant).where(RoleGrant.account_id == somebody.account.id)):
            grant.ended_at = clock.now()


@pytest.mark.parametrize("action", STATES)
def test_a_role_that_was_withdrawn_after_the_page_was_opened_does_nothing_more(
    organisation: Organisation, north_west: Region, local_admin: Person, as_person: Any, action: str
):
    """The session goes on, without the role: no cookie holds it."""
    holding(Role.LOCAL_ADMINISTRATOR, organisation, north_west, "Bea Beside")
    target = factories.person(organisation, "Tom Target", types=["admin"], state=STATES[action])
    client = as_person(local_admin)
    client.get(f"/organisations/42061/contacts/{target.ess_id}")
    end_roles(local_admin)
    assert refused(client, target, action)
    client.get("/organisations/42061/contacts", 403)
    client.get("/account", 200)


def test_a_role_of_one_organisation_ends_where_another_begins(
    app: Flask, organisation: Organisation, other_organisation: Organisation, local_admin: Person, as_person: Any
):
    """Two roles do not add up: what one permits is not permitted in the scope of the other."""
    factories.grant(local_admin, Role.PASSWORD_RESET_OPERATOR, organisation=other_organisation)
    elsewhere = factories.person(other_organisation, "Olga Elsewhere", types=["admin"])
    client = as_person(local_admin)
    client.get("/organisations/RX1/contacts.csv", 404)
    page = client.get(f"/organisations/RX1/contacts/{elsewhere.ess_id}").page
    assert not page.has_id("contact-details")
    client.post(f"/organisations/RX1/contacts/{elsewhere.ess_id}/re-enrol", expect=404)
    assert elsewhere.account.state is AccountState.ACTIVE
