"""The small world in which the rules about all endpoints are tried: every named person, and somebody to act on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person
from tests import factories, people
from tests.support.client import CheckingClient


@dataclass
class Everybody:
    """A browser of each named person, and URLs of things that belong to ``organisation``."""

    app: Flask
    organisation: Organisation
    clients: dict[str, CheckingClient]
    persons: dict[str, Person | None]
    made: int = field(default=0)
    pages_with_form: dict[str, str] = field(default_factory=dict)
    """The rules of the pages on which the forms of other rules were found."""

    def rules(self) -> list[Rule]:
        return sorted(self.app.url_map.iter_rules(), key=str)

    def url(self, rule: Rule) -> str:
        """The rule's URL, about the organisation and about somebody new whom nobody has acted on yet."""
        values = {name: self._value(name) for name in rule.arguments}
        with self.app.test_request_context():
            built: str = self.app.url_map.bind("127.0.0.1").build(rule.endpoint, values, method=_method_of(rule))
        return built

    def _value(self, name: str) -> str | int:
        if name == "code":
            return self.organisation.code
        if name == "ess_id":
            self.made += 1
            somebody = factories.person(
                self.organisation, f"Target {self.made}", types=["admin"], state=AccountState.NOT_REGISTERED
            )
            return somebody.ess_id
        return {"token": "no-such-token", "filename": "images/gatehouse.svg"}.get(name, "1")


def _method_of(rule: Rule) -> str:
    return "GET" if "GET" in (rule.methods or ()) else "POST"


@cache
def _statements() -> dict[str, str]:
    tables = ((table.name, select(table).order_by(*table.primary_key)) for table in db.metadata.sorted_tables)
    return {name: str(rows.compile(db.engine)) for name, rows in tables}


def rows_of_all_tables() -> dict[str, list[tuple[object, ...]]]:
    """Everything that the database holds, as its driver has it."""
    try:
        connection = db.session.connection()
        return {name: [tuple(row) for row in connection.exec_driver_sql(rows)] for name, rows in _statements().items()}
    finally:
        db.session.rollback()


@pytest.fixture
def everybody(
    app: Flask,
    request: pytest.FixtureRequest,
    organisation: Organisation,
    as_person: Callable[[Person | None], CheckingClient],
) -> Everybody:
    persons = {name: request.getfixturevalue(name) for name in people.NAMES}
    factories.listing(organisation, ("Service desk", "01603 555 0100", "desk@coe.example"))
    return Everybody(app, organisation, {name: as_person(who) for name, who in persons.items()}, persons)
