"""The audit trail: one chain an organisation, in the transaction of the change, and nothing is changed afterwards."""

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal.domain.lockout import Zone
from portal.extensions import db
from portal.models import AuditChain, AuditEntry, Organisation, Person
from portal.services import accounts, audit
from portal.services.origin import asked_from
from portal.transactions import write
from tests.support.guesses import at_once
from tests.support.trail import entries


def record(person: Person | None, failures: int = 1) -> None:
    with write():
        audit.record("account:sign-in:failed", person=person, failures=failures)


def test_each_organisation_has_a_chain_whose_entries_follow_one_another(employee: Person, other_org_admin: Person):
    for failures in (1, 2, 3):
        record(employee, failures)
    record(other_org_admin)
    own = entries(employee)
    assert [entry.sequence for entry in own] == [1, 2, 3]
    assert {entry.chain for entry in own} == {employee.organisation_id}
    assert [entry.sequence for entry in entries(other_org_admin)] == [1]
    before = audit.BEGINNING
    for entry in own:
        assert entry.previous_hash == before
        assert entry.hash == audit.fingerprint(entry)
        before = entry.hash
    assert db.session.get_one(AuditChain, employee.organisation_id).head == before


def test_what_belongs_to_no_organisation_has_a_chain_of_its_own(app: Flask):
    with write():
        audit.record("sign-in:unknown:failed")
    assert [(entry.chain, entry.sequence) for entry in entries()] == [(0, 1)]


@pytest.mark.parametrize("column", ["at", "event", "details", "address", "zone", "person_id", "actor_account_id"])
def test_the_fingerprint_holds_every_column(employee: Person, column: str):
    record(employee)
    entry = entries(employee)[0]
    before = audit.fingerprint(entry)
    other = {"at": entry.at.replace(year=2001), "details": {"failures": 9}, "person_id": 99, "actor_account_id": 99}
    with db.session.no_autoflush:
        setattr(entry, column, other.get(column, "other"))
        assert audit.fingerprint(entry) != before
    db.session.expunge_all()


def test_who_did_it_and_from_where_are_written_down(app: Flask, employee: Person, local_admin: Person):
    with app.test_request_context(environ_base={"REMOTE_ADDR": "203.0.113.7"}), write():
        audit.record("account:life:deactivated", person=employee, by=local_admin.account)
    (entry,) = entries(employee)
    assert (entry.actor_account_id, entry.address, entry.zone) == (local_admin.account.id, "203.0.113.7", "internet")


def test_what_no_request_asked_for_comes_from_the_command_line(employee: Person):
    record(employee)
    assert (entries()[0].address, entries()[0].zone) == ("command", "private")


def test_what_a_request_asked_for_earlier_comes_from_its_address(employee: Person):
    with asked_from("203.0.113.9", Zone.INTERNET):
        record(employee)
    record(employee)
    assert [entry.address for entry in entries()] == ["203.0.113.9", "command"]


def test_an_entry_of_a_change_that_was_undone_does_not_exist(employee: Person):
    def half_done() -> None:
        with write():
            accounts.deactivate(employee.account, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert entries() == []
    assert employee.account.state == "active"


def test_entries_of_twenty_threads_stand_in_one_order(app: Flask, organisation: Organisation, employee: Person):
    number = employee.id

    def note() -> None:
        with app.app_context(), write():
            audit.record("account:sign-in:failed", person=db.session.get_one(Person, number), failures=1)

    at_once([note] * 20)
    assert [entry.sequence for entry in entries(employee)] == list(range(1, 21))
    hashes = [entry.hash for entry in entries(employee)]
    assert [entry.previous_hash for entry in entries(employee)] == [audit.BEGINNING, *hashes[:-1]]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET event = 'x:y:z'", "DELETE FROM audit_entries"], ids=["change", "delete"]
)
def test_the_database_itself_refuses_to_change_an_entry(employee: Person, statement: str):
    record(employee)
    with pytest.raises(DBAPIError), write():
        db.session.execute(text(statement))
    assert len(db.session.scalars(select(AuditEntry)).all()) == 1
