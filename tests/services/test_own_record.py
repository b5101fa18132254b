"""One's own record as its verb keeps it: what is the owner's, where the organisation allows, one version at a time."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.domain.contact_details import OwnDetails
from portal.extensions import db
from portal.models import Organisation, Person
from portal.services import contacts, email_changes, own_record, sessions
from portal.services.contacts import Conflict
from portal.services.own_record import NotAmendable
from portal.transactions import commits, write
from tests.support.email_changes import signed_in_as
from tests.support.everybody import rows_of_all_tables
from tests.support.guesses import at_once
from tests.support.trail import entries

OWN = OwnDetails(primary_phone="", secondary_phone="", mobile_phone="07700 900 123", secondary_email="")


def test_where_administrators_keep_the_records_the_verb_does_not_save(
    app: Flask, employee: Person, organisation: Organisation
):
    with write():
        organisation.own_record_amendable = False
    with signed_in_as(app, employee) as by:
        before = rows_of_all_tables()
        with pytest.raises(NotAmendable), write():
            own_record.save(by, OWN, version=1)
    assert rows_of_all_tables() == before


def test_where_administrators_keep_the_records_no_address_is_asked_for(
    app: Flask, employee: Person, organisation: Organisation
):
    with write():
        organisation.own_record_amendable = False
    with signed_in_as(app, employee) as by:
        before = rows_of_all_tables()
        with pytest.raises(NotAmendable), write():
            email_changes.ask(by, "erin.new@home.example")
    assert rows_of_all_tables() == before


def test_a_record_that_somebody_else_saved_is_a_conflict(app: Flask, employee: Person):
    with signed_in_as(app, employee) as by:
        with write():
            own_record.save(by, OWN, version=1)
        with pytest.raises(Conflict) as conflict, write():
            own_record.save(by, OWN, version=1)
    assert (conflict.value.version, conflict.value.details.mobile_phone) == (2, "07700 900 123")
    assert len(entries(employee)) == 1


def test_of_those_who_save_one_version_at_once_one_does(app: Flask, employee: Person):
    """No update is lost: the others are told that there is another version (ASVS 15.4.2)."""
    with signed_in_as(app, employee) as by:
        token = by.token
    db.session.rollback()

    def saving(number: int) -> Callable[[], bool]:
        own = OwnDetails("", "", f"07700 900 {number:03}", "")

        def save() -> bool:
            with app.test_request_context("/", method="POST"):
                signed_in = sessions.load(token)
                assert signed_in is not None
                try:
                    commits(own_record.save)(signed_in, own, version=1)
                except contacts.Conflict:
                    return False
                return True

        return save

    assert sum(at_once([saving(number) for number in range(8)])) == 1
    assert (employee.version, len(entries(employee))) == (2, 1)
