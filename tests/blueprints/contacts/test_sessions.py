"""…/<ess_id>/sessions: an administrator sees where somebody is signed in, and signs them out."""

from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.roles import Role
from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person, Session
from portal.services import known_browsers, signed_in_browsers
from portal.services.accounts import NotPermitted
from portal.services.sessions import SignedIn
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.trail import entries, events


def page_of(somebody: Person) -> str:
    return f"/organisations/42061/contacts/{somebody.ess_id}/sessions"


def test_the_panel_leads_to_the_list_and_back(
    local_admin_client: CheckingClient, employee_client: CheckingClient, employee: Person
):
    contact = f"/organisations/42061/contacts/{employee.ess_id}"
    assert local_admin_client.get(contact).page.link("1 browser") == page_of(employee)
    page = local_admin_client.get(page_of(employee)).page
    assert page.heading == "Where Erin Employee is signed in"
    assert page.link("Erin Employee") == contact
    assert "1 browser" in page.words


def test_one_browser_is_signed_out_at_once(
    local_admin_client: Any, local_admin: Person, employee: Person, as_person: Any
):
    one, other = as_person(employee), as_person(employee)
    page = local_admin_client.get(page_of(employee)).page
    forms = [form for form in page.forms if "session" in form.values]
    assert len(forms) == 2
    answer = local_admin_client.post(page_of(employee), {**forms[-1].values})
    assert answer.location == page_of(employee)
    assert "The browser has been signed out." in local_admin_client.follow(answer).page.words
    one.get("/account", 303)
    other.get("/account")
    (entry,) = entries(employee)
    assert (entry.event, entry.actor_account_id) == ("account:session:ended", local_admin.account.id)


def test_everywhere_means_every_browser_and_none_is_known_any_more(
    local_admin_client: CheckingClient, local_admin: Person, employee: Person, as_person: Any
):
    browsers = [as_person(employee), as_person(employee)]
    with write():
        known_browsers.remember(employee.account, [])
    local_admin_client.get(page_of(employee))
    answer = local_admin_client.submit(f"{page_of(employee)}/all")
    page = local_admin_client.follow(answer).page
    assert "Every browser has been signed out." in page.words
    assert "Nobody is signed in with this account just now." in page.words
    for browser in browsers:
        browser.get("/account", 303)
    assert db.session.scalars(select(KnownBrowser)).one().void_at is not None
    (entry,) = entries(employee)
    assert (entry.event, entry.details, entry.actor_account_id) == (
        "account:session:all-ended", {"sessions": 2}, local_admin.account.id,
    )  # fmt: skip
    local_admin_client.get("/account")


def test_a_session_of_somebody_else_is_not_there(
    local_admin_client: CheckingClient, employee: Person, reset_operator: Person, as_person: Any
):
    theirs = as_person(reset_operator)
    number = db.session.scalars(select(Session.id).where(Session.account_id == reset_operator.account.id)).one()
    local_admin_client.get(page_of(employee))
    local_admin_client.post(page_of(employee), {"session": str(number)}, 404)
    theirs.get("/account")
    assert events() == []


def test_nobody_signs_out_themselves_or_a_higher_account_here(
    local_admin_client: CheckingClient, local_admin: Person, regional_manager: Person, as_person: Any
):
    manager = as_person(regional_manager)
    for somebody in (local_admin, regional_manager):
        contact = local_admin_client.get(f"/organisations/42061/contacts/{somebody.ess_id}").page
        assert "Signed in:" not in contact.text_at("self-service-details")
        local_admin_client.get(page_of(somebody), 403)
        local_admin_client.post(page_of(somebody), {"session": "1"}, 403)
        local_admin_client.post(f"{page_of(somebody)}/all", expect=403)
    manager.get("/account")
    assert events() == []


@pytest.mark.parametrize("verb", ["end", "end_all"])
def test_the_verbs_ask_once_more(local_admin: Person, regional_manager: Person, as_person: Any, verb: str):
    """A role that was granted after the page was loaded counts."""
    as_person(local_admin)
    by = SignedIn(db.session.scalars(select(Session)).one(), "token")
    arguments: list[Any] = [1, by] if verb == "end" else [by]
    for somebody in (regional_manager, local_admin):
        with pytest.raises(NotPermitted), write():
            getattr(signed_in_browsers, verb)(somebody.account, *arguments)


def test_other_organisations_people_are_not_there(
    local_admin_client: CheckingClient, other_organisation: Organisation, as_person: Any
):
    elsewhere = factories.person(other_organisation, "Otto Elsewhere", email="otto@elsewhere.example")
    browser = as_person(elsewhere)
    for code in ("42061", "RX1"):
        url = f"/organisations/{code}/contacts/{elsewhere.ess_id}/sessions"
        local_admin_client.get(url, 404)
        local_admin_client.post(url, {"session": "1"}, 404)
        local_admin_client.post(f"{url}/all", expect=404)
    browser.get("/account")


def test_equal_administrators_may(local_admin_client: CheckingClient, organisation: Organisation, as_person: Any):
    colleague = factories.person(organisation, "Kim Colleague")
    factories.grant(colleague, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    theirs = as_person(colleague)
    local_admin_client.get(page_of(colleague))
    local_admin_client.submit(f"{page_of(colleague)}/all")
    theirs.get("/account", 303)
