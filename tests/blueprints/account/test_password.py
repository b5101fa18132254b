"""/account/password: another password for the current one; every other browser is out, and the owner is told."""

import unicodedata
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person, RecoveryLink
from portal.services import outbox, passwords, recovery
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.guesses import INTERNET, guess
from tests.support.smtp import Mailbox
from tests.support.trail import entries, events, kinds, mails

NEW, WRONG = "vivid otter kettle", "not the password"
PAGE = "/account/password"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def change(browser: CheckingClient, current: str = PASSWORD, new: str = NEW, expect: int = 303, **more: str) -> Any:
    browser.get(PAGE)
    fields = {"current_password": current, "password": new, "password_again": new, **more}
    return browser.submit(PAGE, fields, expect)


def test_the_password_is_another_one_and_the_trail_the_mail_and_the_next_page_say_so(
    app: Flask, employee_client: CheckingClient, employee: Person
):
    answer = change(employee_client)
    assert answer.location == "/account"
    page = employee_client.follow(answer).page
    assert "Your password has been changed. Every other browser" in page.words
    assert events(employee) == ["account:password:changed"]
    (entry,) = entries(employee)
    assert entry.actor_account_id == employee.account.id
    (mail,) = mails()
    assert (mail.kind, mail.recipient, mail.audit_entry_id) == ("password-changed", employee.primary_email, entry.id)
    assert employee.account.internal_message == "password-changed"
    assert guess(app, employee.account.username, PASSWORD) is None
    assert guess(app, employee.account.username, NEW)


def test_the_mail_says_that_every_other_browser_is_out(employee_client: CheckingClient, mailbox: Mailbox):
    change(employee_client)
    outbox.deliver_due()
    arrived = mailbox.one("password-changed")
    for part in (arrived.text, arrived.html):
        assert "every other browser that was signed in has been signed out" in " ".join(part.split())
    assert arrived.link.endswith("/recover?need=password")


def test_a_secondary_address_is_told_too(as_person: Any, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", secondary_email="nomi@home.example")
    change(as_person(nomi))
    assert [row.recipient for row in mails()] == ["nomi.contact@coe.example", "nomi@home.example"]


def test_every_other_session_ends_at_once_and_this_one_goes_on_under_a_new_token(
    employee_client: CheckingClient, client: CheckingClient, as_person: Any, employee: Person, local_admin_client: Any
):
    elsewhere = as_person(employee)
    elsewhere.get("/account")
    with employee_client.session_transaction(base_url=ORIGIN) as cookie:
        copied = dict(cookie)
    change(employee_client)
    employee_client.get("/account")
    assert elsewhere.get("/account", 303).location.startswith("/sign-in")
    assert elsewhere.get("/account", 401, htmx=True).headers["HX-Redirect"].startswith("/sign-in")
    with client.session_transaction(base_url=ORIGIN) as cookie:
        cookie.update(copied)
    assert client.get("/account", 303).location.startswith("/sign-in"), "a copy of this browser's cookie"
    local_admin_client.get("/account")


def test_mailed_links_die(employee_client: CheckingClient, employee: Person):
    with write():
        recovery.ask(employee.primary_email, recovery.Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink)).one()
    before = employee.account.credential_version
    change(employee_client)
    assert employee.account.credential_version == before + 1 > link.credential_version


def test_browsers_that_know_the_account_stay_so(client: CheckingClient, app: Flask, employee: Person):
    client.get("/sign-in")
    client.submit("/sign-in", {"username": employee.account.username, "password": PASSWORD})
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    change(client)
    assert [known.void_at for known in db.session.scalars(select(KnownBrowser))] == [None, None]
    for _ in range(3):
        guess(app, employee.account.username, WRONG)
    assert employee.account.state is AccountState.LOCKED
    assert guess(app, employee.account.username, NEW, INTERNET, admitted.browser_tokens)


def test_the_counters_are_cleared_as_by_any_success(as_person: Any, organisation: Organisation):
    failed = {"failures": 2, "failures_since_success": 2, "failures_total": 2}
    nomi = person(organisation, "Nomi Contact", account=failed)
    change(as_person(nomi))
    account = nomi.account
    assert (account.failures, account.failures_since_success, account.failures_total) == (0, 0, 2)


def test_a_wrong_current_password_is_said_beside_the_field_and_counts(
    employee_client: CheckingClient, employee: Person
):
    before = employee.account.password_hash
    page = change(employee_client, WRONG, expect=422).page
    assert page.title.startswith("Error: ")
    assert "The current password is not right, or the account cannot be used" in page.text_at("current_password-error")
    assert (employee.account.failures, employee.account.password_hash) == (1, before)
    assert events(employee) == ["account:sign-in:failed"]
    for _ in range(2):
        change(employee_client, WRONG, expect=422)
    assert employee.account.state is AccountState.LOCKED
    assert change(employee_client, PASSWORD, expect=422).page.words == change(employee_client, expect=422).page.words
    assert employee.account.password_hash == before
    assert kinds() == ["locked"]


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("", "Enter a password"),
        ("short one", "needs 12 characters or more"),
        ("x" * 129, "may have 128 characters at most"),
        ("password1234", "easy to guess"),
        ("Erin Employee employee", "easy to guess"),
        (PASSWORD, "Choose another password than the current one"),
        (unicodedata.normalize("NFD", PASSWORD), "Choose another password than the current one"),
    ],
)
def test_what_is_refused_is_said_beside_the_field_and_is_no_guess(
    employee_client: CheckingClient, employee: Person, new: str, says: str
):
    page = change(employee_client, new=new, expect=422).page
    assert says in page.text_at("password-error")
    assert (employee.account.failures_total, events(employee)) == (0, [])


def test_errors_stand_in_the_order_of_the_page(employee_client: CheckingClient):
    page = change(employee_client, "", "", 422).page
    said = [link.get("href") for link in page.one(class_="nhsuk-error-summary").iter("a")]
    assert said == ["#current_password", "#password", "#password_again"]
    assert "The two passwords are not the same" in change(employee_client, expect=422, password_again="x").page.words


def test_after_an_hour_the_password_is_asked_for_before_the_form_and_before_the_change(
    app: Flask, clock: Any, as_person: Any, organisation: Organisation
):
    app.config["SESSION_IDLE_MINUTES"] = 120
    nomi = person(organisation, "Nomi Contact")
    browser = as_person(nomi)
    browser.get(PAGE)
    clock.shift(timedelta(minutes=61))
    before = nomi.account.password_hash
    answer = browser.submit(PAGE, {"current_password": PASSWORD, "password": NEW, "password_again": NEW})
    assert answer.location.startswith("/account/confirm?next=/account/password&held=")
    assert nomi.account.password_hash == before
    assert browser.get(PAGE, 303).location == "/account/confirm?next=/account/password"
    browser.follow(answer)
    done = browser.submit("/account/confirm", {"password": PASSWORD})
    assert done.location == PAGE
    page = browser.follow(done).page
    assert "what you typed was not kept: please type it once more" in page.words
    browser.submit(PAGE, {"current_password": PASSWORD, "password": NEW, "password_again": NEW})
    assert nomi.account.password_hash != before
    assert events(nomi) == ["account:session:confirmed", "account:password:changed"]


def test_led_there_by_the_page_itself_nothing_more_is_said(
    app: Flask, clock: Any, as_person: Any, organisation: Organisation
):
    app.config["SESSION_IDLE_MINUTES"] = 120
    browser = as_person(person(organisation, "Nomi Contact"))
    clock.shift(timedelta(minutes=61))
    browser.follow(browser.get(PAGE, 303))
    done = browser.submit("/account/confirm", {"password": PASSWORD})
    assert browser.follow(done).page.heading == "Change your password"
    assert "once more" not in browser.get(PAGE).page.words


def test_changing_it_counts_as_giving_it(app: Flask, clock: Any, as_person: Any, organisation: Organisation):
    app.config["SESSION_IDLE_MINUTES"] = 120
    browser = as_person(person(organisation, "Nomi Contact"))
    clock.shift(timedelta(minutes=59))
    change(browser)
    clock.shift(timedelta(minutes=59))
    browser.get(PAGE)


def test_whichever_way_an_accent_is_written_it_is_the_same_password(
    app: Flask, employee_client: CheckingClient, employee: Person
):
    written = "crème brûlée trombone"
    change(employee_client, new=unicodedata.normalize("NFD", written))
    assert guess(app, employee.account.username, unicodedata.normalize("NFC", written))


def test_the_new_one_is_hashed_before_any_lock_is_held(
    employee_client: CheckingClient, monkeypatch: pytest.MonkeyPatch
):
    from portal.transactions import WRITING

    original, held = passwords.hash_of, []

    def watched(text: str) -> str:
        held.append(db.session().info.get(WRITING, False))
        return original(text)

    monkeypatch.setattr(passwords, "hash_of", watched)
    change(employee_client)
    assert held == [False]


def test_three_of_the_longest_passwords_fit_and_no_more_is_read(employee_client: CheckingClient):
    longest = dict.fromkeys(("current_password", "password", "password_again"), "😀" * 128)
    assert employee_client.ask("POST", PAGE, longest).status_code == 422
    assert employee_client.ask("POST", PAGE, {"password": "x" * 6144}).status_code == 413


def test_without_its_token_nothing_is_changed(employee_client: CheckingClient, employee: Person):
    fields = {"current_password": PASSWORD, "password": NEW, "password_again": NEW}
    employee_client.post(PAGE, fields, 403, csrf=False)
    assert events(employee) == []
