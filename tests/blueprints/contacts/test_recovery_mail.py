"""The recovery mail that an administrator sends: the link that its owner could have asked for."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person
from portal.services import outbox
from tests import factories
from tests.support.client import CheckingClient

S = AccountState


def url_of(person: Person) -> str:
    return f"/organisations/42061/contacts/{person.ess_id}/recovery-mail"


def mails() -> list[OutboxMessage]:
    return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], state=S.LOCKED)


def test_the_link_is_mailed_and_changes_nothing_yet(
    katie: Person, local_admin: Person, local_admin_client: CheckingClient, mailbox
):
    local_admin_client.get(f"/organisations/42061/contacts/{katie.ess_id}")
    page = local_admin_client.submit(url_of(katie), htmx=True).page
    assert "A link to choose a new password is on its way" in page.text_at("self-service-details")
    assert page.by_id("self-service-details").get("data-account-state") == "locked"
    outbox.deliver_due()
    mail = mailbox.one("password-reset")
    assert (mail.recipients, "/recover/" in mail.text) == (["katie.contact@coe.example"], True)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == katie.id)).one()
    assert (entry.event, entry.actor_account_id) == ("account:recovery:link-sent", local_admin.account.id)


def test_within_ten_minutes_it_is_the_same_link_and_three_mails_are_enough(
    clock, katie: Person, local_admin_client: CheckingClient
):
    for _ in range(3):
        local_admin_client.post(url_of(katie), htmx=True)
    page = local_admin_client.post(url_of(katie), htmx=True, expect=409).page
    assert "mailed three times within ten minutes" in page.text_at("self-service-refusal")
    assert len({row.parameters["links"][0] for row in mails()}) == 1
    clock.shift(timedelta(minutes=11))
    local_admin_client.post(url_of(katie), htmx=True)
    assert len(mails()) == 4


@pytest.mark.parametrize("state", [S.NOT_REGISTERED, S.REGISTRATION_PENDING, S.INACTIVE])
def test_a_state_that_no_link_helps_is_refused(organisation: Organisation, local_admin_client: CheckingClient, state):
    person = factories.person(organisation, "Nia New", state=state)
    page = local_admin_client.post(url_of(person), expect=409).page
    assert "Send recovery mail is not possible now" in page.text_at("self-service-refusal")
    assert mails() == []


def test_without_an_address_there_is_no_button_and_the_action_is_refused(
    organisation: Organisation, local_admin_client: CheckingClient
):
    person = factories.person(organisation, "Nia New", email="")
    page = local_admin_client.get(f"/organisations/42061/contacts/{person.ess_id}").page
    assert not page.has_form(url_of(person))
    local_admin_client.post(url_of(person), expect=409)
    assert mails() == []
