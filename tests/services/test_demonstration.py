"""The demonstration's data: what is in it, that it agrees with itself, and who can sign in."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.domain.account_state import AccountState, shown_state
from portal.domain.audit_events import EVENTS
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, AuditEntry, Organisation, OutboxMessage, Person, Region, RoleGrant
from portal.services import accounts, audit, demonstration, outbox, sequences, sign_in, tokens
from portal.transactions import commits, write
from tests import factories


@pytest.fixture
def loaded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The demonstration, with a smaller trust: a test of its own counts the 12,000."""
    monkeypatch.setattr("portal.services.demonstration.loading.TRUST_STAFF", 60)
    monkeypatch.setattr("portal.services.demonstration.loading.SMALL_STAFF", (2, 3))
    commits(demonstration.load)()
    db.session.expunge_all()
    return app


def file_of(app: Flask) -> Path:
    return Path(app.config["INSTANCE_PATH"]) / "demonstration.json"


def contacts() -> dict[int, Person]:
    held = select(Person).join(Person.organisation).where(Organisation.code == "42061", Person.is_contact)
    return {person.ess_id: person for person in db.session.scalars(held)}


@pytest.mark.usefixtures("loaded")
def test_the_county_office_has_eleven_contacts_in_every_state_that_there_is():
    found = contacts()
    assert len(found) == 11
    by_name = {person.full_name: person for person in found.values()}
    bruno, new, katie = by_name["Bruno Contact"], by_name["New Contact"], by_name["Katie Contact"]
    assert (bruno.account.state, len(bruno.type_names)) == (AccountState.ACTIVE, 6)
    assert new.account.state is AccountState.NOT_REGISTERED
    assert found[2980].account.state is AccountState.REGISTRATION_PENDING
    assert (katie.ess_id, katie.account.state) == (2973, AccountState.LOCKED)
    states = [shown_state(each.account.state, each.account.unlock_expires_at, clock.now()) for each in found.values()]
    assert set(states) == set(AccountState)
    assert states.count(AccountState.LOCKED) == 2, "Katie, and an unlock that has expired"
    pending = [each.account for each in found.values() if each.account.state is AccountState.REGISTRATION_PENDING]
    assert {account.temporary_password_expires_at > clock.now() for account in pending} == {True, False}
    assert [each.full_name for each in found.values() if each.has_no_email] == ["Rosalind Achterberg"]
    assert [each.full_name for each in found.values() if each.email_is_temporary] == ["Mei-Ling Castellano"]


@pytest.mark.usefixtures("loaded")
def test_three_regions_hold_a_county_office_a_trust_and_sixty_small_organisations():
    inside = dict(
        db.session.execute(
            select(Region.name, func.count())
            .join(Organisation, Organisation.region_id == Region.id)
            .group_by(Region.name)
        ).all()
    )
    assert inside == {"Riverbend": 2, "Coastal Counties": 30, "Northern Lakes": 30}
    access = dict(db.session.execute(select(Organisation.code, Organisation.automatic_internet_access)).all())
    assert access["42061"] is True
    assert access["HUH"] is False


@pytest.mark.usefixtures("loaded")
def test_people_change_their_own_records_everywhere_but_at_the_centre():
    views_only = select(Organisation.code).where(Organisation.own_record_amendable.is_(False))
    assert db.session.scalars(views_only).all() == ["CENTRAL"]


@pytest.mark.usefixtures("loaded")
def test_columns_agree_with_the_state_of_each_account():
    for account in db.session.scalars(select(Account)):
        state, who = account.state, account.person.full_name
        assert (account.username is None) == (state is AccountState.NOT_REGISTERED), who
        assert bool(account.password_hash) == (
            state in (AccountState.ACTIVE, AccountState.LOCKED, AccountState.UNLOCK_PENDING)
        ), who
        assert bool(account.temporary_password_hash) == (state is AccountState.REGISTRATION_PENDING), who
        assert bool(account.locked_at) <= (account.failures_total >= 3), who
        assert account.enrolled == bool(account.password_hash), who
        assert account.previous_sign_in_at is None or account.previous_sign_in_at < account.last_sign_in_at, who
        for moment in (
            account.last_sign_in_at,
            account.last_failure_at,
            account.locked_at,
            account.password_changed_at,
        ):
            assert moment is None or moment < clock.now(), who


@pytest.mark.usefixtures("loaded")
def test_the_past_stands_in_an_unbroken_chain_of_declared_entries():
    office_id = db.session.scalars(select(Organisation.id).where(Organisation.code == "42061")).one()
    entries = list(
        db.session.scalars(select(AuditEntry).where(AuditEntry.chain == office_id).order_by(AuditEntry.sequence))
    )
    assert len(entries) > 60
    head = audit.BEGINNING
    for number, entry in enumerate(entries, start=1):
        assert (entry.sequence, entry.previous_hash) == (number, head)
        assert entry.hash == audit.fingerprint(entry)
        assert set(entry.details) == EVENTS[entry.event].details
        head = entry.hash
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    with write():
        accounts.deactivate(contacts()[2994].account, None)


def test_each_role_can_sign_in(loaded: Flask):
    offered = demonstration.sign_ins()
    assert [entry.role for entry in offered] == ["employee", *(role.value for role in Role)]
    for entry in offered:
        with loaded.test_request_context():
            assert sign_in.attempt(entry.username, entry.password) is not None, entry.role
        held = db.session.scalars(
            select(RoleGrant.role).join(RoleGrant.account).where(Account.username == entry.username)
        ).all()
        assert held == ([] if entry.role == "employee" else [Role(entry.role)])


def test_a_sign_in_is_offered_no_longer_once_its_password_is_another(loaded: Flask):
    employee = demonstration.sign_ins()[0]
    account = db.session.scalars(select(Account).where(Account.username == employee.username)).one()
    assert employee.works
    with write():
        accounts.put_password(accounts.locked(account.id), "a hash of another one")
    assert [entry.works for entry in demonstration.sign_ins()] == [False, True, True, True, True]


def test_passwords_are_random_and_readable_by_their_owner_alone(loaded: Flask):
    file = file_of(loaded)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    known = [entry["password"] for entry in kept["sign_ins"] + kept["contacts"]]
    assert len(set(known)) == len(known) == 7
    assert all(len(password) == 19 for password in known)


@pytest.mark.usefixtures("loaded")
def test_what_waits_in_the_outbox_is_delivered_and_its_temporary_password_works():
    outbox.deliver_due()
    delivered = {row.kind: row for row in db.session.scalars(select(OutboxMessage).where(OutboxMessage.attempts == 1))}
    assert {"registration", "unlocked", "locked"} <= set(delivered)
    account: Any = contacts()[2980].account
    secret = tokens.temporary_password(account.temporary_password_issue, tokens.present_key())
    admitted = sign_in.attempt(account.username, secret)
    assert admitted is not None
    assert admitted.enrolling


@pytest.mark.usefixtures("loaded")
def test_numbers_and_usernames_go_on_where_the_demonstration_ends():
    highest = db.session.scalar(select(func.max(Person.ess_id)))
    with write():
        assert sequences.next_value(sequences.ESS_ID) == highest + 1
    new = contacts()[2994]
    bruno: Any = contacts()[2971]
    made = factories.person(bruno.organisation, "Bruno Contact", state=AccountState.NOT_REGISTERED)
    with write():
        accounts.register(made.account, None)
        accounts.register(new.account, None)
    assert made.account.username == "42061bcontact2"
    assert new.account.username == "42061ncontact1"


def test_only_an_empty_database_is_filled(app: Flask):
    assert demonstration.database_is_empty()
    factories.organisation()
    assert not demonstration.database_is_empty()
    with pytest.raises(demonstration.DatabaseInUse):
        commits(demonstration.load)()
    assert not file_of(app).exists()


def test_without_its_file_or_its_row_it_is_no_demonstration(loaded: Flask):
    assert demonstration.is_demonstration()
    file_of(loaded).unlink()
    assert not demonstration.is_demonstration()
    assert demonstration.sign_ins() == []


def test_a_file_alone_makes_no_demonstration(app: Flask):
    file_of(app).write_text('{"sign_ins": []}')
    assert not demonstration.is_demonstration()


def test_sign_ins_and_mailbox_are_offered_on_a_loopback_address_alone(loaded: Flask):
    assert demonstration.mailbox_is_open()
    loaded.config["BASE_URL_IS_LOOPBACK"] = False
    assert demonstration.sign_ins() == []
    assert not demonstration.mailbox_is_open()
    loaded.config |= {"BASE_URL_IS_LOOPBACK": True, "MAIL_SERVER": "mail.example"}
    assert not demonstration.mailbox_is_open()
