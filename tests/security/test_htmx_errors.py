"""What HTMX gets when something goes wrong: a complete notice for its place, and the way to sign in, never in a panel.

ASVS 16.5.1. A 4xx or 5xx is swapped into the page, so it must be made for that.
"""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Session
from portal.transactions import write
from tests.support.answers import SECRET, STATUSES, TOO_LARGE, broken, failing
from tests.support.client import ORIGIN, CheckingClient
from tests.support.crawl import url_of
from tests.support.everybody import Everybody
from tests.support.html import Page, text_of

FRAGMENT = {"HX-Request": "true", "HX-Current-URL": f"{ORIGIN}/organisations/42061/contacts"}
TELLTALE = (SECRET, "Traceback", "sqlalchemy", "werkzeug", "SELECT", "RuntimeError", ".py", "/portal/", "line ")


def assert_notice(answer: Any, what: object) -> None:
    """A notice that stands for itself, for the page's own place, and without a word of what is behind it."""
    assert answer.headers["HX-Retarget"] == "#page-notice", what
    assert answer.headers["HX-Reswap"] == "innerHTML", what
    assert "HX-Redirect" not in answer.headers, what
    fragment = Page(answer.text, str(what), fragment=True)
    roots = [node for node in fragment.tree if isinstance(node.tag, str)]
    assert [root.get("role") for root in roots] == ["alert"], what
    assert len(text_of(roots[0])) > 15, what
    assert not fragment.all("form"), what
    assert not [word for word in TELLTALE if word in answer.text], what


def refused_views(everybody: Everybody) -> list[tuple[str, str, str, str]]:
    """Each route, and a named person who gets as far as its view: endpoint, method, URL, name."""
    found = []
    for rule in everybody.rules():
        access = everybody.app.view_functions[rule.endpoint].__dict__.get("access")
        name = "stranger" if access == "public" else "central_admin"
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        if rule.endpoint != "static" and access != "enrolment":
            found.append((rule.endpoint, method, url_of(everybody, rule, {"ess_id": 1}), name))
    return found


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_of_any_view_is_a_notice_for_the_page(everybody: Everybody, status: int):
    for endpoint, method, url, name in refused_views(everybody):
        client = everybody.clients[name]
        token = {"csrf_token": client._token("/")} if method == "POST" else None
        with failing(everybody.app, endpoint, broken(status)):
            answer = client.open(url, method=method, headers=FRAGMENT, data=token)
        assert answer.status_code == status, f"{method} {url}"
        assert_notice(answer, f"{method} {url}")
        assert "Retry-After" in answer.headers or status != 503


@pytest.mark.parametrize("status", STATUSES)
def test_as_a_page_it_is_as_discreet(everybody: Everybody, status: int):
    with failing(everybody.app, "operations.livez", broken(status)):
        page = Page(everybody.clients["local_admin"].open("/livez").text, "/livez", fragment=False)
    assert not [word for word in TELLTALE if word in page.words]
    assert page.has_id("page-notice"), "there is a place for the next notice"


@pytest.mark.parametrize(
    ("method", "url", "more", "status"),
    [
        ("GET", "/no-such-page", {}, 404),
        ("GET", "/organisations/42061/contacts/999999", {}, 404),
        ("GET", "/organisations/RX1/contacts", {}, 404),
        ("PUT", "/organisations/42061/contacts", {}, 405),
        ("POST", "/organisations/42061/contacts/new", {"data": {"first_name": "x" * TOO_LARGE}}, 413),
        ("POST", "/organisations/42061/contacts/new", {"data": {"csrf_token": "stale"}}, 403),
        ("POST", "/organisations/42061/contacts/new", {"headers": {"Origin": "https://evil.example"}}, 403),
    ],
)
def test_what_goes_wrong_before_a_view_is_a_notice_too(
    everybody: Everybody, method: str, url: str, more: dict[str, Any], status: int
):
    headers = {**FRAGMENT, **more.pop("headers", {})}
    answer = everybody.clients["local_admin"].open(url, method=method, headers=headers, **more)
    assert answer.status_code == status
    assert_notice(answer, url)


def test_a_session_that_is_over_leads_to_the_sign_in_and_is_never_a_form_in_a_panel(everybody: Everybody):
    """Each route that needs somebody, asked by a browser whose session has ended meanwhile."""
    with write():
        for session in db.session.scalars(select(Session)):
            session.ended_at = session.started_at
    tried = set()
    closed = [rule for rule in everybody.rules() if _access(everybody, rule.endpoint) not in (None, "public")]
    for rule, name in product(closed, ("employee", "local_admin", "central_admin", "stranger")):
        client = everybody.clients[name]
        token = client._token("/")
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            for headers in ({**FRAGMENT, "X-CSRFToken": token}, FRAGMENT):
                answer = client.open(url_of(everybody, rule, {"ess_id": 1}), method=method, headers=headers)
                assert answer.status_code == 401, f"{method} {rule} as {name}"
                if not _access(everybody, rule.endpoint, "aside"):
                    assert answer.headers["HX-Redirect"].startswith("/sign-in"), f"{method} {rule} as {name}"
                assert answer.text == "", f"{method} {rule} as {name}"
                assert "HX-Retarget" not in answer.headers
                tried.add(f"{method} {rule}")
    assert len(tried) > 8


def _access(everybody: Everybody, endpoint: str, what: str = "access") -> object:
    return everybody.app.view_functions[endpoint].__dict__.get(what)


def test_the_page_tells_htmx_to_put_nothing_in_place_of_a_panel_then(client: CheckingClient):
    configuration = client.get("/sign-in").page.one("meta", name="htmx-config").get("content", "")
    assert '"noSwap": [204, 304, 401]' in configuration
    assert '"mode": "same-origin"' in configuration
    assert '"history": "reload"' in configuration


def test_every_change_goes_by_a_form_that_works_alone(everybody: Everybody):
    """What HTMX sends is what the form would send: one CSRF token for both, and no way around it."""
    page = everybody.clients["local_admin"].get("/organisations/42061/contacts/1").page
    inherited = page.one("body").get("hx-headers:inherited", "")
    assert '"X-CSRFToken": "' in inherited
    sending = [
        node for node in page.all() if any(node.get(f"hx-{verb}") for verb in ("post", "put", "patch", "delete"))
    ]
    assert sending
    assert {node.tag for node in sending} == {"form"}
    assert [node for node in sending if not node.get("hx-post")] == []
