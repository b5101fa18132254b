"""What can be sent: every URL that takes more than a look, and the forms that people find on the pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule

from portal.domain.account_state import AccountState
from tests import factories
from tests.factories import PASSWORD
from tests.support.client import CheckingClient, Fields
from tests.support.everybody import Everybody
from tests.support.links import link_mailed_to

LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
CHOSEN = "walnut harbour kettle seven"


@dataclass
class Sendable:
    """A rule that changes something, a URL of it, and what a browser would send there."""

    rule: Rule
    method: str
    url: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule}"


def mutators(everybody: Everybody) -> list[tuple[Rule, str]]:
    """Every rule with each method that does more than look."""
    return [
        (rule, method)
        for rule in everybody.rules()
        for method in sorted((rule.methods or set()) - LOOKING)
        if rule.endpoint != "static"
    ]


def url_of(everybody: Everybody, rule: Rule, values: Mapping[str, Any]) -> str:
    """The rule's URL about ``values``; what these do not name is as ``everybody`` has it."""
    named = {name: values[name] if name in values else everybody._value(name) for name in rule.arguments}
    method = "GET" if "GET" in (rule.methods or ()) else None
    built: str = everybody.app.url_map.bind("127.0.0.1").build(rule.endpoint, named, method=method)
    return built


def endpoint_at(everybody: Everybody, url: str, method: str) -> str | None:
    """The endpoint that answers ``method`` there."""
    try:
        found, _values = everybody.app.url_map.bind("127.0.0.1").match(urlsplit(url).path, method=method)
    except (HTTPException, RequestRedirect):
        return None
    return str(found)


def pages(everybody: Everybody, client: CheckingClient, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every page about ``values`` that is shown to ``client``, with its URL."""
    for rule in everybody.rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            url = url_of(everybody, rule, values)
            answer = client.ask("GET", url)
            if answer.status_code == 200 and answer.page is not None:
                yield url, answer.page


def sendable(
    everybody: Everybody, client: CheckingClient, values: Mapping[str, Any], rule: Rule, method: str
) -> Sendable:
    """What a browser would send to ``rule``: the form of the page that has one, or else nothing but its token."""
    found = Sendable(rule, method, url_of(everybody, rule, values))
    for _url, page in pages(everybody, client, values):
        for form in page.forms:
            if form.method == "post" and urlsplit(form.action).path == urlsplit(found.url).path:
                found.fields = {name: value for name, value in form.values.items() if name != "csrf_token"}
                return found
    return found


def senders(everybody: Everybody, as_person: Any) -> dict[str, CheckingClient]:
    """Everybody's browser; one that came in with a temporary password; and one that opened a mailed link."""
    employee = everybody.persons["employee"]
    assert employee is not None
    pending = factories.person(everybody.organisation, "Penny Pending", state=AccountState.REGISTRATION_PENDING)
    lost = as_person(None)
    lost.get(link_mailed_to(employee), 303)
    return {**everybody.clients, "enrolling": as_person(pending, kind="enrolment"), "with a link": lost}


def right_fields(everybody: Everybody) -> dict[str, Fields]:
    """What the forms of those who are not signed in need, to do what they are for."""
    employee = everybody.persons["employee"]
    assert employee is not None
    chosen = {"password": CHOSEN, "password_again": CHOSEN}
    return {
        "POST /sign-in": {"username": employee.account.username or "", "password": PASSWORD},
        "POST /recover": {"identifier": employee.primary_email, "need": "password"},
        "POST /recover/new-password": chosen,
        "POST /enrol": chosen,
    }
