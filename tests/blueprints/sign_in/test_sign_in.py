"""/sign-in: the same answer to whoever fails, a session in an opaque cookie for whoever does not."""

from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person, Session
from tests.factories import PASSWORD, TEMPORARY_PASSWORD, person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.trail import events

S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def sign_in(client: CheckingClient, username: str | None, password: str = PASSWORD, expect: int = 303) -> Any:
    client.get("/sign-in")
    return client.submit("/sign-in", {"username": username or "", "password": password}, expect)


def cookies_of(answer: Any) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}


def test_the_page_has_its_fields_its_rule_and_three_links_in_one_line(client: CheckingClient):
    page = client.get("/sign-in").page
    assert page.heading == "Sign in"
    assert {"username", "password", "next", "csrf_token"} <= page.form("/sign-in").names
    assert "An account locks after 3 failed attempts." in page.words
    assert "Forgotten password Request username Unlock account" in page.words.replace("| ", "")
    assert page.link("Forgotten password") == "/recover?need=password"
    assert page.link("Request username") == "/recover?need=username"
    assert page.link("Find your system administrator") == "/find-administrator"


def test_with_two_zones_the_rule_names_both(app: Flask, client: CheckingClient):
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
    assert "after 3 failed attempts from the internet, or 5 from" in client.get("/sign-in").page.words


def test_an_employee_lands_on_my_account(client: CheckingClient, employee: Person):
    answer = sign_in(client, employee.account.username)
    assert answer.location == "/"
    assert client.follow(client.get("/", 303)).page.heading == "My account"


def test_a_local_administrator_lands_on_the_organisations_contacts(client: CheckingClient, local_admin: Person):
    sign_in(client, local_admin.account.username)
    assert client.get("/", 303).location == "/organisations/42061/contacts"


def test_the_cookies_are_closed_to_scripts_and_hold_nothing_but_token_and_seed(
    app: Flask, client: CheckingClient, employee: Person
):
    cookies = cookies_of(sign_in(client, employee.account.username))
    assert set(cookies) == {"portal", "known-browser"}
    for line in cookies.values():
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert "Domain" not in line
        assert len(line) < 4096
    client.get("/account")
    with client.session_transaction(base_url=ORIGIN) as cookie:
        assert set(cookie) <= {"_user_id", "csrf_token"}
        token = cookie["_user_id"]
    assert token not in {str(value) for row in db.session.execute(select(Session.__table__)) for value in row}


def test_over_https_the_cookies_are_bound_to_the_host(app: Flask, client: CheckingClient, employee: Person):
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Host-portal")
    client.get("/sign-in", base_url="https://127.0.0.1:8000")
    from flask_wtf.csrf import generate_csrf

    with client.session_transaction(base_url="https://127.0.0.1:8000") as cookie, app.test_request_context():
        token = generate_csrf()
        from flask import session

        cookie.update(session)
    answer = client.open(
        "/sign-in",
        method="POST",
        data={"username": employee.account.username, "password": PASSWORD, "csrf_token": token},
        base_url="https://127.0.0.1:8000",
    )
    cookies = cookies_of(answer)
    assert answer.status_code == 303
    assert set(cookies) == {"__Host-portal", "__Host-known-browser"}
    assert all("Secure" in line and "Path=/" in line and "Domain" not in line for line in cookies.values())


def test_every_failure_gets_the_same_answer(app: Flask, client: CheckingClient, organisation: Organisation):
    names = {state: person(organisation, f"Nomi {state.name.title()}", state=state) for state in S}
    shown = set()
    tries = [(names[S.ACTIVE].account.username, "wrong"), ("42061nobody1", "wrong")]
    shut_out = [somebody for state, somebody in names.items() if state not in (S.ACTIVE, S.UNLOCK_PENDING)]
    tries += [(somebody.account.username or somebody.primary_email, PASSWORD) for somebody in shut_out]
    for username, password in tries:
        browser = CheckingClient(app, response_wrapper=client.response_wrapper, use_cookies=True)
        answer = sign_in(browser, username, password, 422)
        page = answer.page
        assert page.form("/sign-in").values["password"] == [""], "what was typed as a password does not come back"
        typed = page.form("/sign-in").values["username"][0]
        text = page.text.replace(page.form("/sign-in").values["csrf_token"][0], "")
        shown.add((text.replace(f'value="{typed}"', ""), tuple(sorted(set(answer.headers.keys())))))
    assert len(shown) == 1
    assert "If yours is locked, you can unlock it yourself" in shown.pop()[0]


@pytest.mark.parametrize(("field", "says"), [("username", "Enter your username"), ("password", "Enter your password")])
def test_an_empty_field_is_pointed_out_beside_it(client: CheckingClient, field: str, says: str):
    client.get("/sign-in")
    page = client.submit("/sign-in", {"username": "nomi", "password": "x", field: ""}, 422).page
    assert page.title.startswith("Error: ")
    assert says in page.words
    assert page.form("/sign-in").values["username"] == ["" if field == "username" else "nomi"]


def test_three_failures_lock_and_the_right_password_is_refused(client: CheckingClient, employee: Person):
    for _ in range(3):
        sign_in(client, employee.account.username, "wrong", 422)
    sign_in(client, employee.account.username, PASSWORD, 422)
    assert employee.account.state is S.LOCKED


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "X-Forwarded-Host"])
def test_no_header_makes_the_internet_private(app: Flask, client: CheckingClient, employee: Person, header: str):
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
    client.get("/sign-in")
    for _ in range(3):
        client.submit(
            "/sign-in", {"username": employee.account.username or "", "password": "wrong"}, 422,
            headers={header: "10.1.2.3"},
        )  # fmt: skip
    assert employee.account.state is S.LOCKED


def test_a_known_browser_lets_its_owner_in_while_a_stranger_locks_the_account(
    app: Flask, client: CheckingClient, stranger_client: CheckingClient, employee: Person
):
    sign_in(client, employee.account.username)
    client.get("/account")
    client.submit("/sign-out")
    for _ in range(3):
        sign_in(stranger_client, employee.account.username, "wrong", 422)
    sign_in(stranger_client, employee.account.username, PASSWORD, 422)
    sign_in(client, employee.account.username)
    assert employee.account.state is S.ACTIVE
    assert db.session.scalar(select(func.count()).select_from(KnownBrowser)) == 1


def test_a_temporary_password_leads_to_choosing_ones_own(client: CheckingClient, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    assert sign_in(client, nomi.account.username, TEMPORARY_PASSWORD.lower()).location == "/enrol"
    assert client.get("/account", 303).location == "/enrol"
    assert client.get("/", 303).location == "/enrol"


def test_without_its_token_nothing_happens_and_the_form_comes_back_filled_in(client: CheckingClient, employee: Person):
    answer = client.post("/sign-in", {"username": employee.account.username or "", "password": PASSWORD}, 403,
                         csrf=False)  # fmt: skip
    assert answer.page.form("/sign-in").values["username"] == [employee.account.username]
    assert "This page had been open for too long" in answer.page.words
    assert db.session.scalars(select(Session)).all() == []
    client.submit("/sign-in", {"password": PASSWORD})


def test_another_browsers_token_is_none(client: CheckingClient, stranger_client: CheckingClient, employee: Person):
    stolen = stranger_client.get("/sign-in").page.form("/sign-in").values["csrf_token"][0]
    client.get("/sign-in")
    client.submit("/sign-in", {"username": "x", "password": "y", "csrf_token": stolen}, 403)


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    ids=str,
)
def test_what_comes_from_another_site_is_refused(client: CheckingClient, employee: Person, headers: dict[str, str]):
    client.get("/sign-in")
    client.submit("/sign-in", {"username": employee.account.username or "", "password": PASSWORD}, 403, headers=headers)
    assert events() == []


def test_a_form_of_a_page_that_hides_its_origin_is_taken(client: CheckingClient, employee: Person):
    client.get("/sign-in")
    fields = {"username": employee.account.username or "", "password": PASSWORD}
    client.submit("/sign-in", fields, headers={"Origin": "null"})


EVIL = [
    "/account?" + "x" * 1000,
    "//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "%09//evil.example",
    "/\t/evil.example", "@evil.example", "javascript:alert(1)", "/\r\nX: y", "\\\\evil.example", " //evil.example",
    "",
]  # fmt: skip


@pytest.mark.parametrize("target", EVIL)
def test_nobody_is_led_elsewhere_after_signing_in(client: CheckingClient, employee: Person, target: str):
    client.get("/sign-in", query_string={"next": target})
    fields = {"username": employee.account.username or "", "password": PASSWORD, "next": target}
    location = client.submit("/sign-in", fields).location
    assert location == "/"
    again = client.get("/sign-in", 303, query_string={"next": target}).location
    assert again.startswith("/")
    assert not again.startswith(("//", "/\\"))


def test_who_wanted_to_go_somewhere_gets_there(client: CheckingClient, employee: Person):
    target = client.get("/account?from=mail", 303).location
    assert target == "/sign-in?next=/account?from%3Dmail"
    client.get(target)
    fields = {"username": employee.account.username or "", "password": PASSWORD}
    assert client.submit("/sign-in", fields).location == "/account?from=mail"


def test_signing_in_anew_ends_the_session_before_it(client: CheckingClient, app: Flask, employee: Person):
    sign_in(client, employee.account.username)
    with client.session_transaction(base_url=ORIGIN) as cookie:
        before = dict(cookie)
    client.get("/account")
    # In another window, where the form was open already.
    client.post("/sign-in", {"username": employee.account.username or "", "password": PASSWORD})
    old = CheckingClient(app, response_wrapper=client.response_wrapper, use_cookies=True)
    with old.session_transaction(base_url=ORIGIN) as cookie:
        cookie.update(before)
    assert old.get("/account", 303).location.startswith("/sign-in")
    assert client.get("/account").status_code == 200


def test_a_session_chosen_by_somebody_else_is_not_kept(app: Flask, client: CheckingClient, employee: Person):
    with client.session_transaction(base_url=ORIGIN) as cookie:
        cookie["_user_id"] = "chosen by somebody else"
        cookie["extra"] = "kept"
    sign_in(client, employee.account.username)
    with client.session_transaction(base_url=ORIGIN) as cookie:
        assert cookie["_user_id"] != "chosen by somebody else"
        assert "extra" not in cookie


def test_a_cookie_signed_with_another_key_is_nobody(app: Flask, client: CheckingClient, employee: Person):
    sign_in(client, employee.account.username)
    with client.session_transaction(base_url=ORIGIN) as cookie:
        content = dict(cookie)
    app.secret_key = "another key, of which nobody here knows"
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    app.config["SECRET_KEY"] = "a key for the tests alone, long enough to sign"
    client.set_cookie("portal", serializer.dumps(content), domain="127.0.0.1")
    assert client.get("/account", 303).location.startswith("/sign-in")


def test_a_host_that_is_not_ours_is_refused(client: CheckingClient):
    answer = client.open("/sign-in", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.text == "Bad request\n"


def test_over_https_a_notice_too_is_bound_to_the_host_and_shown_once(app: Flask, client: CheckingClient):
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Host-portal")
    base = "https://127.0.0.1:8000"
    client.set_cookie("__Host-notice", "signed-out", domain="127.0.0.1", secure=True)
    answer = client.get("/sign-in", base_url=base)
    assert "You have signed out." in answer.page.words
    (line,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("__Host-notice=")]
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=0"} <= set(line.split("; "))
    assert "You have signed out." not in client.get("/sign-in", base_url=base).page.words
