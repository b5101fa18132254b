"""The maintenance screen of somebody who is to choose a first password with a link, in place of a temporary one."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Person
from portal.services import enrolment_links, first_administrator
from portal.transactions import write
from tests.support.client import CheckingClient
from tests.support.html import Page, text_of
from tests.support.trail import mails

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def token(central_admin: Person) -> str:
    with write():
        return first_administrator.issue("ann@centre.example", another=True).token


@pytest.fixture
def ann(token: str) -> Account:
    return db.session.scalars(select(Account).where(Account.username == "centralcadministrator1")).one()


def panel_of(browser: CheckingClient, account: Account) -> Page:
    return browser.get(f"/organisations/CENTRAL/contacts/{account.person.ess_id}?tab=people").page


def field(page: Page, name: str) -> str:
    (pair,) = [node for node in page.by_id("self-service-details").iter("div") if node.get("data-name") == name]
    return text_of(next(pair.iter("dd")))


def test_the_panel_says_that_a_link_was_made_and_until_when_it_is_good(
    clock: Any, central_admin_client: CheckingClient, ann: Account
):
    page = panel_of(central_admin_client, ann)
    assert page.by_id("self-service-details").get("data-account-state") == "registration-pending"
    assert field(page, "status") == "Registration pending"
    assert field(page, "otp-set") == "N a link was made instead"
    assert field(page, "otp-expiry") == "17/11/2026 09:00 of the link"
    assert field(page, "password-exp") == "Y"
    assert field(page, "internal-message").startswith("A link to enrol was made on the command line")
    assert field(page, "external-message") == (
        "A link to choose your password was made for you and works until 09:00 on 17 November 2026."
    )


def test_when_its_time_is_over_the_registration_is_shown_as_expired(
    clock: Any, central_admin: Person, as_person: Any, ann: Account
):
    clock.shift(timedelta(hours=24))
    page = panel_of(as_person(central_admin), ann)
    assert field(page, "status") == "Registration expired"
    assert field(page, "otp-expiry") == "17/11/2026 09:00 expired"
    assert "expired at 09:00 on 17 November 2026. You need a new one" in field(page, "external-message")


def test_a_link_that_a_clock_put_back_would_prolong_is_said_to_be_over(
    clock: Any, central_admin: Person, as_person: Any, ann: Account
):
    clock.shift(-timedelta(hours=1))
    page = panel_of(as_person(central_admin), ann)
    assert field(page, "status") == "Registration expired"
    assert "no longer works. You need a new one" in field(page, "external-message")


def test_a_link_that_ended_with_an_address_is_said_to_be_over(central_admin_client: CheckingClient, ann: Account):
    with write():
        first_administrator.correct_address(ann.person, "bea@centre.example")
    page = panel_of(central_admin_client, ann)
    assert field(page, "external-message").startswith("The link to choose your password no longer works.")
    assert field(page, "status") == "Registration expired"


def test_re_enrol_mails_a_temporary_password_and_ends_the_link(
    central_admin_client: CheckingClient, ann: Account, token: str
):
    panel_of(central_admin_client, ann)
    central_admin_client.submit(f"/organisations/CENTRAL/contacts/{ann.person.ess_id}/re-enrol", expect=303)
    assert ann.state is AccountState.REGISTRATION_PENDING
    with pytest.raises(enrolment_links.EnrolmentLinkRefused):
        enrolment_links.of(token)
    assert [row.recipient for row in mails("re-enrolment")] == ["ann@centre.example"]
    page = panel_of(central_admin_client, ann)
    assert field(page, "otp-set") == "Y"
    assert "A temporary password is on its way" in field(page, "external-message")
