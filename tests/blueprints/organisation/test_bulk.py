"""Many people at once: chosen in the list, asked once more, done by the worker, with a result for each."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import AuditEntry, BulkItem, BulkWork, Organisation, OutboxMessage, Person
from portal.services import bulk
from tests import factories
from tests.support.client import CheckingClient

LIST = "/organisations/42061/contacts"
URL = "/organisations/42061/bulk"
S = AccountState

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def newcomers(organisation: Organisation) -> list[Person]:
    """Three who can be registered, and one who has no address."""
    made = [
        factories.person(organisation, f"Nia New{number}", types=["admin"], state=S.NOT_REGISTERED)
        for number in range(3)
    ]
    return [*made, factories.person(organisation, "Ned None", email="", types=["admin"], state=S.NOT_REGISTERED)]


def start(client: CheckingClient, work: str, people: list[Person], **fields: str) -> str:
    """Tick people in the list, go on, and start; answers the address of the work."""
    client.get(LIST)
    chosen = {"person": [str(person.ess_id) for person in people], "work": work, "whom": "chosen"}
    page = client.get(f"{URL}/new", query_string=chosen).page
    assert page.has_form(URL)
    return str(client.submit(URL, fields).location)


def results(work: str) -> dict[str, int]:
    number = int(work.rpartition("/")[2])
    rows = select(BulkItem.result, func.count()).where(BulkItem.work_id == number).group_by(BulkItem.result)
    return dict(db.session.execute(rows).all())


def test_those_who_were_ticked_are_registered_each_with_a_result(
    newcomers: list[Person], local_admin: Person, local_admin_client: CheckingClient
):
    work = start(local_admin_client, "register", newcomers)
    assert [person.account.state for person in newcomers] == [S.NOT_REGISTERED] * 4
    page = local_admin_client.get(work).page
    assert "Done: 0 of 4" in page.words
    bulk.handle_due()
    page = local_admin_client.assert_fragment_of_page(work)
    assert "Finished. Done: 3 of 4; not possible: 1" in page.words
    assert "Ned None not possible: there is no e-mail address" in page.words.replace("Result ", "")
    assert [person.account.state for person in newcomers] == [S.REGISTRATION_PENDING] * 3 + [S.NOT_REGISTERED]
    assert db.session.scalars(select(OutboxMessage.kind)).all() == ["registration"] * 3
    actors = select(AuditEntry.actor_account_id).where(AuditEntry.event == "account:registration:registered")
    assert set(db.session.scalars(actors)) == {local_admin.account.id}
    assert "asked for work on many people: Register, people: 4, a day: all at once" in local_admin_client.get(
        "/organisations/42061/activity?kind=many"
    ).page.words  # fmt: skip


def test_everybody_on_the_page_and_all_that_match_need_no_tick(
    organisation: Organisation, newcomers: list[Person], local_admin_client: CheckingClient
):
    for number in range(12):
        factories.person(organisation, f"Kit Kin{number}", types=["tpa"], state=S.NOT_REGISTERED,
                         email=f"kit{number}@coe.example")  # fmt: skip
    query = "work=register&state=not-registered"
    page = local_admin_client.get(f"{URL}/new?{query}&whom=page").page
    assert "Register: 10 people" in page.words
    page = local_admin_client.get(f"{URL}/new?{query}&whom=all").page
    assert "Register: 16 people" in page.words
    work = str(local_admin_client.submit(URL).location)
    bulk.handle_due()
    assert results(work) == {"done": 15, "no-email": 1}


def test_so_many_a_day_go_on_the_next_day(clock, newcomers: list[Person], local_admin: Person, as_person):
    work = start(as_person(local_admin), "register", newcomers, per_day="2")
    bulk.handle_due()
    assert results(work) == {"done": 2, "": 2}
    bulk.handle_due()
    clock.shift(timedelta(hours=23))
    bulk.handle_due()
    assert results(work) == {"done": 2, "": 2}
    clock.shift(timedelta(hours=2))
    bulk.handle_due()
    assert results(work) == {"done": 3, "no-email": 1}


@pytest.mark.parametrize("typed", ["0", "-1", "many", "1.5", "9999999999"])
def test_a_number_a_day_that_is_none_is_said_and_nothing_begins(
    newcomers: list[Person], local_admin_client: CheckingClient, typed: str
):
    local_admin_client.get(f"{URL}/new?work=register&person={newcomers[0].ess_id}")
    page = local_admin_client.submit(URL, {"per_day": typed}, 422).page
    assert "Enter a whole number of people" in page.text_at("per_day-error")
    assert page.form(URL).values["per_day"] == [typed]
    assert db.session.scalars(select(BulkWork)).all() == []


def test_what_cannot_be_done_to_somebody_leaves_them_as_they_are(
    organisation: Organisation, local_admin: Person, local_admin_client: CheckingClient
):
    locked = factories.person(organisation, "Katie Contact", types=["admin"], state=S.LOCKED)
    inactive = factories.person(organisation, "Harold Finchley", types=["admin"], state=S.INACTIVE)
    work = start(local_admin_client, "re-enrol", [locked, inactive, local_admin])
    bulk.handle_due()
    assert results(work) == {"done": 1, "state:inactive": 1, "not-permitted": 1}
    assert [one.account.state for one in (locked, inactive, local_admin)] == [
        S.REGISTRATION_PENDING, S.INACTIVE, S.ACTIVE,
    ]  # fmt: skip


def test_status_is_set_for_many(organisation: Organisation, newcomers: list[Person], local_admin_client):
    bulk_of = newcomers[:2]
    start(local_admin_client, "make-inactive", bulk_of)
    bulk.handle_due()
    assert [person.account.state for person in newcomers] == [S.INACTIVE] * 2 + [S.NOT_REGISTERED] * 2
    start(local_admin_client, "make-active", bulk_of)
    bulk.handle_due()
    assert [person.account.state for person in newcomers] == [S.NOT_REGISTERED] * 4


def test_stopped_work_leaves_the_others_alone(clock, newcomers: list[Person], local_admin_client: CheckingClient):
    work = start(local_admin_client, "register", newcomers, per_day="1")
    bulk.handle_due()
    local_admin_client.get(work)
    local_admin_client.submit(f"{work}/stop")
    clock.shift(timedelta(minutes=5))
    bulk.handle_due()
    assert results(work) == {"done": 1, "stopped": 3}
    page = local_admin_client.get(work).page
    assert "Stopped. Done: 1 of 4" in page.words
    assert not page.has_form(f"{work}/stop")


def test_an_export_of_the_chosen_leads_to_the_file(newcomers: list[Person], local_admin_client: CheckingClient):
    answer = local_admin_client.get(f"{URL}/new?work=export&whom=chosen&person={newcomers[0].ess_id}", 303)
    assert answer.location == f"{LIST}.xlsx?only={newcomers[0].ess_id}"
    answer = local_admin_client.get(f"{URL}/new?work=export&whom=all&q=nia", 303)
    assert answer.location == f"{LIST}.xlsx?q=nia"


def test_work_in_hand_and_done_is_found_again(newcomers: list[Person], local_admin_client: CheckingClient):
    work = start(local_admin_client, "register", newcomers, per_day="2")
    bulk.handle_due()
    page = local_admin_client.get(local_admin_client.get(LIST).page.link("Work in hand and done")).page
    assert page.link("Register: 4 people") == work
    assert "Done: 2 of 4; not possible so far: 0" in page.words


def test_nobody_chosen_and_nonsense_are_said(organisation: Organisation, local_admin_client: CheckingClient):
    for query in ("work=register", "work=king&whom=all", "", "work=register&person=999999",
                  "work=register&person=99999999999999999999", "work=register&person=x"):  # fmt: skip
        page = local_admin_client.get(f"{URL}/new?{query}", 422).page
        assert not page.has_form(URL)
    local_admin_client.post(URL, {"work": "register", "whom": "chosen"}, 422)


def test_people_of_another_organisation_are_reached_by_nobody(
    organisation: Organisation, other_org_admin: Person, local_admin_client: CheckingClient
):
    local_admin_client.post(URL, {"work": "re-enrol", "person": str(other_org_admin.ess_id)}, 422)
    bulk.handle_due()
    assert other_org_admin.account.state is S.ACTIVE


def test_who_loses_the_role_meanwhile_does_nothing_more(
    newcomers: list[Person], local_admin: Person, local_admin_client: CheckingClient
):
    from portal import clock as the_clock
    from portal.transactions import write

    work = start(local_admin_client, "register", newcomers)
    with write():
        for grant in local_admin.account.roles:
            grant.ended_at = the_clock.now()
    bulk.handle_due()
    assert results(work) == {"not-permitted": 4}


def test_re_enrolling_many_asks_for_a_password_that_was_given_long_ago(
    clock, organisation: Organisation, local_admin_client: CheckingClient
):
    active = factories.person(organisation, "Katie Contact", types=["admin"])
    for _ in range(3):
        local_admin_client.get(LIST)
        clock.shift(timedelta(minutes=25))
    answer_to = f"{URL}/new?work=re-enrol&person={active.ess_id}"
    local_admin_client.get(answer_to)
    answer = local_admin_client.submit(URL)
    assert "/account/confirm" in answer.location
    local_admin_client.follow(answer)
    page = local_admin_client.follow(
        local_admin_client.submit("/account/confirm", {"password": factories.PASSWORD})
    ).page
    going_on = next(form for form in page.forms if form.values.get("work") == ["re-enrol"])
    local_admin_client.post(going_on.action, going_on.values)
    bulk.handle_due()
    assert active.account.state is S.REGISTRATION_PENDING


def test_the_list_offers_it_to_who_keeps_the_contacts_alone(
    newcomers: list[Person], local_admin_client: CheckingClient, regional_manager_client, reset_operator_client
):
    page = local_admin_client.get(LIST).page
    assert page.has_form(f"{URL}/new")
    assert len(page.all("input", name="person")) == 5
    for other in (regional_manager_client, reset_operator_client):
        assert not other.get(LIST).page.has_form(f"{URL}/new")
