"""Keeping records: what is written, what follows from it, what is refused, and what the audit trail says."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.contact_details import ContactDetails
from portal.domain.roles import Permission, Role
from portal.errors import NotFound
from portal.extensions import db
from portal.models import AuditEntry, Organisation, Person
from portal.services import contact_list, contacts, sessions, sign_in
from portal.services.accounts import NotPermitted
from portal.services.contact_filters import Wanted
from portal.services.contact_list import Count
from portal.services.contacts import Conflict, DuplicateAddress
from portal.services.sessions import SignedIn
from portal.transactions import write
from tests import factories

DETAILS = ContactDetails(
    first_name="Zoë",
    last_name="O'Brien-Łukasz",
    primary_email="Zoe@coe.example",
    secondary_email="home@mail.example",
    primary_phone="01603 555 0100",
    types=frozenset({"payroll", "admin"}),
)


@pytest.fixture
def admin(app: Flask, local_admin: Person) -> SignedIn:
    return signed_in(app, local_admin)


def signed_in(app: Flask, person: Person) -> SignedIn:
    with app.test_request_context(), write():
        token = sessions.start(person.account, "full")
    actor = sessions.load(token)
    assert actor is not None
    return actor


def entries(person: Person) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id).order_by(AuditEntry.id)))


def saved(person: Person, by: SignedIn, **changes: object) -> dict[str, list[object]]:
    with write():
        return contacts.save(person, replace(contacts.details_of(person), **changes), by, version=person.version)


def test_a_new_person_has_an_account_a_number_and_what_lists_need(organisation: Organisation, admin: SignedIn):
    with write():
        person = contacts.create(organisation, DETAILS, admin)
    assert person.account.state is AccountState.NOT_REGISTERED
    assert person.ess_id > 0
    assert person.is_contact
    assert person.type_names == {"payroll", "admin"}
    assert person.primary_email == "Zoe@coe.example"
    assert person.primary_email_folded == "zoe@coe.example"
    assert person.sort_name == "obrien łukasz zoe"
    assert "lukasz" in person.search_text
    assert "home@mail.example" in person.search_text
    assert [(entry.event, entry.actor_account_id) for entry in entries(person)] == [
        ("person:record:created", admin.account.id)
    ]


def test_a_person_may_be_created_inactive(organisation: Organisation, admin: SignedIn):
    with write():
        person = contacts.create(organisation, replace(DETAILS, status="inactive"), admin)
    assert person.account.state is AccountState.INACTIVE


def test_saving_writes_down_what_changed_from_what_to_what(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact", types=["benefit"])
    version = person.version
    changes = saved(person, admin, last_name="Contact-Smith", types=frozenset({"payroll", "benefit"}))
    assert changes == {"last_name": ["Contact", "Contact-Smith"], "types": [["benefit"], ["benefit", "payroll"]]}
    (entry,) = entries(person)
    assert entry.event == "person:record:changed"
    assert entry.details == {"changes": changes}
    assert person.version > version
    assert person.sort_name == "contact smith katie"


def test_saving_what_is_there_already_writes_nothing(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact")
    version = person.version
    assert saved(person, admin) == {}
    assert (person.version, entries(person)) == (version, [])


def test_a_person_without_types_is_no_contact(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact", types=["benefit"])
    saved(person, admin, types=frozenset())
    assert not person.is_contact
    assert person.contact_types == []


def test_a_new_address_forgets_that_the_old_one_bounced(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact", email_bounced_at=clock.now())
    saved(person, admin, job_title="Clerk")
    assert person.email_bounced_at is not None
    saved(person, admin, primary_email="new@coe.example")
    assert person.email_bounced_at is None
    assert person.primary_email_folded == "new@coe.example"


def test_the_status_is_the_move(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact", state=AccountState.LOCKED)
    saved(person, admin, status="inactive", job_title="Clerk")
    assert person.account.state is AccountState.INACTIVE
    assert [entry.event for entry in entries(person)] == ["person:record:changed", "account:life:deactivated"]
    assert entries(person)[0].details == {"changes": {"job_title": ["", "Clerk"]}}
    saved(person, admin, status="active")
    assert person.account.state is AccountState.NOT_REGISTERED


def test_a_record_that_somebody_else_saved_is_a_conflict(organisation: Organisation, admin: SignedIn):
    person = factories.person(organisation, "Katie Contact")
    opened_at = person.version
    saved(person, admin, job_title="Clerk")
    with pytest.raises(Conflict) as conflict, write():
        contacts.save(person, replace(contacts.details_of(person), job_title="Head"), admin, version=opened_at)
    assert conflict.value.details.job_title == "Clerk"
    assert conflict.value.version == person.version
    assert person.job_title == "Clerk"


def test_an_address_of_another_record_is_kept_only_on_purpose(
    organisation: Organisation, other_organisation: Organisation, admin: SignedIn
):
    katie = factories.person(organisation, "Katie Contact", email="Shared@coe.example")
    factories.person(other_organisation, "Elsa Elsewhere", email="elsa@elsewhere.example")
    person = factories.person(organisation, "Bruno Contact")
    with pytest.raises(DuplicateAddress) as duplicate, write():
        contacts.save(
            person,
            replace(contacts.details_of(person), primary_email="shared@COE.example"),
            admin,
            version=person.version,
        )
    assert list(duplicate.value.people) == [katie]
    assert person.primary_email == "bruno.contact@coe.example"
    with write():
        contacts.save(
            person,
            replace(contacts.details_of(person), primary_email="shared@COE.example"),
            admin,
            version=person.version,
            allow_duplicate=True,
        )
    assert person.primary_email == "shared@COE.example"
    saved(person, admin, job_title="Clerk")
    saved(person, admin, primary_email="elsa@elsewhere.example")
    assert person.primary_email == "elsa@elsewhere.example"


def test_nobody_keeps_the_record_of_somebody_higher(
    app: Flask, organisation: Organisation, regional_manager: Person, admin: SignedIn
):
    with pytest.raises(NotPermitted), write():
        contacts.save(
            regional_manager,
            replace(contacts.details_of(regional_manager), primary_email="mine@coe.example"),
            admin,
            version=regional_manager.version,
        )
    assert regional_manager.primary_email == "rosa.manager@coe.example"


@pytest.mark.parametrize("change", [{"primary_email": "other@coe.example"}, {"status": "inactive"}])
def test_ones_own_address_and_status_are_not_changed_here(local_admin: Person, admin: SignedIn, change: dict[str, str]):
    with pytest.raises(NotPermitted), write():
        contacts.save(
            local_admin, replace(contacts.details_of(local_admin), **change), admin, version=local_admin.version
        )
    assert local_admin.account.state is AccountState.ACTIVE


def test_a_linked_smartcard_is_taken_back_by_a_central_administrator_alone(
    app: Flask, organisation: Organisation, admin: SignedIn, central_admin: Person
):
    person = factories.person(organisation, "Katie Contact", smartcard_linked=True)
    assert saved(person, admin, smartcard_linked=False) == {}
    assert person.smartcard_linked
    saved(person, signed_in(app, central_admin), smartcard_linked=False)
    assert not person.smartcard_linked


def test_people_of_other_organisations_do_not_exist(
    organisation: Organisation, other_organisation: Organisation, admin: SignedIn
):
    elsewhere = factories.person(other_organisation, "Elsa Elsewhere")
    for code, ess_id in (("RX1", elsewhere.ess_id), ("42061", elsewhere.ess_id), ("42061", 0), ("42061", 10**30)):
        with pytest.raises(NotFound):
            contacts.get_for(admin, code, ess_id, Permission.KEEP_CONTACTS)


def names(organisation: Organisation, **wanted: object) -> list[str]:
    return [person.full_name for person in contact_list.find(organisation, Wanted(tab="people", **wanted)).people]


def test_search_ignores_order_case_accents_and_apostrophes(organisation: Organisation, admin: SignedIn):
    with write():
        contacts.create(organisation, DETAILS, admin)
    factories.person(organisation, "Bruno Contact")
    for q in (
        "zoe obrien",
        "O’BRIEN Zoë",
        "lukasz",
        "Łukasz",
        "zoe@coe.example",
        "HOME@mail",
        "brien zo",
        "coe.example zoe",
    ):
        assert names(organisation, q=q) == ["Zoë O'Brien-Łukasz"], q
    for q in ("zoe bruno", "%", "_", "zo%qq", "z%@coe.example", "\\", "🙂", "zoe@elsewhere", "' OR 1=1 --"):
        assert names(organisation, q=q) == [], q


def test_pages_have_one_order_and_one_number_of_queries(organisation: Organisation):
    made = [factories.person(organisation, "Same Name", email=f"p{number}@coe.example") for number in range(30)]
    pages = [contact_list.find(organisation, Wanted(tab="people", page=page)) for page in (1, 2, 3, 99)]
    assert [person for page in pages[:3] for person in page.people] == made
    assert (pages[3].page, pages[3].people) == (3, pages[2].people)
    assert (pages[1].first, pages[1].last, pages[1].total, pages[1].pages) == (11, 20, Count(30), 3)
    assert queries(organisation, 10) == queries(organisation, 25)
    chosen = contact_list.find(organisation, Wanted(tab="people"), made[25])
    assert chosen.page == 3


def queries(organisation: Organisation, size: int) -> int:
    db.session.expire_all()
    organisation.name  # noqa: B018 - read before counting
    counted: list[str] = []

    def count(*arguments: object) -> None:
        counted.append(str(arguments[2]))

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        for person in contact_list.find(organisation, Wanted(tab="people", size=size)).people:
            assert person.account.state
            assert person.type_names == set()
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    return len(counted)


def test_both_tabs_are_counted(organisation: Organisation):
    factories.person(organisation, "Bruno Contact", types=["admin"])
    factories.person(organisation, "Erin Employee")
    found = contact_list.find(organisation, Wanted(q="bruno"))
    assert (found.contacts_count, found.people_count, found.total) == (Count(1), Count(2), Count(1))
    assert db.session.scalar(select(func.count()).select_from(Person)) == 2


def test_somebody_with_two_roles_keeps_only_where_the_role_says_so(app: Flask, organisation: Organisation, north_west):
    far = factories.organisation("FAR1", "FAR AWAY", region=north_west)
    person = factories.person(organisation, "Dora Double")
    factories.grant(person, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    factories.grant(person, Role.REGIONAL_ACCOUNT_MANAGER, region=north_west)
    actor = signed_in(app, person)
    assert contacts.keeps(actor, organisation)
    assert not contacts.keeps(actor, far)


def test_a_changed_address_voids_the_temporary_password_that_went_to_the_old_one(
    app: Flask, organisation: Organisation, admin: SignedIn
):
    nomi = factories.person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    saved(nomi, admin, primary_email="nomi.new@coe.example")
    with app.test_request_context():
        assert sign_in.attempt(nomi.account.username or "", factories.TEMPORARY_PASSWORD) is None
    assert nomi.account.state is AccountState.REGISTRATION_PENDING
