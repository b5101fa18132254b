"""A change of one's own e-mail address cannot be stolen, replayed, swapped, forged, or used to bother strangers."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import EmailChange, Organisation, Person, RecoveryLink
from portal.services import accounts, email_changes, outbox, recovery, sessions, tokens
from portal.services.email_changes import LinkRefused
from portal.transactions import commits, write
from tests.factories import person
from tests.support import email_changes as changes
from tests.support.client import CheckingClient
from tests.support.email_changes import NEW
from tests.support.everybody import rows_of_all_tables
from tests.support.guesses import at_once
from tests.support.smtp import Mailbox
from tests.support.trail import entries, events, mails

URL, VERIFY = "/account/email", "/account/email/verify"
OLD = "erin.employee@coe.example"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def open_link(browser: CheckingClient, token: str) -> None:
    browser.get(f"/verify-email/{token}", 303)


def is_refused(browser: CheckingClient, token: str) -> bool:
    """Neither the page nor the button takes the token, and both say the same; True when nothing was changed."""
    before = rows_of_all_tables()
    open_link(browser, token)
    shown = browser.get(VERIFY, 410).page
    pressed = browser.post(VERIFY, expect=410).page
    assert shown.heading == pressed.heading == "This link can no longer be used"
    assert shown.link("Ask for a new link") == URL
    return rows_of_all_tables() == before


def ask(browser: CheckingClient, typed: str, expect: int = 303) -> None:
    browser.get(URL)
    browser.submit(URL, {"primary_email": typed, "confirm_primary_email": typed}, expect)


def test_of_fifty_at_once_one_makes_the_link_count(app: Flask, employee: Person):
    token = changes.ask(app, employee)
    with changes.signed_in_as(app, employee) as by:
        session = by.token
    db.session.rollback()

    def press() -> bool:
        with app.test_request_context("/", method="POST"):
            signed_in = sessions.load(session)
            assert signed_in is not None
            try:
                commits(email_changes.confirm)(token, signed_in)
            except LinkRefused:
                return False
            return True

    assert sum(at_once([press] * 50)) == 1
    assert employee.primary_email == NEW
    assert len(entries(employee, "account:email:changed")) == 1
    assert len(mails("email-changed")) == 2


@pytest.mark.parametrize(
    ("later", "counts"), [(timedelta(minutes=60, microseconds=-1), True), (timedelta(minutes=60), False)]
)
def test_a_link_ends_after_exactly_an_hour(
    clock: Any, app: Flask, organisation: Organisation, as_person: Any, later: timedelta, counts: bool
):
    erin = person(organisation, "Erin Employee")
    token = changes.ask(app, erin)
    clock.shift(later)
    browser = as_person(erin)
    if not counts:
        assert is_refused(browser, token)
        return
    open_link(browser, token)
    browser.get(VERIFY)
    browser.submit(VERIFY)
    assert erin.primary_email == NEW


def test_a_clock_that_was_put_back_makes_no_link_last_longer(clock: Any, app: Flask, employee: Person, as_person: Any):
    token = changes.ask(app, employee)
    clock.shift(-timedelta(minutes=1))
    assert is_refused(as_person(employee), token)


def changes_password(app: Flask, erin: Person) -> None:
    with write():
        accounts.put_password(accounts.locked(erin.account.id), "a hash of another one")


def resets_password(app: Flask, erin: Person) -> None:
    with write():
        recovery.ask(erin.primary_email, recovery.Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink)).one()
    token = tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)
    with write():
        recovery.reset_password(token, "vivid otter kettle")


def is_re_enrolled(app: Flask, erin: Person) -> None:
    with write():
        accounts.re_enrol(erin.account, None)
    with write():
        account = accounts.locked(erin.account.id)
        accounts.apply(account, accounts.AccountAction.COMPLETE_REGISTRATION, "account:registration:completed", None)


def leaves_and_returns(app: Flask, erin: Person) -> None:
    for verb in (accounts.deactivate, accounts.reactivate, accounts.register):
        with write():
            verb(erin.account, None)
    with write():
        account = accounts.locked(erin.account.id)
        accounts.apply(account, accounts.AccountAction.COMPLETE_REGISTRATION, "account:registration:completed", None)


def asks_for_another(app: Flask, erin: Person) -> None:
    changes.ask(app, erin, "erin.newer@home.example")


def changed_to_another(app: Flask, erin: Person) -> None:
    changes.confirm(app, erin, changes.ask(app, erin, "erin.newer@home.example"))


def was_used(app: Flask, erin: Person) -> None:
    changes.confirm(app, erin, changes.token_of(changes.newest()))


@pytest.mark.parametrize(
    "event",
    [
        changes_password, resets_password, is_re_enrolled, leaves_and_returns, asks_for_another, changed_to_another,
        was_used,
    ],
    ids=lambda event: event.__name__,
)  # fmt: skip
def test_a_link_is_dead_after(app: Flask, employee: Person, as_person: Any, event: Callable[[Flask, Person], None]):
    token = changes.ask(app, employee)
    event(app, employee)
    assert employee.account.state is AccountState.ACTIVE, "nothing but the link itself is looked at"
    assert is_refused(as_person(employee), token)


def test_an_administrator_who_changes_the_address_meanwhile_kills_the_link(
    app: Flask, employee: Person, local_admin_client: CheckingClient, as_person: Any
):
    token = changes.ask(app, employee)
    contact = f"/organisations/42061/contacts/{employee.ess_id}"
    local_admin_client.get(contact)
    other = "erin.other@coe.example"
    local_admin_client.submit(contact, {"primary_email": other, "confirm_primary_email": other})
    assert is_refused(as_person(employee), token)
    assert employee.primary_email == other


def test_a_locked_account_changes_no_address(app: Flask, employee: Person, as_person: Any):
    browser = as_person(employee)
    token = changes.ask(app, employee)
    with write():
        accounts.lock(accounts.locked(employee.account.id), "internet")
    assert is_refused(browser, token)


def test_a_new_address_kills_the_recovery_links_that_went_to_the_old_one(
    app: Flask, employee: Person, client: CheckingClient
):
    with write():
        recovery.ask(OLD, recovery.Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink)).one()
    old = tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)
    client.get(f"/recover/{old}", 303)
    client.get("/recover/new-password", 200)
    changes.confirm(app, employee, changes.ask(app, employee))
    client.get("/recover/new-password", 410)
    outbox.deliver_due()
    assert {row.state for row in mails("password-reset")} == {"dropped"}


def test_tokens_of_the_two_purposes_are_not_swapped(
    app: Flask, employee: Person, employee_client: CheckingClient, client: CheckingClient
):
    token = changes.ask(app, employee)
    client.get(f"/recover/{token}", 303)
    client.get("/recover/new-password", 410)
    change = changes.newest()
    swapped = tokens.recovery_token(change.issue, change.account_id, change.credential_version, change.key)
    assert is_refused(employee_client, swapped)
    open_link(employee_client, token)
    employee_client.get(VERIFY, 200)


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "é", "x" * 2000])
def test_what_was_never_ours_is_refused(employee_client: CheckingClient, token: str):
    assert is_refused(employee_client, token)


def test_another_account_cannot_use_the_link(
    app: Flask, employee: Person, organisation: Organisation, as_person: Any, employee_client: CheckingClient
):
    token = changes.ask(app, employee)
    noel = person(organisation, "Noel Contact")
    assert is_refused(as_person(noel), token)
    open_link(employee_client, token)
    employee_client.get(VERIFY)
    employee_client.submit(VERIFY)
    assert employee.primary_email == NEW


def test_looking_twenty_times_and_posting_nothing_change_nothing(
    app: Flask, employee: Person, employee_client: CheckingClient, stranger_client: CheckingClient
):
    """A scanner of mail follows links and sends forms; it is signed in nowhere."""
    token = changes.ask(app, employee)
    before = rows_of_all_tables()
    for _ in range(20):
        for method in ("HEAD", "GET", "OPTIONS"):
            stranger_client.open(f"/verify-email/{token}", method=method)
            stranger_client.open(VERIFY, method=method)
    stranger_client.post(VERIFY, csrf=False, expect=403)
    assert stranger_client.post(VERIFY).location.startswith("/sign-in")
    stranger_client.post(f"/verify-email/{token}", expect=405)
    assert rows_of_all_tables() == before
    for _ in range(20):
        employee_client.open(f"/verify-email/{token}", method="HEAD")
        open_link(employee_client, token)
        employee_client.get(VERIFY)
    employee_client.open(VERIFY, method="POST")
    assert (employee.primary_email, db.session.scalars(select(EmailChange.ended_at)).all()) == (OLD, [None])
    employee_client.submit(VERIFY)
    assert employee.primary_email == NEW


def test_somebody_who_only_chooses_a_password_changes_no_address(app: Flask, employee: Person, as_person: Any):
    token = changes.ask(app, employee)
    enrolling = as_person(employee, kind="enrolment")
    open_link(enrolling, token)
    assert enrolling.get(VERIFY, 303).location == "/enrol"
    assert enrolling.post(VERIFY).location == "/enrol"
    assert employee.primary_email == OLD


@pytest.mark.parametrize("headers", [{"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}])
def test_the_link_has_our_origin_whatever_host_was_asked(
    employee_client: CheckingClient, mailbox: Mailbox, headers: dict[str, str]
):
    employee_client.get(URL)
    typed = {"primary_email": NEW, "confirm_primary_email": NEW}
    employee_client.submit(URL, typed, headers=headers)
    outbox.deliver_due()
    assert mailbox.one("verify-email").link.startswith("http://127.0.0.1:8000/verify-email/")
    assert "evil.example" not in mailbox.messages[-1].raw.decode()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:8000@evil.example", "evil.example:8000"])
def test_another_host_is_not_served(employee_client: CheckingClient, host: str):
    employee_client.get(URL)
    typed = {"primary_email": NEW, "confirm_primary_email": NEW}
    answer = employee_client.open(URL, method="POST", data=typed, headers={"Host": host})
    assert answer.status_code in (400, 403)
    assert mails() == []


@pytest.mark.parametrize(
    "typed",
    [
        "erin@home.example\r\nBcc: evil@evil.example", "erin@home.example\nevil@evil.example", "erin\r@home.example",
        "erin\0@home.example", "erin@home.example,evil@evil.example", "erin@home.example evil@evil.example",
        "Erin <erin@home.example>", "<erin@home.example>", "erin@home.example;evil@evil.example",
        "x" * 255 + "@a.example",
    ],
)  # fmt: skip
def test_one_clean_address_or_none(employee_client: CheckingClient, typed: str):
    ask(employee_client, typed, 422)
    assert (mails(), events()) == ([], [])


@pytest.mark.parametrize(
    "typed", ["\u0113rin@coe.example", "er\u0131n@coe.example", "ER\u0130N@coe.example", "\u0435rin@coe.example"]
)
def test_letters_that_only_look_like_others_stand_before_no_at_sign(employee_client: CheckingClient, typed: str):
    ask(employee_client, typed, 422)
    assert (mails(), events()) == ([], [])


@pytest.mark.parametrize(
    ("typed", "stored", "sent_to"),
    [
        ("erin.new@c\u043ee.example", "erin.new@c\u043ee.example", "erin.new@xn--ce-fmc.example"),
        ("erin.new@\uff23\uff2f\uff25.example", "erin.new@coe.example", "erin.new@coe.example"),
        ("Erin.New@COE.example", "Erin.New@coe.example", "Erin.New@coe.example"),
    ],
)
def test_mail_goes_to_the_stored_address_and_to_no_look_alike(
    employee: Person,
    organisation: Organisation,
    employee_client: CheckingClient,
    mailbox: Mailbox,
    typed: str,
    stored: str,
    sent_to: str,
):
    person(organisation, "Victor Victim", email="erin.new@coe.example")
    ask(employee_client, typed)
    outbox.deliver_due()
    assert [received.recipients for received in mailbox.messages] == [[sent_to]]
    employee_client.get(mailbox.messages[0].link.removeprefix("http://127.0.0.1:8000"), 303)
    employee_client.get(VERIFY)
    employee_client.submit(VERIFY)
    assert employee.primary_email == stored
    assert (employee.primary_email_folded == "erin.new@coe.example") is (sent_to.lower() == "erin.new@coe.example")


def test_nothing_of_the_link_is_kept(app: Flask, employee: Person, mailbox: Mailbox):
    token = changes.ask(app, employee)
    outbox.deliver_due()
    assert mailbox.one("verify-email").link.endswith(token)
    held = str(rows_of_all_tables())
    assert NEW in held
    assert not any(part in held for part in re.split(r"\.", token))


def test_a_link_that_is_not_wanted_any_more_is_not_mailed(app: Flask, employee: Person, mailbox: Mailbox):
    changes.ask(app, employee, "first@home.example")
    changes.ask(app, employee, "second@home.example")
    changes_password(app, employee)
    third = changes.ask(app, employee, "third@home.example")
    outbox.deliver_due()
    assert [row.state for row in mails("verify-email")] == ["dropped", "dropped", "done"]
    assert [received.link.endswith(third) for received in mailbox.messages] == [True]


def test_a_mail_server_that_is_down_for_an_hour_gets_no_link_that_is_dead(
    clock: Any, app: Flask, organisation: Organisation, mailbox: Mailbox
):
    mailbox.down()
    changes.ask(app, person(organisation, "Erin Employee"))
    outbox.deliver_due()
    mailbox.up()
    clock.shift(timedelta(minutes=60))
    outbox.deliver_due()
    assert (mailbox.messages, mails()[0].state, mails()[0].last_error) == ([], "failed", outbox.TOO_LATE)
