"""/recover/<token> and /recover/new-password: a mailed link shows a page; choosing a password uses it up."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person, RecoveryLink
from portal.services import outbox, recovery
from portal.transactions import write
from tests.factories import TEMPORARY_PASSWORD, person
from tests.support.client import CheckingClient
from tests.support.smtp import Mailbox
from tests.support.trail import events

NEW = "vivid otter kettle"
PAGE = "/recover/new-password"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def link_for(somebody: Person, mailbox: Mailbox) -> str:
    """The path of the link that arrives by mail."""
    with write():
        recovery.ask(somebody.primary_email, recovery.Need.PASSWORD)
    recovery.handle_due()
    outbox.deliver_due()
    return mailbox.messages[-1].link.removeprefix("http://127.0.0.1:8000")


def choose(client: CheckingClient, password: str = NEW, expect: int = 303) -> Any:
    return client.submit(PAGE, {"password": password, "password_again": password}, expect)


def test_the_link_leads_to_a_page_without_it_and_then_to_the_sign_in_page(
    client: CheckingClient, mailbox: Mailbox, employee: Person
):
    answer = client.get(link_for(employee, mailbox), 303)
    assert answer.location == PAGE
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("recovery=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = client.follow(answer)
    assert page.headers["Referrer-Policy"] == answer.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.page.heading == "Choose a new password"
    done = choose(client)
    assert done.location == "/sign-in"
    assert "recovery=;" in "".join(done.headers.getlist("Set-Cookie"))
    assert "Your password has been changed" in client.follow(done).page.words
    assert client.get("/account", 303).location.startswith("/sign-in"), "a reset never signs in"
    assert "account:password:reset" in events(employee)


def test_looking_twenty_times_and_posting_nothing_use_nothing_up(
    client: CheckingClient, mailbox: Mailbox, employee: Person
):
    link, before = link_for(employee, mailbox), employee.account.password_hash
    for _ in range(20):
        client.open(link, method="HEAD")
        client.get(link, 303)
        client.get(PAGE)
    client.submit(PAGE, {}, 422)
    assert employee.account.password_hash == before
    assert db.session.scalars(select(RecoveryLink.used_at)).all() == [None]
    choose(client)


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "é", "x" * 2000])
def test_a_link_that_was_never_ours_is_refused(client: CheckingClient, token: str):
    client.get(f"/recover/{token}", 303)
    page = client.get(PAGE, 410).page
    assert page.heading == "This link can no longer be used"
    assert page.link("Ask for a new link") == "/recover?need=password"


def test_a_token_of_another_purpose_is_refused(app: Flask, client: CheckingClient):
    other = URLSafeSerializer(app.config["SECRET_KEY"], salt="verify-email").dumps(["issue", 1, 1])
    client.get(f"/recover/{other}", 303)
    client.get(PAGE, 410)


def test_a_link_that_was_used_or_is_an_hour_old_is_refused_the_same_way(
    client: CheckingClient, stranger_client: CheckingClient, mailbox: Mailbox, organisation: Organisation, clock: Any
):
    nomi = person(organisation, "Nomi Contact")
    link = link_for(nomi, mailbox)
    stranger_client.get(link, 303)
    stranger_client.get(PAGE)
    client.get(link, 303)
    client.get(PAGE)
    choose(client)
    used = choose(stranger_client, "another otter kettle", 410).page.heading
    clock.shift(timedelta(minutes=11))
    newer = link_for(nomi, mailbox)
    clock.shift(timedelta(minutes=60, seconds=1))
    client.get(newer, 303)
    assert client.get(PAGE, 410).page.heading == used


def test_a_weak_password_is_refused_and_the_link_stays_good(client: CheckingClient, mailbox: Mailbox, employee: Person):
    client.get(link_for(employee, mailbox), 303)
    client.get(PAGE)
    assert "easy to guess" in choose(client, "password1234", 422).page.words
    choose(client)


def test_the_temporary_password_cannot_be_chosen_here_either(
    app: Flask, client: CheckingClient, mailbox: Mailbox, organisation: Organisation
):
    app.config["FIRST_PASSWORD_BY_EMAIL"] = True
    nomi = person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    client.get(link_for(nomi, mailbox), 303)
    client.get(PAGE)
    assert "not the temporary one" in choose(client, TEMPORARY_PASSWORD, 422).page.words


def test_a_reset_puts_every_browser_out(
    client: CheckingClient, employee_client: CheckingClient, mailbox: Mailbox, employee: Person
):
    employee_client.get("/account")
    client.get(link_for(employee, mailbox), 303)
    client.get(PAGE)
    choose(client)
    assert employee_client.get("/account", 303).location.startswith("/sign-in")


def test_the_link_is_built_from_the_base_url_whatever_host_was_asked(
    client: CheckingClient, mailbox: Mailbox, employee: Person
):
    client.get("/recover?need=password")
    client.submit("/recover", {"identifier": employee.primary_email}, headers={"X-Forwarded-Host": "evil.example"})
    recovery.handle_due()
    outbox.deliver_due()
    assert mailbox.messages[-1].link.startswith("http://127.0.0.1:8000/recover/")
    assert "evil.example" not in mailbox.messages[-1].raw.decode()


def test_without_its_token_nothing_is_changed(client: CheckingClient, mailbox: Mailbox, employee: Person):
    client.get(link_for(employee, mailbox), 303)
    client.post(PAGE, {"password": NEW, "password_again": NEW}, 403, csrf=False)
    assert db.session.scalars(select(RecoveryLink.used_at)).all() == [None]
