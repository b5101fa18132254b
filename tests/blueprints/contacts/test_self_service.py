"""Self Service Details: what the panel says in each state, the buttons that there are, and what they do."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, AuditEntry, Organisation, OutboxMessage, Person
from portal.services import accounts, outbox
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page, text_of

URL = "/organisations/42061/contacts"
S = AccountState

LABELS = [
    "User Name", "Email ID", "ESS ID", "Status", "Enrolment Completed", "Temporary Password (OTP) Set",
    "Temporary Password (OTP) Expiry Date", "Temporary Password (OTP) Unsuccessful Attempts",
    "Last Authentication Failure", "Password Last Changed", "Password Exp Flag", "Is Re-Enrolled Set",
    "Last Successful Login", "Previous Login", "Successful Login Attempts", "Total No of Unsuccessful Attempts",
    "No of Unsuccessful Attempts Since Last Success", "Internet Access", "Sign-in Method", "Last E-mail",
    "Internal Message", "External Message",
]  # fmt: skip


def made(organisation: Organisation, state: AccountState, **more: Any) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], state=state, **more)


def fields(page: Page) -> dict[str, str]:
    panel = page.by_id("self-service-details")
    pairs = [node for node in panel.iter("div") if node.get("data-name")]
    assert [text_of(next(pair.iter("dt"))) for pair in pairs] == LABELS
    return {pair.get("data-name") or "": text_of(next(pair.iter("dd"))) for pair in pairs}


def buttons(page: Page) -> list[str]:
    return [text_of(node) for node in page.by_id("self-service-details").iter("button")]


def panel_of(browser: CheckingClient, person: Person) -> Page:
    return browser.get(f"{URL}/{person.ess_id}").page


def mails() -> list[OutboxMessage]:
    return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def events(person: Person) -> list[str]:
    return list(
        db.session.scalars(select(AuditEntry.event).where(AuditEntry.person_id == person.id).order_by(AuditEntry.id))
    )


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (S.NOT_REGISTERED, ["Register"]),
        (S.REGISTRATION_PENDING, ["Re-Enrol"]),
        (S.ACTIVE, ["Re-Enrol", "Send recovery mail"]),
        (S.LOCKED, ["Unlock", "Re-Enrol", "Send recovery mail"]),
        (S.UNLOCK_PENDING, ["Re-Enrol", "Send recovery mail"]),
        (S.INACTIVE, []),
    ],
)
def test_only_the_buttons_that_the_state_allows_exist(
    organisation: Organisation, local_admin_client: CheckingClient, state: AccountState, offered: list[str]
):
    page = panel_of(local_admin_client, made(organisation, state))
    panel = page.by_id("self-service-details")
    assert (buttons(page), panel.get("data-account-state")) == (offered, state.value)
    assert panel.get("data-failures") == ("3" if state is S.LOCKED else "0")
    fields(page)


MOVES = ("register", "unlock", "re-enrol", "deactivate", "reactivate")


@pytest.mark.parametrize("state", list(S))
def test_a_move_that_the_state_refuses_answers_409_and_says_what_is_possible(
    organisation: Organisation, local_admin_client: CheckingClient, state: AccountState
):
    allowed = {
        S.NOT_REGISTERED: {"register", "deactivate"},
        S.LOCKED: {"unlock", "re-enrol", "deactivate"},
        S.INACTIVE: {"reactivate"},
    }.get(state, {"re-enrol", "deactivate"})
    person = made(organisation, state)
    for move in set(MOVES) - allowed:
        url = f"{URL}/{person.ess_id}/{move}"
        fragment = local_admin_client.post(url, expect=409, htmx=True).page
        said = fragment.text_at("self-service-refusal")
        assert "is not possible now: the account is" in said
        assert ("Register" in said.partition("Possible now:")[2]) == ("register" in allowed)
        assert fragment.by_id("self-service-details").get("data-account-state") == state.value
        assert local_admin_client.post(url, expect=409).page.text_at("self-service-refusal") == said
    assert (person.account.state, mails(), events(person)) == (state, [], [])


def test_register_swaps_the_panel_and_queues_the_mail(
    clock, organisation: Organisation, local_admin: Person, local_admin_client: CheckingClient
):
    person = made(organisation, S.NOT_REGISTERED)
    panel_of(local_admin_client, person)
    page = local_admin_client.submit(f"{URL}/{person.ess_id}/register", htmx=True).page
    assert page.by_id("self-service-details").get("data-account-state") == "registration-pending"
    assert "The contact has been registered." in page.text_at("self-service-details")
    assert page.text_at(f"state-of-{person.ess_id}") == "Registration pending"
    assert person.account.state is S.REGISTRATION_PENDING
    assert [(row.kind, row.recipient, row.state) for row in mails()] == [
        ("registration", "katie.contact@coe.example", "queued")
    ]
    assert events(person) == ["account:registration:registered"]
    said = fields(page)
    assert said["user-name"] == person.account.username
    assert (said["enrolment-completed"], said["otp-set"], said["password-exp"]) == ("N", "Y", "Y")
    assert said["otp-expiry"] == "17/11/2026 09:00"
    assert said["last-email"] == "Registration (katie.contact@coe.example) queued 16/11/2026 09:00"
    assert said["internal-message"] == "Registered; the e-mail is queued 16/11/2026 09:00"
    assert said["external-message"] == (
        "A temporary password is on its way to k…@coe.example and works until 09:00 on 17 November 2026."
    )
    whole = panel_of(local_admin_client, person)
    assert fields(whole) == said


def test_without_javascript_a_move_comes_back_to_the_chosen_contact(
    organisation: Organisation, local_admin_client: CheckingClient
):
    person = made(organisation, S.LOCKED)
    local_admin_client.get(f"{URL}/{person.ess_id}?tab=people&q=katie")
    answer = local_admin_client.submit(f"{URL}/{person.ess_id}/unlock")
    assert answer.location == f"{URL}/{person.ess_id}?tab=people&q=katie#self-service-details"
    page = local_admin_client.follow(answer).page
    assert "The account has been unlocked." in page.text_at("self-service-details")
    assert "The account has been unlocked." not in panel_of(local_admin_client, person).words


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_move_goes_nowhere_else(organisation: Organisation, local_admin_client: CheckingClient, target: str):
    person = made(organisation, S.LOCKED)
    answer = local_admin_client.post(f"{URL}/{person.ess_id}/unlock", {"next": target})
    assert answer.location == f"{URL}/{person.ess_id}#self-service-details"


def test_re_enrol_asks_first_and_sets_the_flags(organisation: Organisation, local_admin_client: CheckingClient):
    person = made(organisation, S.ACTIVE)
    form = panel_of(local_admin_client, person).form(f"{URL}/{person.ess_id}/re-enrol")
    assert "Re-enrol Katie Contact?" in (form.element.get("data-confirm") or "")
    said = fields(local_admin_client.submit(f"{URL}/{person.ess_id}/re-enrol", htmx=True).page)
    assert (said["re-enrolled"], said["enrolment-completed"], said["otp-set"], said["password-exp"]) == (
        "Y",
        "N",
        "Y",
        "Y",
    )
    assert [row.kind for row in mails()] == ["re-enrolment"]


def test_deactivate_and_reactivate_answer_the_panel(organisation: Organisation, local_admin_client: CheckingClient):
    person = made(organisation, S.ACTIVE)
    for move, state in (("deactivate", "inactive"), ("reactivate", "not-registered")):
        page = local_admin_client.post(f"{URL}/{person.ess_id}/{move}", htmx=True).page
        assert page.by_id("self-service-details").get("data-account-state") == state


def test_without_an_address_nothing_is_mailed_and_unlock_works(
    organisation: Organisation, local_admin_client: CheckingClient
):
    person = made(organisation, S.NOT_REGISTERED, email="")
    assert "There is no e-mail address: add one first." in panel_of(local_admin_client, person).words
    page = local_admin_client.submit(f"{URL}/{person.ess_id}/register", expect=409).page
    assert "There is no e-mail address to send a temporary password to" in page.text_at("self-service-refusal")
    locked = made(organisation, S.LOCKED, email="")
    page = local_admin_client.post(f"{URL}/{locked.ess_id}/unlock", htmx=True).page
    assert "tell the person that the account is unlocked" in page.words
    assert fields(page)["external-message"].startswith("Your account is unlocked: sign in before")
    assert "choose a new one" not in fields(page)["external-message"]
    assert mails() == []


def test_an_address_that_may_not_work_is_warned_about(
    clock, organisation: Organisation, local_admin_client: CheckingClient
):
    temporary = made(organisation, S.NOT_REGISTERED, email_is_temporary=True)
    assert "The e-mail address is marked as temporary" in panel_of(local_admin_client, temporary).words
    bounced = made(organisation, S.NOT_REGISTERED, email_bounced_at=temporary.created_at)
    assert "came back on 16/11/2026 09:00" in panel_of(local_admin_client, bounced).words


def test_what_a_clock_put_back_would_prolong_is_over(
    clock, organisation: Organisation, local_admin: Person, as_person: Any
):
    pending = made(organisation, S.REGISTRATION_PENDING)
    clock.shift(-timedelta(hours=1))
    said = fields(panel_of(as_person(local_admin), pending))
    assert (said["status"], said["otp-expiry"]) == ("Registration expired", "17/11/2026 09:00 expired")
    assert said["external-message"] == "The temporary password no longer works. You need a new one."


def test_what_has_run_out_is_said(clock, organisation: Organisation, local_admin_client: CheckingClient):
    pending, unlocked = made(organisation, S.REGISTRATION_PENDING), made(organisation, S.UNLOCK_PENDING)
    assert fields(panel_of(local_admin_client, unlocked))["status"] == "Unlock pending until 17/11/2026 09:00"
    with write():
        pending.account.temporary_password_expires_at -= timedelta(hours=25)
        unlocked.account.unlock_expires_at -= timedelta(hours=25)
    said = fields(panel_of(local_admin_client, pending))
    assert (said["status"], said["otp-expiry"]) == ("Registration expired", "16/11/2026 08:00 expired")
    assert said["external-message"] == (
        "The temporary password expired at 08:00 on 16 November 2026. You need a new one."
    )
    page = panel_of(local_admin_client, unlocked)
    said = fields(page)
    assert said["status"] == "Locked the unlock expired at 16/11/2026 08:00"
    assert "nobody signed in before 08:00 on 16 November 2026" in said["external-message"]
    assert (buttons(page), page.by_id("self-service-details").get("data-account-state")) == (
        ["Unlock", "Re-Enrol", "Send recovery mail"],
        "locked",
    )


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({"temporary_password_hash": None, "temporary_password_failures": 10}, "entered wrongly 10 times"),
        ({}, "A temporary password was given to you and works until"),
    ],
)
def test_a_pending_registration_says_how_it_stands(
    organisation: Organisation, local_admin_client: CheckingClient, account: dict[str, Any], words: str
):
    person = made(organisation, S.REGISTRATION_PENDING, account=account)
    assert words in fields(panel_of(local_admin_client, person))["external-message"]


def test_who_came_in_by_a_known_browser_while_locked_is_told(
    organisation: Organisation, local_admin_client: CheckingClient
):
    person = made(organisation, S.ACTIVE, account={"internal_message": "signed-in-while-locked"})
    said = fields(panel_of(local_admin_client, person))
    assert said["external-message"].startswith("Failed attempts had locked your account. You signed in from a browser")
    assert said["internal-message"].startswith("Signed in from a known browser while locked; unlocked")


def test_a_disabled_password_cannot_be_unlocked(organisation: Organisation, local_admin_client: CheckingClient):
    person = made(organisation, S.LOCKED, account={"failures_since_success": 100, "failures_total": 120})
    page = panel_of(local_admin_client, person)
    assert buttons(page) == ["Re-Enrol", "Send recovery mail"]
    assert fields(page)["password-exp"] == "Y"
    assert "your password no longer works. Choose a new one" in fields(page)["external-message"]
    local_admin_client.post(f"{URL}/{person.ess_id}/unlock", expect=409)


def test_the_panel_says_what_became_of_the_mail(
    clock, app: Flask, organisation: Organisation, local_admin_client: CheckingClient
):
    person = made(organisation, S.NOT_REGISTERED)
    local_admin_client.post(f"{URL}/{person.ess_id}/register")
    clock.shift(timedelta(minutes=2))
    outbox.deliver_due()
    said = fields(panel_of(local_admin_client, person))
    assert said["last-email"] == "Registration (katie.contact@coe.example) sent 16/11/2026 09:02"
    assert said["internal-message"] == "Registration e-mail sent 16/11/2026 09:02"
    assert said["external-message"] == (
        "A temporary password was sent to k…@coe.example at 09:02 on 16 November 2026 and works until 09:00 on "
        "17 November 2026."
    )
    (row,) = mails()
    with write():
        row.state, row.last_error = "failed", "550 mailbox <unavailable>"
        db.session.get_one(Account, person.account.id).internal_message = "mail-refused"
        person.account.internal_detail = "registration: 550 mailbox <unavailable>"
    said = fields(panel_of(local_admin_client, person))
    assert said["last-email"].endswith("refused 16/11/2026 09:02: 550 mailbox <unavailable>")
    assert said["internal-message"].startswith("Registration e-mail refused by mail server: 550 mailbox <unavailable>")
    assert "could not be delivered to k…@coe.example" in said["external-message"]


@pytest.mark.parametrize(
    ("networks", "automatic", "smartcard", "says"),
    [
        ([], False, True, "Y from everywhere"),
        (["10.0.0.0/8"], True, False, "Y automatic in this organisation"),
        (["10.0.0.0/8"], False, False, "N not automatic in this organisation"),
        (["10.0.0.0/8"], True, True, "N a smartcard is or was linked"),
    ],
)
def test_internet_access_follows_the_rule(
    app: Flask,
    organisation: Organisation,
    local_admin_client: CheckingClient,
    networks: list[str],
    automatic: bool,
    smartcard: bool,
    says: str,
):
    app.config["PRIVATE_NETWORKS"] = networks
    person = made(organisation, S.ACTIVE, smartcard_linked=smartcard)
    with write():
        organisation.automatic_internet_access = automatic
    assert fields(panel_of(local_admin_client, person))["internet-access"].startswith(says)


def test_nobody_acts_on_their_own_account(local_admin: Person, local_admin_client: CheckingClient):
    page = panel_of(local_admin_client, local_admin)
    assert buttons(page) == []
    assert "This is your own account" in page.text_at("self-service-details")
    for move in ("re-enrol", "deactivate"):
        local_admin_client.post(f"{URL}/{local_admin.ess_id}/{move}", expect=403)
    assert local_admin.account.state is S.ACTIVE


def test_nobody_acts_on_a_higher_account(regional_manager: Person, local_admin_client: CheckingClient):
    page = panel_of(local_admin_client, regional_manager)
    assert buttons(page) == []
    assert "This account holds a higher role" in page.text_at("self-service-details")
    local_admin_client.post(f"{URL}/{regional_manager.ess_id}/re-enrol", expect=403)


def test_equal_administrators_may_re_enrol_each_other(organisation: Organisation, local_admin_client: CheckingClient):
    colleague = made(organisation, S.ACTIVE)
    factories.grant(colleague, factories.Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    assert buttons(panel_of(local_admin_client, colleague)) == ["Re-Enrol", "Send recovery mail"]


def test_people_of_other_organisations_are_not_there(
    other_organisation: Organisation, organisation: Organisation, local_admin_client: CheckingClient
):
    elsewhere = made(other_organisation, S.LOCKED)
    for code in ("RX1", "42061"):
        for move in MOVES:
            local_admin_client.post(f"/organisations/{code}/contacts/{elsewhere.ess_id}/{move}", expect=404)
    assert elsewhere.account.state is S.LOCKED


def test_a_mail_that_a_corrected_address_kept_back_is_not_on_its_way(
    clock, organisation: Organisation, local_admin_client: CheckingClient
):
    person = made(organisation, S.NOT_REGISTERED)
    panel_of(local_admin_client, person)
    local_admin_client.submit(f"{URL}/{person.ess_id}/register", htmx=True)
    with write():
        account = db.session.get_one(Account, person.account.id)
        account.person.primary_email = "katie@new.example"
        accounts.leave_address(account)
    outbox.deliver_due()
    said = fields(panel_of(local_admin_client, person))
    assert said["external-message"] == (
        "The temporary password was not sent to k…@coe.example, because the address was changed. You need a new one."
    )
    assert said["internal-message"] == "Registration e-mail not sent: the address was changed 16/11/2026 09:00"
    assert said["last-email"].endswith("not sent, 16/11/2026 09:00: the address was changed")
