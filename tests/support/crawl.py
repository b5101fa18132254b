"""What can be sent: every URL that takes more than a look, and the forms that people find on the pages."""

from collections.abc import Mapping
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


def sendable(
    everybody: Everybody, client: CheckingClient, values: Mapping[str, Any], rule: Rule, method: str
) -> Sendable:
    """What a browser would send to ``rule``: the form of the page that has one, or else nothing but its token.

    Forms stand on the page of their own address, or on one above it; whichever has it first.
    """
    found = Sendable(rule, method, url_of(everybody, rule, values))
    looked_at = [other for other in everybody.rules() if "GET" in (other.methods or ()) and other.endpoint != "static"]
    above = [other for other in looked_at if str(rule).startswith(str(other)) and other.arguments <= rule.arguments]
    known = everybody.pages_with_form.get(found.name)
    for other in sorted(above, key=lambda other: (str(other) == known, len(str(other))), reverse=True):
        answer = client.ask("GET", url_of(everybody, other, values))
        for form in answer.page.forms if answer.status_code == 200 and answer.page is not None else ():
            if form.method == "post" and urlsplit(form.action).path == urlsplit(found.url).path:
                found.fields = {name: value for name, value in form.values.items() if name != "csrf_token"}
                everybody.pages_with_form[found.name] = str(other)
                return found
    return found


def sender(everybody: Everybody, as_person: Any, name: str) -> CheckingClient:
    """A new browser of somebody among ``everybody``; or one that came in with a temporary password (``enrolling``), or
    that opened a mailed link (``with a link``), of somebody new.
    """
    browser: CheckingClient
    if name in everybody.persons:
        browser = as_person(everybody.persons[name])
        return browser
    everybody.made += 1
    organisation, number = everybody.organisation, everybody.made
    if name == "enrolling":
        pending = factories.person(organisation, f"Penny N{number}ew", state=AccountState.REGISTRATION_PENDING)
        browser = as_person(pending, kind="enrolment")
        return browser
    loser = factories.person(organisation, f"Lou N{number}ew", email=f"lou{number}@coe.example")
    browser = as_person(None)
    browser.get(link_mailed_to(loser), 303)
    return browser


def right_fields(everybody: Everybody, name: str) -> Fields:
    """What the form ``name``, of those who are not signed in, needs to do what it is for, about somebody new."""
    if name in ("POST /recover/new-password", "POST /enrol"):
        return {"password": CHOSEN, "password_again": CHOSEN}
    if name not in ("POST /sign-in", "POST /recover"):
        return {}
    everybody.made += 1
    number = everybody.made
    somebody = factories.person(everybody.organisation, f"Rita N{number}ew", email=f"rita{number}@coe.example")
    if name == "POST /recover":
        return {"identifier": somebody.primary_email, "need": "password"}
    return {"username": somebody.account.username or "", "password": PASSWORD}
