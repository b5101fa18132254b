"""The list narrowed down and sorted: all of it in the address, and a row's next step pressed in the list itself."""

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, OutboxMessage, Person
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page, text_of
from tests.support.trail import events

URL = "/organisations/42061/contacts"
S = AccountState
HTMX_LIST = {"HX-Target": "div#list-said", "HX-Current-URL": f"http://127.0.0.1:8000{URL}"}


def names(page: Page) -> list[str]:
    return [text_of(row.find("th/a")) for row in page.all("tr") if row.get("data-ess-id")]


@pytest.fixture
def four(organisation: Organisation, local_admin: Person) -> dict[str, Person]:
    """Four contacts: one who is locked, one not registered, one inactive, and one whose registration is pending."""
    named = {"Lou": S.LOCKED, "Nora": S.NOT_REGISTERED, "Ines": S.INACTIVE, "Petra": S.REGISTRATION_PENDING}
    return {
        name: factories.person(organisation, f"{name} Contact", state=state, types=["payroll"])
        for name, state in named.items()
    }


def test_filters_narrow_the_list_and_stay_in_every_address(four: dict[str, Person], local_admin_client: CheckingClient):
    page = local_admin_client.get(f"{URL}?type=payroll&status=active&state=locked&sort=-last_name").page
    assert names(page) == ["Lou Contact"]
    query = "type=payroll&status=active&state=locked&sort=-last_name"
    assert page.link("Lou Contact") == f"{URL}/{four['Lou'].ess_id}?{query}#chosen-contact"
    assert page.link("All people (5)") == f"{URL}?tab=people&{query}"
    assert page.link("25") == f"{URL}?{query}&size=25&page=1"
    form = page.form(URL)
    assert {name: form.values[name] for name in ("type", "status", "state", "sort")} == {
        "type": ["payroll"], "status": ["active"], "state": ["locked"], "sort": ["-last_name"]
    }  # fmt: skip


def test_without_javascript_the_form_narrows_down(four: dict[str, Person], local_admin_client: CheckingClient):
    local_admin_client.get(URL)
    page = local_admin_client.submit(URL, {"state": "not-registered"}).page
    assert names(page) == ["Nora Contact"]
    page = local_admin_client.submit(URL, {"state": "registration-expired"}).page
    assert "Nobody here matches." in page.words
    assert page.link("Show everybody on this tab") == URL


@pytest.mark.usefixtures("four")
def test_a_heading_sorts_and_pressed_again_turns_round(local_admin_client: CheckingClient):
    page = local_admin_client.get(URL).page
    assert page.one("th", **{"aria-sort": "ascending"}) is not None
    assert names(page)[0] == "Lena Administrator"
    by_state = local_admin_client.get(page.link("Self Service Status")).page
    assert names(by_state)[0] == "Lou Contact"
    turned = local_admin_client.get(by_state.link("Self Service Status")).page
    assert names(turned)[0] == "Ines Contact"
    assert text_of(turned.one("th", **{"aria-sort": "descending"})) == "Self Service Status"


@pytest.mark.parametrize("nonsense", ["type=boss", "status=gone", "state=happy", "sort=password_hash", "sort=--types"])
def test_what_no_list_knows_is_as_if_it_were_not_there(
    four: dict[str, Person], local_admin_client: CheckingClient, nonsense: str
):
    assert "Results 1 - 5 of 5" in local_admin_client.get(f"{URL}?{nonsense}").page.words


def test_each_row_offers_what_its_state_waits_for(four: dict[str, Person], local_admin_client: CheckingClient):
    page = local_admin_client.get(URL).page
    offered = {name: text_of(page.one("div", id=f"move-of-{person.ess_id}")) for name, person in four.items()}
    assert offered == {
        "Lou": "Unlock Lou Contact", "Nora": "Register Nora Contact", "Ines": "", "Petra": "Re-Enrol Petra Contact"
    }  # fmt: skip
    chosen = local_admin_client.get(f"{URL}/{four['Lou'].ess_id}").page
    assert text_of(chosen.one("div", id=f"move-of-{four['Lou'].ess_id}")) == "", "the panel has it"


def test_a_step_pressed_in_the_list_says_there_what_it_did(four: dict[str, Person], local_admin_client: CheckingClient):
    nora = four["Nora"]
    local_admin_client.get(URL)
    answer = local_admin_client.post(f"{URL}/{nora.ess_id}/register", headers=HTMX_LIST, htmx=True)
    assert "Nora Contact: The contact has been registered." in answer.text
    assert f'id="state-of-{nora.ess_id}"' in answer.text
    assert "Registration pending" in answer.text
    assert f"{URL}/{nora.ess_id}/re-enrol" in answer.text
    assert 'id="self-service-details"' not in answer.text
    db.session.expire_all()
    assert nora.account.state is S.REGISTRATION_PENDING
    assert db.session.scalars(select(OutboxMessage.kind)).all() == ["registration"]
    assert "account:registration:registered" in events()


def test_pressed_twice_it_says_the_true_state(four: dict[str, Person], local_admin_client: CheckingClient):
    lou = four["Lou"]
    local_admin_client.get(URL)
    local_admin_client.post(f"{URL}/{lou.ess_id}/unlock", headers=HTMX_LIST, htmx=True)
    again = local_admin_client.post(f"{URL}/{lou.ess_id}/unlock", headers=HTMX_LIST, htmx=True, expect=409)
    assert "Lou Contact: Unlock is not possible now: the account is unlock pending." in again.text
    assert 'id="list-refusal"' in again.text


def test_without_javascript_a_step_leads_to_the_contact(four: dict[str, Person], local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}?state=locked")
    action = f"{URL}/{four['Lou'].ess_id}/unlock?state=locked"
    page = local_admin_client.get(local_admin_client.submit(action, {}).location).page
    assert "The account has been unlocked." in page.words
    assert "Unlock pending" in page.words


def test_who_only_looks_at_the_records_and_whoever_is_above_has_no_steps(
    organisation: Organisation,
    four: dict[str, Person],
    regional_manager_client: CheckingClient,
    local_admin_client: CheckingClient,
):
    page = regional_manager_client.get(URL).page
    assert [form for form in page.all("form") if form.get("action", "").startswith(f"{URL}/")] == []
    assert "Next step" in page.words
    own = local_admin_client.get(f"{URL}?q=lena").page
    assert names(own) == ["Lena Administrator"]
    assert "Re-Enrol Lena" not in own.words
