"""Too many attempts from one address: a page that says when, the same whoever is asked about, and nobody else waits."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Person, RecoveryRequest
from portal.services import throttle
from tests.factories import PASSWORD
from tests.support.client import CheckingClient

HERE = "203.0.113.7"

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def crowded(app: Flask, clock: Any) -> None:
    """At 09:00:00 in London, ``HERE`` has used up what it has."""
    with app.test_request_context("/sign-in", environ_base={"REMOTE_ADDR": HERE}):
        for number in range(60):
            throttle.note_failure(None, f"nobody{number}")
            throttle.admit_recovery(f"nobody{number}")


@pytest.fixture
def client(client: CheckingClient) -> CheckingClient:
    """A browser that asks from ``HERE``."""
    client.environ_base["REMOTE_ADDR"] = HERE
    return client


def try_it(client: CheckingClient, username: str | None, password: str = PASSWORD, **kwargs: Any) -> Any:
    client.get("/sign-in")
    return client.submit("/sign-in", {"username": username or "", "password": password}, **kwargs)


def same(one: Any, other: Any) -> bool:
    """Status, headers and body, but for the token of a form and the cookie that seeds it."""
    parts = []
    for answer in (one, other):
        headers = [(name, value) for name, value in answer.headers if name not in ("Date", "Set-Cookie")]
        cookies = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")]
        parts.append(
            (answer.status_code, headers, cookies, re.sub(r'(csrf_token"[^>]*value=")[^"]*', r"\1", answer.text))
        )
    return parts[0] == parts[1]


@pytest.mark.usefixtures("crowded")
def test_the_page_says_when_and_what_else_there_is(client: CheckingClient, employee: Person):
    answer = try_it(client, employee.account.username, expect=429)
    assert answer.headers["Retry-After"] == "300"
    assert answer.page.heading == "Too many attempts"
    assert "You can try again at 09:05" in answer.page.words
    assert answer.page.link("Forgotten password") == "/recover?need=password"
    assert answer.page.link("Unlock account") == "/recover?need=unlock"
    assert answer.page.link("Find your system administrator") == "/find-administrator"
    assert not client.is_signed_in()


def test_the_moment_is_in_the_portals_time_zone_and_not_too_early(
    request: pytest.FixtureRequest, client: CheckingClient, clock: Any
):
    clock.move_to("2026-06-21T21:58:00.500+00:00")
    request.getfixturevalue("crowded")
    clock.shift(0.25)
    answer = try_it(client, "nobody", expect=429)
    assert answer.headers["Retry-After"] == "300", "299.75 rounded up"
    assert "You can try again at 23:04" in answer.page.words, "23:03:00.5 in London's summer, rounded up"


@pytest.mark.usefixtures("crowded")
def test_after_the_seconds_that_it_named_the_door_is_open(client: CheckingClient, employee: Person, clock: Any):
    clock.shift(12.5)
    seconds = int(try_it(client, employee.account.username, expect=429).headers["Retry-After"])
    assert seconds == 288
    clock.shift(seconds - 1)
    try_it(client, employee.account.username, expect=429)
    clock.shift(1)
    try_it(client, employee.account.username, expect=303)


@pytest.mark.usefixtures("crowded")
def test_the_answer_does_not_tell_whether_the_name_exists_or_the_password_is_right(
    client: CheckingClient, employee: Person
):
    unknown = try_it(client, "nobody", expect=429)
    for username, password in ((employee.account.username, PASSWORD), (employee.account.username, "wrong")):
        assert same(unknown, try_it(client, username, password, expect=429))
    assert same(unknown, try_it(client, employee.primary_email, expect=429))
    fragment = try_it(client, "nobody", htmx=True, expect=429)
    assert "You can try again at 09:05" in fragment.page.words
    assert same(fragment, try_it(client, employee.account.username, htmx=True, expect=429))


@pytest.mark.usefixtures("crowded")
def test_a_browser_that_signed_in_before_is_let_in(client: CheckingClient, employee: Person):
    client.environ_base["REMOTE_ADDR"] = "203.0.113.8"
    try_it(client, employee.account.username, expect=303)
    client.get("/account")
    client.post("/sign-out")
    client.environ_base["REMOTE_ADDR"] = HERE
    assert try_it(client, employee.account.username, expect=303).location == "/"


@pytest.mark.parametrize(
    "forged",
    [
        {"X-Forwarded-For": "198.51.100.1"},
        {"X-Forwarded-For": "10.0.0.1, 198.51.100.1"},
        {"Forwarded": "for=198.51.100.1"},
        {"X-Real-IP": "198.51.100.1"},
        {"CF-Connecting-IP": "198.51.100.1"},
    ],
    ids=lambda forged: "-".join(forged),
)
@pytest.mark.usefixtures("crowded")
def test_no_header_leads_past_it(app: Flask, client: CheckingClient, forged: dict[str, str]):
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
    try_it(client, "nobody", headers=forged, expect=429)


def test_behind_a_trusted_proxy_everybody_has_an_address_of_their_own(app: Flask, client: CheckingClient):
    app.config["TRUSTED_PROXIES"] = [f"{HERE}/32"]
    for number in range(61):
        with app.test_request_context(environ_base={"REMOTE_ADDR": HERE}, headers={"X-Forwarded-For": "198.51.100.1"}):
            throttle.note_failure(None, f"nobody{number}")
    try_it(client, "nobody", headers={"X-Forwarded-For": "198.51.100.1"}, expect=429)
    # What the client itself wrote stands before what the proxy wrote, and counts for nothing.
    try_it(client, "nobody", headers={"X-Forwarded-For": "198.51.100.9, 198.51.100.1"}, expect=429)
    try_it(client, "nobody", headers={"X-Forwarded-For": "198.51.100.2"}, expect=422)


@pytest.mark.usefixtures("crowded")
def test_recovery_says_the_same_of_everybody_and_the_same_target_again_costs_nothing(
    client: CheckingClient, employee: Person
):
    client.get("/recover?need=password")
    unknown = client.submit("/recover", {"identifier": "somebody"}, expect=429)
    assert "You can try again at 09:05" in unknown.page.words
    assert unknown.headers["Retry-After"] == "300"
    assert unknown.page.link("Find your system administrator") == "/find-administrator"
    assert "Forgotten password" not in unknown.page.words
    for known in (employee.account.username or "", employee.primary_email):
        client.get("/recover?need=password")
        assert same(unknown, client.submit("/recover", {"identifier": known}, expect=429))
    assert db.session.scalars(select(RecoveryRequest)).all() == []
    client.get("/recover?need=unlock")
    client.submit("/recover", {"identifier": " NOBODY7 "}, expect=303)


@pytest.mark.usefixtures("crowded")
def test_who_is_signed_in_guesses_no_more_at_their_own_password(employee: Person, as_person: Any):
    browser = as_person(employee, address=HERE)
    browser.get("/account/confirm")
    answer = browser.submit("/account/confirm", {"password": PASSWORD}, 429)
    assert int(answer.headers["Retry-After"]) > 0
