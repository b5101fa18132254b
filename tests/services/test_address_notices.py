"""An administrator who changes somebody's address is named to the old one: it may be the theft of an account."""

from dataclasses import replace

import pytest
from flask import Flask

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import contacts, outbox
from portal.transactions import write
from tests.factories import person
from tests.support.email_changes import signed_in_as
from tests.support.smtp import Mailbox
from tests.support.trail import entries, mails

OLD, NEW, SECOND = "nomi.contact@coe.example", "nomi.new@coe.example", "nomi@home.example"


def change(app: Flask, somebody: Person, by: Person, **fields: object) -> None:
    with signed_in_as(app, by) as actor, write():
        details = replace(contacts.details_of(somebody), **fields)
        contacts.save(somebody, details, actor, version=somebody.version)


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Contact", secondary_email=SECOND)


def test_the_old_address_is_told_who_changed_it(app: Flask, nomi: Person, local_admin: Person, mailbox: Mailbox):
    change(app, nomi, local_admin, primary_email=NEW)
    (entry,) = entries(nomi)
    assert (entry.event, entry.details) == ("person:record:changed", {"changes": {"primary_email": [OLD, NEW]}})
    assert {row.audit_entry_id for row in mails("email-changed")} == {entry.id}
    outbox.deliver_due()
    assert [received.recipients for received in mailbox.messages] == [[NEW], [OLD], [SECOND]]
    (to_old,) = mailbox.to(OLD)
    assert to_old.kind == "email-changed"
    assert "Lena Administrator, an administrator, changed the e-mail address on your record on" in to_old.text
    assert "Lena Administrator, an administrator, changed the e-mail address on your record on" in to_old.html
    assert f"It was: {OLD}" in to_old.lines
    assert "It is now: n…@coe.example" in to_old.lines
    assert to_old.link == "http://127.0.0.1:8000/find-administrator/42061"


def test_what_becomes_of_the_notice_to_the_old_address_is_not_what_became_of_the_mail(
    app: Flask, nomi: Person, local_admin: Person
):
    change(app, nomi, local_admin, primary_email=NEW)
    assert [(row.recipient, row.is_copy) for row in mails()] == [(NEW, False), (OLD, True), (SECOND, True)]


def test_an_address_that_is_taken_away_is_told_of_it(app: Flask, nomi: Person, local_admin: Person, mailbox: Mailbox):
    change(app, nomi, local_admin, primary_email="", has_no_email=True)
    outbox.deliver_due()
    (to_old,) = mailbox.to(OLD)
    assert "Now there is none." in to_old.lines
    assert not any("It is now" in line for line in to_old.lines)


def test_a_first_address_replaces_none_and_tells_nobody(app: Flask, organisation: Organisation, local_admin: Person):
    nomi = person(organisation, "Nomi Contact", email="", state=AccountState.NOT_REGISTERED)
    change(app, nomi, local_admin, primary_email=NEW)
    assert mails() == []


def test_another_field_tells_nobody(app: Flask, nomi: Person, local_admin: Person):
    change(app, nomi, local_admin, job_title="Clerk", secondary_email="other@home.example")
    assert mails() == []


def test_the_same_mailbox_in_other_letters_is_told_once(app: Flask, nomi: Person, local_admin: Person):
    change(app, nomi, local_admin, primary_email="Nomi.Contact@coe.example", secondary_email=OLD)
    assert [row.recipient for row in mails()] == ["Nomi.Contact@coe.example"]
