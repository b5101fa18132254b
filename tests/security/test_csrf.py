"""Forged requests: whatever changes something is done for the session's own pages and for nobody else's.

For every route of the URL map that takes more than a look, as everybody who could send the request rightly (ASVS 3.5.1,
3.5.3; NIST SP 800-63B-4 5.1). What the forgeries hold is right but for the one thing that makes them forgeries.
"""

from itertools import islice
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import Session
from tests.factories import PASSWORD
from tests.support.client import ORIGIN, CheckingClient
from tests.support.crawl import Sendable, endpoint_at, mutators, right_fields, sender, url_of
from tests.support.everybody import Everybody, rows_of_all_tables

pytestmark = pytest.mark.usefixtures("clock", "cheap_hashes")

NOT_FROM_HERE: dict[str, dict[str, str]] = {
    "another origin": {"Origin": "https://evil.example"},
    "our name with more behind it": {"Origin": f"{ORIGIN}.evil.example"},
    "another port": {"Origin": "http://127.0.0.1:8001"},
    "another site": {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    "a sister site": {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    "a frame that hides its origin": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
}
FROM_HERE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
HTMX = {"HX-Request": "true", "HX-Current-URL": f"{ORIGIN}/sign-in"}

# Somebody without demonstration data has no mailbox: there is nothing to do, and nothing is done.
NOTHING_THERE = {
    "POST /demonstration/mail/deliver",
    # Nobody here has a link from the command line, and the mailed one is used up by the form before its check.
    "POST /enrol/<token>",
    "POST /enrol/central-administrator",
    "POST /enrol/central-administrator/check",
    "POST /recover/new-password/check",
}


@pytest.fixture
def browsers(everybody: Everybody, as_person: Any) -> dict[str, CheckingClient]:
    """Whoever may send something rightly, and somebody who may not."""
    names = ("stranger", "employee", "local_admin", "central_admin", "enrolling", "with a link")
    return {name: sender(everybody, as_person, name) for name in names}


def token_of(client: CheckingClient) -> str:
    return client._token("/")


def sent(client: CheckingClient, asked: Sendable, headers: dict[str, str], **fields: str) -> Any:
    """The answer to a request as somebody else's page would send it."""
    return client.open(asked.url, method=asked.method, data={**asked.fields, **fields}, headers=headers)


def is_refused(answer: Any, headers: dict[str, str]) -> bool:
    """403; a fragment may be sent to the sign-in, or nowhere, when nobody is signed in. Nobody is let in by it."""
    signed_in = any("known-browser" in line for line in answer.headers.getlist("Set-Cookie"))
    to_sign_in = answer.headers.get("HX-Redirect", "/sign-in").startswith("/sign-in") and not answer.text
    gone = "HX-Request" in headers and answer.status_code == 401 and to_sign_in
    return (answer.status_code == 403 or gone) and not signed_in


def all_sendable(everybody: Everybody) -> list[Sendable]:
    found = [Sendable(rule, method, url_of(everybody, rule, {})) for rule, method in mutators(everybody)]
    for asked in found:
        asked.fields = dict(right_fields(everybody, asked.name))
    return found


def test_no_forgery_is_taken_whoever_it_is_sent_in_the_name_of(
    everybody: Everybody, browsers: dict[str, CheckingClient]
):
    tokens = {name: token_of(client) for name, client in browsers.items()}
    taken, everything = [], all_sendable(everybody)
    before = rows_of_all_tables()
    for turn, asked in enumerate(everything):
        for place, (name, client) in enumerate(browsers.items()):
            own, others = tokens[name], next(token for other, token in tokens.items() if other != name)
            forgeries = {
                "no token": (FROM_HERE, {}),
                "an empty token": (FROM_HERE, {"csrf_token": ""}),
                "another session's token": (FROM_HERE, {"csrf_token": others}),
                "another session's token in a header": ({**FROM_HERE, "X-CSRFToken": others}, {}),
                "HTMX's header and no token": ({**FROM_HERE, **HTMX}, {}),
                "HTMX's header and another's token": ({**FROM_HERE, **HTMX, "X-CSRFToken": others}, {}),
                **{f"{why}, with the token": (head, {"csrf_token": own}) for why, head in NOT_FROM_HERE.items()},
                **{
                    f"{why}, to HTMX": ({**head, **HTMX, "X-CSRFToken": own}, {}) for why, head in NOT_FROM_HERE.items()
                },
            }
            # Of each form a third in each one's name, another third in the next one's.
            for why, (headers, fields) in islice(forgeries.items(), (turn + place) % 3, None, 3):
                answer = sent(client, asked, headers, **fields)
                if not is_refused(answer, headers):
                    taken.append(f"{asked.name} as {name}, {why}: {answer.status_code}")
        assert rows_of_all_tables() == before, f"{asked.name} changed rows"
    assert taken == []


def test_a_token_in_the_address_is_none(everybody: Everybody, browsers: dict[str, CheckingClient]):
    for asked in all_sendable(everybody):
        for client in browsers.values():
            asked.url = f"{asked.url.partition('?')[0]}?csrf_token={token_of(client)}"
            assert is_refused(sent(client, asked, FROM_HERE), {})


def test_the_same_request_with_the_sessions_own_token_is_taken(
    everybody: Everybody, browsers: dict[str, CheckingClient]
):
    """What is refused above is refused for the forgery: each of these requests is good when it comes from our page."""
    refused = set()
    for asked in all_sendable(everybody):
        statuses = []
        for client in browsers.values():
            answer = sent(client, asked, FROM_HERE, csrf_token=token_of(client))
            to_sign_in = str(answer.location).startswith("/sign-in?next=")
            statuses.append(404 if to_sign_in else answer.status_code)
            if "ess_id" in asked.rule.arguments:
                asked.url = url_of(everybody, asked.rule, {})
        if all(status in (401, 403, 404, 405, 410) for status in statuses):
            refused.add(asked.name)
    assert refused == NOTHING_THERE


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_changes_something_is_no_page(everybody: Everybody, method: str):
    """Where a form's page has the same address it is another view, one that does not write."""
    tried = 0
    for rule, _ in mutators(everybody):
        url = url_of(everybody, rule, {})
        shown = endpoint_at(everybody, url, "GET")
        if shown is not None:
            assert shown != rule.endpoint, f"{rule} is looked at and sent to by one view"
            assert not hasattr(everybody.app.view_functions[shown], "commits"), rule
            continue
        for name in ("stranger", "employee", "central_admin"):
            answer = everybody.clients[name].open(url, method=method)
            assert answer.status_code == 405, f"{method} {rule} as {name}"
            assert answer.headers["Allow"]
        tried += 1
    assert tried > 4


def test_a_page_that_came_without_tls_is_another_site_when_ours_come_with_it(app: Flask, client: CheckingClient):
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_NAME="__Host-portal")
    base = "https://127.0.0.1:8000"
    asked = {"data": {"username": "x", "password": "y"}, "base_url": base}
    plain = client.open("/sign-in", method="POST", headers={"Origin": "http://127.0.0.1:8000"}, **asked)
    ours = client.open("/sign-in", method="POST", headers={"Origin": base}, **asked)
    assert "You cannot open this page" in plain.text
    assert "This page had been open for too long" in ours.text


def test_nobody_is_signed_in_as_somebody_else_by_a_page_of_another_site(
    everybody: Everybody, client: CheckingClient, as_person: Any
):
    """Login CSRF: neither a browser that is signed in nowhere, nor one that is signed in, becomes another's."""
    attacker = everybody.persons["other_org_admin"]
    assert attacker is not None
    theirs = as_person(None).get("/sign-in").page.form("/sign-in").values["csrf_token"][0]
    fields = {"username": attacker.account.username or "", "password": PASSWORD, "csrf_token": theirs}
    sessions = db.session.scalars(select(Session.id)).all()
    for victim in (client, everybody.clients["employee"]):
        before = victim.get("/account", 303 if victim is client else 200)
        answer = victim.open("/sign-in", method="POST", data=fields, headers=FROM_HERE)
        assert answer.status_code == 403
        assert victim.get("/account", before.status_code).text == before.text or before.status_code == 200
    assert db.session.scalars(select(Session.id)).all() == sessions
    assert everybody.persons["employee"].full_name in everybody.clients["employee"].get("/account").text


def test_a_token_of_before_the_sign_in_is_none_after_it(client: CheckingClient, employee: Any):
    client.get("/sign-in")
    before = client.page.form("/sign-in").values["csrf_token"][0]
    client.submit("/sign-in", {"username": employee.account.username, "password": PASSWORD})
    client.get("/account")
    client.post("/sign-out", {"csrf_token": before}, 403)
    client.get("/account")
    client.submit("/sign-out")
