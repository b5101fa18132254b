"""Sessions as an attacker meets them: fixed, guessed, copied, outlived; and the cookies that carry them."""

from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select

from portal import clock as the_clock
from portal import create_app
from portal.config import SETTINGS
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Organisation, Person, RecoveryLink, Session
from portal.services import accounts, recovery, tokens
from portal.transactions import write
from tests import factories
from tests.factories import PASSWORD
from tests.support.client import ORIGIN, Answer, CheckingClient
from tests.support.visitor import TOKEN

NEW = "vivid otter kettle"
COOKIE = "portal"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def sign_in(browser: CheckingClient, somebody: Person) -> Any:
    browser.get("/sign-in")
    return browser.submit("/sign-in", {"username": somebody.account.username, "password": PASSWORD})


def cookie_of(browser: CheckingClient) -> str:
    """The session cookie's text, as somebody would copy it."""
    found = browser.get_cookie(COOKIE, domain="127.0.0.1")
    assert found is not None
    return found.value


def with_cookie(app: Flask, text: str) -> CheckingClient:
    """Another browser with a copy of a session cookie."""
    browser = CheckingClient(app, response_wrapper=Answer, use_cookies=True)
    browser.set_cookie(COOKIE, text, domain="127.0.0.1")
    return browser


def is_in(browser: CheckingClient) -> bool:
    return browser.open("/account").status_code == 200


# Rotation (ASVS 7.2.4)


def test_an_id_from_before_the_sign_in_is_nobodys_after_it(app: Flask, client: CheckingClient, employee: Person):
    client.get("/sign-in")
    fixed = cookie_of(client)
    sign_in(client, employee)
    assert cookie_of(client) != fixed
    assert is_in(client)
    assert not is_in(with_cookie(app, fixed))


def test_a_token_that_somebody_planted_is_not_taken_over(app: Flask, client: CheckingClient, employee: Person):
    with client.session_transaction(base_url=ORIGIN) as cookie:
        cookie["_user_id"] = "planted"
    sign_in(client, employee)
    with client.session_transaction(base_url=ORIGIN) as cookie:
        assert cookie["_user_id"] != "planted"
        assert "_fresh" not in cookie


def test_signing_in_anew_ends_the_session_before(app: Flask, client: CheckingClient, employee: Person):
    sign_in(client, employee)
    before = cookie_of(client)
    client.get("/find-administrator")
    client.post("/sign-in", {"username": employee.account.username, "password": PASSWORD})
    assert is_in(client)
    assert not is_in(with_cookie(app, before))


@pytest.mark.parametrize("again", ["confirm", "password"])
def test_giving_the_password_again_makes_the_id_before_nobodys(
    app: Flask, client: CheckingClient, employee: Person, again: str
):
    sign_in(client, employee)
    before = cookie_of(client)
    client.get(f"/account/{again}")
    fields = {"password": PASSWORD}
    if again == "password":
        fields = {"current_password": PASSWORD, "password": NEW, "password_again": NEW}
    client.submit(f"/account/{again}", fields)
    assert is_in(client)
    assert not is_in(with_cookie(app, before))
    assert with_cookie(app, before).open("/account", headers={"HX-Request": "true"}).status_code == 401


def test_ids_in_the_address_in_a_form_or_in_a_header_are_nothing(
    app: Flask, employee_client: CheckingClient, client: CheckingClient
):
    with employee_client.session_transaction(base_url=ORIGIN) as cookie:
        token = cookie["_user_id"]
    text = cookie_of(employee_client)
    for name in ("_user_id", "session", COOKIE, "sid", "JSESSIONID"):
        for value in (token, text):
            client.get("/account", 303, query_string={name: value})
            client.get("/account", 303, headers={name: value, "Authorization": f"Bearer {value}"})
            client.post("/account/sessions/others", {name: value}, 303)
    assert is_in(employee_client)


# Opaque, and worth nothing out of the database (ASVS 7.2.1-7.2.3)


def test_the_cookie_holds_a_token_and_a_seed_and_the_database_signs_nobody_in(
    app: Flask, client: CheckingClient, employee: Person
):
    sign_in(client, employee)
    client.get("/account")
    with client.session_transaction(base_url=ORIGIN) as cookie:
        assert set(cookie) == {"_user_id", "csrf_token"}
        token = cookie["_user_id"]
    assert len(token) >= 43
    row = db.session.scalars(select(Session)).one()
    for stolen in (row.token_hash.hex(), str(row.id), str(employee.account.id)):
        thief = CheckingClient(app, response_wrapper=Answer, use_cookies=True)
        with thief.session_transaction(base_url=ORIGIN) as cookie:
            cookie["_user_id"] = stolen
        assert not is_in(thief)


def test_a_cookie_that_was_forged_or_altered_is_nothing(app: Flask, employee_client: CheckingClient):
    text = cookie_of(employee_client)
    payload, _, rest = text.partition(".")
    forged = URLSafeTimedSerializer("another key", salt="cookie-session").dumps({"_user_id": "x"})
    for wrong in (payload[:-1] + ("A" if payload[-1] != "A" else "B") + "." + rest, text[:-2], forged, "x", ""):
        assert not is_in(with_cookie(app, wrong))
    assert is_in(with_cookie(app, text))


# Revocation is immediate (ASVS 7.4.1-7.4.5, 8.3.2)


def sign_out(browser: CheckingClient, _somebody: Person) -> None:
    browser.get("/account")
    browser.submit("/sign-out")


def deactivate(_browser: CheckingClient, somebody: Person) -> None:
    with write():
        accounts.deactivate(somebody.account, None)


def re_enrol(_browser: CheckingClient, somebody: Person) -> None:
    with write():
        accounts.re_enrol(somebody.account, None)


def reset(_browser: CheckingClient, somebody: Person) -> None:
    with write():
        recovery.ask(somebody.primary_email, recovery.Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink)).one()
    token = tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)
    with write():
        recovery.reset_password(token, NEW)


def change_password(browser: CheckingClient, _somebody: Person) -> None:
    browser.get("/account/password")
    browser.submit("/account/password", {"current_password": PASSWORD, "password": NEW, "password_again": NEW})


def give_it_again(browser: CheckingClient, _somebody: Person) -> None:
    browser.get("/account/confirm")
    browser.submit("/account/confirm", {"password": PASSWORD})


@pytest.mark.parametrize("event", [sign_out, deactivate, re_enrol, reset, change_password, give_it_again])
def test_a_copy_of_the_cookie_is_dead_at_once(
    app: Flask, client: CheckingClient, employee: Person, event: Callable[[CheckingClient, Person], None]
):
    sign_in(client, employee)
    copy = cookie_of(client)
    assert is_in(with_cookie(app, copy))
    event(client, employee)
    assert not is_in(with_cookie(app, copy))
    call = with_cookie(app, copy).open("/account", headers={"HX-Request": "true"})
    assert (call.status_code, call.headers["HX-Redirect"].partition("?")[0], call.text) == (401, "/sign-in", "")


@pytest.mark.parametrize("event", [reset, change_password])
def test_other_browsers_are_out_when_the_password_is_another_one(
    app: Flask, client: CheckingClient, stranger_client: CheckingClient, employee: Person, event: Any
):
    sign_in(client, employee)
    sign_in(stranger_client, employee)
    event(client, employee)
    assert not is_in(stranger_client)


def test_a_role_that_is_withdrawn_between_a_page_and_its_form_counts_at_once(
    local_admin_client: CheckingClient, local_admin: Person, organisation: Organisation
):
    nomi = factories.person(organisation, "Nomi Contact", types=["admin"], state=AccountState.LOCKED)
    url = f"/organisations/42061/contacts/{nomi.ess_id}"
    local_admin_client.get(url)
    with write():
        local_admin.account.roles[0].ended_at = the_clock.now()
    local_admin_client.submit(f"{url}/unlock", expect=403)
    local_admin_client.post(f"{url}/sessions/all", expect=403)
    local_admin_client.get(url, 403, htmx=True)
    local_admin_client.get("/account")
    assert nomi.account.state is AccountState.LOCKED


def test_a_role_that_is_granted_counts_at_once_too(
    employee_client: CheckingClient, employee: Person, organisation: Organisation
):
    employee_client.get("/organisations/42061/contacts", 403)
    factories.grant(employee, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    employee_client.get("/organisations/42061/contacts")


# Idle and absolute limits (ASVS 7.3.1, 7.3.2)


@pytest.mark.parametrize(("seconds", "lasts"), [(-1, True), (0, False)], ids=["29:59", "30:00"])
def test_the_idle_limit_is_exact(clock: Any, app: Flask, organisation: Organisation, seconds: int, lasts: bool):
    nomi, browser = factories.person(organisation, "Nomi Contact"), CheckingClient(app, response_wrapper=Answer)
    sign_in(browser, nomi)
    clock.shift(timedelta(minutes=30, seconds=seconds))
    assert is_in(browser) is lasts


@pytest.mark.parametrize(("seconds", "lasts"), [(-1, True), (0, False)], ids=["11:59:59", "12:00:00"])
def test_the_absolute_limit_is_exact_however_often_the_password_is_given_again(
    clock: Any, app: Flask, organisation: Organisation, seconds: int, lasts: bool
):
    nomi, browser = factories.person(organisation, "Nomi Contact"), CheckingClient(app, response_wrapper=Answer)
    sign_in(browser, nomi)
    for _ in range(47):
        clock.shift(timedelta(minutes=15))
        assert is_in(browser)
    browser.get("/account/confirm")
    browser.submit("/account/confirm", {"password": PASSWORD})
    clock.shift(timedelta(minutes=15, seconds=seconds))
    assert is_in(browser) is lasts


# Cookies (ASVS 3.3.1-3.3.5)


@pytest.mark.parametrize(
    ("base_url", "names", "secure"),
    [
        ("http://127.0.0.1:8000", {"portal", "known-browser", "notice", "recovery"}, False),
        (
            "https://access.trust.example",
            {"__Host-portal", "__Host-known-browser", "__Host-notice", "__Host-recovery"},
            True,
        ),
    ],
    ids=["http", "https"],
)
def test_every_cookie_of_a_run_is_closed(app: Flask, employee: Person, base_url: str, names: set[str], secure: bool):
    settings = {setting.name: app.config[setting.name] for setting in SETTINGS}
    other = create_app({**settings, "BASE_URL": base_url, "TESTING": True})
    lines = list(cookies_of_a_run(other.test_client(), base_url, employee))
    with other.app_context():
        db.session.remove()
        db.engine.dispose()
    seen = set()
    for line in lines:
        assert len(line.encode()) < 4096
        ((name, cookie),) = SimpleCookie(line).items()
        seen.add(name)
        assert (cookie["path"], cookie["domain"], bool(cookie["secure"])) == ("/", "", secure), line
        assert (bool(cookie["httponly"]), cookie["samesite"] in ("Lax", "Strict")) == (True, True), line
    assert seen == names


def cookies_of_a_run(browser: Any, base_url: str, somebody: Person) -> Any:
    """Every Set-Cookie from a sign-in to a sign-out, the password again and a mailed link on the way."""
    token = ""

    def ask(method: str, path: str, **fields: str) -> Any:
        nonlocal token
        data = {**fields, "csrf_token": token} if method == "POST" else None
        answer = browser.open(
            path, method=method, base_url=base_url, data=data, headers={"Referer": base_url}, buffered=True
        )
        db.session.rollback()
        assert answer.status_code < 400, f"{path} answered {answer.status_code}"
        found = TOKEN.search(answer.text)
        token = found.group(1) if found else token
        return answer.headers.getlist("Set-Cookie")

    yield from ask("GET", "/sign-in")
    yield from ask("POST", "/sign-in", username=somebody.account.username or "", password=PASSWORD)
    yield from ask("GET", "/account/confirm")
    yield from ask("POST", "/account/confirm", password=PASSWORD)
    yield from ask("GET", "/account/password")
    fields = {"current_password": PASSWORD, "password": NEW, "password_again": NEW}
    yield from ask("POST", "/account/password", **fields)
    yield from ask("GET", "/account/sessions")
    yield from ask("POST", "/account/sessions/others")
    yield from ask("GET", "/recover/" + "x" * 3000)
    yield from ask("GET", "/account")
    yield from ask("POST", "/sign-out")
