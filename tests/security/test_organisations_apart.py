"""An administrator of another organisation gets the same answer for what exists elsewhere as for what does not exist.

For every route that takes a name or a number, every method and everything that the first organisation has (ASVS 8.2.2,
8.4.1; WSTG-ATHZ-04).
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Person
from portal.services import accounts
from portal.transactions import write
from tests import factories
from tests.support.crawl import url_of
from tests.support.everybody import Everybody, rows_of_all_tables

OF_NOBODY = {"code": "NOSUCH", "ess_id": 2_000_000_000, "id": 2_000_000_000, "token": "nosuchtoken", "name": "nosuch"}
TOKEN = re.compile(r"\bI[\w-]{20,}\.[\w-]{6}\.[\w-]{27}\b")
"""A token against forgery; it says when it was made."""


def harvested(everybody: Everybody) -> dict[str, list[Any]]:
    """Every code and number by which something of the first organisation could be asked for; no number of one's own."""
    actor = everybody.persons["other_org_admin"]
    assert actor is not None
    owners = {"account_id": actor.account.id, "person_id": actor.id}
    own, others = set(), set()
    for table in (table for table in db.metadata.sorted_tables if "id" in table.columns):
        for row in db.session.execute(select(table)).mappings():
            is_own = any(row.get(name) == number for name, number in owners.items())
            (own if is_own else others).add(row["id"])
    of_organisation = select(Person.ess_id).where(Person.organisation_id == everybody.organisation.id)
    people = db.session.scalars(of_organisation.order_by(Person.ess_id)).all()
    return {"code": ["42061"], "ess_id": list(people), "id": sorted(others - own, key=str)}


def told(answer: Any, url: str) -> tuple[Any, ...]:
    """What an answer tells: all of it but the token, and the address that was asked for."""
    said = TOKEN.sub("", answer.text).replace(url, "")
    return answer.status_code, said, sorted(set(answer.headers.keys())), answer.headers.get("HX-Redirect")


def routes(everybody: Everybody) -> Iterator[Any]:
    """What is not public, and is about something by its name or number."""
    for rule in everybody.rules():
        access = everybody.app.view_functions[rule.endpoint].__dict__.get("access")
        if rule.arguments and access not in (None, "public"):
            yield rule


@pytest.fixture
def busy(everybody: Everybody) -> Everybody:
    """The first organisation with people in every state, mail and history."""
    for state in AccountState:
        somebody = factories.person(
            everybody.organisation, f"Somebody {state.value.title()}", types=["admin"], state=state
        )
        if state is AccountState.NOT_REGISTERED:
            with write():
                accounts.register(somebody.account, None)
    return everybody


def test_what_exists_elsewhere_is_as_if_it_did_not_exist(busy: Everybody):
    client = busy.clients["other_org_admin"]
    token = client._token("/")
    ids = harvested(busy)
    before, tried = rows_of_all_tables(), 0
    for rule in routes(busy):
        nobodys = url_of(busy, rule, {name: OF_NOBODY.get(name, OF_NOBODY["id"]) for name in rule.arguments})
        names = sorted(rule.arguments)
        asked = [
            *product(("GET", "POST"), ({}, {"HX-Request": "true"})),
            *product(("HEAD", "PUT", "PATCH", "DELETE"), ({},)),
        ]
        nowhere = {
            (method, len(more)): client.open(nobodys, method=method, headers={"X-CSRFToken": token, **more})
            for method, more in asked
        }
        for values in product(*(ids.get(name, ids["id"]) for name in names)):
            theirs = url_of(busy, rule, dict(zip(names, values, strict=True)))
            for method, more in asked if tried % 3 == 0 else asked[:4]:
                there = client.open(theirs, method=method, headers={"X-CSRFToken": token, **more})
                assert told(there, theirs) == told(nowhere[method, len(more)], nobodys), f"{method} {theirs}"
                assert there.status_code in (404, 405), f"{method} {theirs}"
            tried += 1
    assert tried > 100
    assert rows_of_all_tables() == before


def test_neither_are_their_people_found_under_ones_own_organisation(busy: Everybody):
    """One's own code with somebody else's number: the number alone opens nothing."""
    client = busy.clients["other_org_admin"]
    token = client._token("/")
    before, people = rows_of_all_tables(), harvested(busy)["ess_id"]
    for rule in routes(busy):
        if {"code", "ess_id"} <= rule.arguments:
            nobodys = url_of(busy, rule, {**OF_NOBODY, "code": "RX1"})
            headers = {"X-CSRFToken": token}
            for method in ("GET", "POST"):
                nowhere = told(client.open(nobodys, method=method, headers=headers), nobodys)
                for ess_id in people:
                    theirs = url_of(busy, rule, {**OF_NOBODY, "code": "RX1", "ess_id": ess_id})
                    there = client.open(theirs, method=method, headers=headers)
                    assert told(there, theirs) == nowhere, f"{method} {theirs}"
    assert rows_of_all_tables() == before


@pytest.mark.parametrize("path", ["/organisations", "/organisations/RX1/contacts", "/account"])
@pytest.mark.parametrize("q", ["", "?q=42061", "?q=county", "?q=erin", "?q=coe.example", "?tab=people&size=100&q=e"])
def test_no_list_of_ones_own_names_anybody_elsewhere(busy: Everybody, path: str, q: str):
    text = busy.clients["other_org_admin"].open(f"{path}{q}").text.replace(q.partition("q=")[2] or "\0", "")
    assert not re.search(r"county office|42061|erin|coe\.example|somebody", text, re.I)


def test_the_harvest_has_all_there_is(busy: Everybody):
    found = harvested(busy)
    assert len(found["ess_id"]) == 4 + len(AccountState)
    assert len(found["id"]) >= len(found["ess_id"])
