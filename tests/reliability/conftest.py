"""An installation with somebody to act on, for tests that break things under it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, OutboxMessage, Person, RecoveryLink, RecoveryRequest
from portal.services import accounts, outbox, recovery, tokens
from portal.services.recovery import Need
from portal.transactions import write
from tests import factories
from tests.support.mail_faults import MailServer
from tests.support.server import Portal

CYCLES = int(os.environ.get("KILL_CYCLES", "2"))
"""How often each process is killed; `make test-kills CYCLES=` sets it."""
PAUSE = 0.1 if CYCLES < 10 else 0.0
"""Seconds between two requests of somebody who sends them without an end: in the small version others run beside it."""

CODE = "42061"


@dataclass
class Trust:
    """An organisation, its administrator's username, and its people by ESS ID."""

    portal: Portal
    app: Flask
    administrator: str = ""
    initial: dict[int, AccountState] = field(default_factory=dict)
    usernames: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def database(self) -> Iterator[None]:
        """A look at the rows, without a process or an application for each."""
        with self.app.app_context():
            try:
                yield
            finally:
                db.session.remove()

    def add(self, count: int, state: AccountState, name: str) -> list[int]:
        """More people in a state; answers their ESS IDs."""
        with self.database():
            organisation = db.session.scalars(select(factories.Organisation)).one()
            made = [
                factories.person(organisation, f"{name} {name}{number}", types=["admin"], state=state)
                for number in range(count)
            ]
            for person in made:
                self._note(person)
            return [person.ess_id for person in made]

    def appoint(self) -> None:
        """The organisation, and somebody who looks after it."""
        with self.database():
            organisation = factories.organisation(CODE, "COUNTY OFFICE OF EDUCATION")
            lena = factories.person(organisation, "Lena Administrator", types=["admin"])
            factories.grant(lena, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
            self.administrator = self._note(lena)

    def _note(self, person: Person) -> str:
        account = person.account
        self.initial[account.id] = account.state
        self.usernames[person.ess_id] = account.username or ""
        return account.username or ""

    def move(self, ess_id: int, action: str) -> str:
        """The URL of one of the panel's buttons."""
        return f"/organisations/{CODE}/contacts/{ess_id}/{action}"

    def register(self, ess_ids: list[int]) -> None:
        """Everybody gets a registration mail, by the verb itself."""
        with self.database():
            for ess_id in ess_ids:
                with write():
                    accounts.register(self.account(ess_id), None)

    def recovery_tokens(self, ess_ids: list[int]) -> dict[int, str]:
        """A link for each, asked for and looked up as the product does."""
        with self.database():
            for ess_id in ess_ids:
                with write():
                    recovery.ask(self.usernames[ess_id], Need.PASSWORD)
            recovery.handle_due(limit=len(ess_ids))
            return {
                link.account.person.ess_id: tokens.recovery_token(
                    link.issue, link.account_id, link.credential_version, link.key
                )
                for link in db.session.scalars(select(RecoveryLink))
            }

    def ask(self, ess_ids: list[int]) -> None:
        """Requests for a new password, for a worker to look up."""
        with self.database():
            for ess_id in ess_ids:
                with write():
                    recovery.ask(self.usernames[ess_id], Need.PASSWORD)

    def rows(self) -> list[OutboxMessage]:
        """The outbox as it is now."""
        with self.database():
            found = list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))
            db.session.expunge_all()
            return found

    def states_of_mail(self) -> dict[str, int]:
        """How many rows of the outbox, and of what it is asked for, are in each state."""
        counted: dict[str, int] = {}
        with self.database():
            for table in (OutboxMessage, RecoveryRequest):
                for state in db.session.scalars(select(table.state)):
                    counted[state] = counted.get(state, 0) + 1
        return counted

    def let_time_pass(self) -> None:
        """Leases run out and pauses are over, as they would later."""
        past = clock.now().replace(microsecond=0)
        with self.database(), write():
            for table in (OutboxMessage, RecoveryRequest):
                db.session.execute(update(table).where(table.lease_until.is_not(None)).values(lease_until=past))
                db.session.execute(update(table).where(table.state == "queued").values(due_at=past))

    def run_sql(self, statements: Iterable[str]) -> None:
        """Statements of a fault, or of its end."""
        with self.database(), db.engine.connect().execution_options(writes=True) as connection:
            for statement in statements:
                connection.execute(text(statement))
            connection.commit()

    def break_writes_to(self, table: str) -> None:
        """Whoever writes a row of ``table`` is refused by the database, as with a fault of its own."""
        if self.is_sqlite:
            self.run_sql(
                f"CREATE TRIGGER fault_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'a fault'); END"
                for verb in ("INSERT", "UPDATE")
            )
            return
        self.run_sql(
            [
                "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a fault'; END $$",
                f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION fault()",
            ]
        )

    def mend(self) -> None:
        """The fault is over."""
        if self.is_sqlite:
            self.run_sql(["DROP TRIGGER fault_INSERT", "DROP TRIGGER fault_UPDATE"])
            return
        self.run_sql(["DROP FUNCTION fault CASCADE"])

    @property
    def is_sqlite(self) -> bool:
        """Which kind of database this is."""
        return "SQLALCHEMY_DATABASE_URI" not in self.portal.settings

    def newest_mail(self, ess_id: int) -> OutboxMessage:
        """The last row of somebody's mail, inside ``database()``."""
        newest = outbox.last_message(self.account(ess_id))
        assert newest is not None
        return newest

    def account(self, ess_id: int) -> Account:
        """Somebody's account, inside ``database()``."""
        return db.session.scalars(select(Account).join(Account.person).where(Person.ess_id == ess_id)).one()


@pytest.fixture
def trust(portal: Portal) -> Iterator[Trust]:
    # What breaks things under it comes from one address, and guesses more than one may.
    portal.settings["RATE_LIMITS"] = False
    with portal.database() as app:
        portal.settings["RATE_LIMITS"] = False
        made = Trust(portal, app)
        made.appoint()
        yield made


@pytest.fixture
def mail_server(portal: Portal) -> Iterator[MailServer]:
    """Where what is started from now on delivers mail."""
    with MailServer() as server:
        portal.settings.update(
            MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_DEFAULT_SENDER="Gatehouse <portal@portal.example>"
        )
        yield server
