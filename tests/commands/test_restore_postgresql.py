"""On PostgreSQL the README says what to end by hand after a restore; it ends what ``portal restore`` ends."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import (
    Account,
    Counter,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    Organisation,
    OutboxMessage,
    Person,
    RecoveryLink,
    RecoveryRequest,
    Session,
)
from portal.services import accounts, recovery, sequences
from portal.services.recovery import Need
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.databases import Databases, PostgresqlDatabases
from tests.support.source import ROOT


def statements() -> str:
    return (ROOT / "README.md").read_text().partition("```sql\n")[2].partition("```")[0]


def test_the_statements_of_the_readme_end_what_was_open(
    databases: Databases, employee_client: CheckingClient, organisation: Organisation, employee: Person
):
    if not isinstance(databases, PostgresqlDatabases):
        pytest.skip("SQLite has portal restore")
    starter = factories.person(organisation, "Nora Starter", state=AccountState.NOT_REGISTERED)
    now, later, account = clock.now(), clock.now() + timedelta(hours=1), employee.account.id
    with write():
        recovery.ask(employee.primary_email, Need.PASSWORD)
    recovery.handle_due()
    with write():
        accounts.register(starter.account, None)
        recovery.ask("somebody@coe.example", Need.PASSWORD)
        change = {"issue": "i", "key": "k", "credential_version": 1, "asked_at": now, "expires_at": later}
        db.session.add(EmailChange(account_id=account, address="new@coe.example", **change))
        db.session.add(EnrolmentLink(account_id=account, token_hash=b"x", issued_at=now, expires_at=later))
        db.session.add(KnownBrowser(account_id=account, token_hash=b"y", last_used_at=now))
    before = db.session.get_one(Counter, sequences.ESS_ID).value
    employee_client.get("/account")
    db.session.rollback()
    databases.run(statements(), database=databases.name)
    employee_client.get("/account", 303)
    for column in (Session.ended_at, KnownBrowser.void_at, EmailChange.ended_at, EnrolmentLink.ended_at):
        assert None not in db.session.scalars(select(column)).all()
    assert {link.expires_at for link in db.session.scalars(select(RecoveryLink))} <= {
        link.issued_at for link in db.session.scalars(select(RecoveryLink))
    }
    assert set(db.session.scalars(select(Account.temporary_password_hash))) == {None}
    for kind in (OutboxMessage, RecoveryRequest):
        assert "queued" not in db.session.scalars(select(kind.state)).all()
    assert db.session.get_one(Counter, sequences.ESS_ID).value == before + 1000
