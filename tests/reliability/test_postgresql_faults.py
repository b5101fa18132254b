"""What PostgreSQL alone can do to a request: no connection left, and a deadlock. It answers 503 and changes nothing."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
from sqlalchemy import make_url

from portal.domain.account_state import AccountState
from tests.factories import PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import Trust
from tests.reliability.test_database_faults import check_refused, end_connections, is_alive, readiness, rows
from tests.support.databases import Databases, PostgresqlDatabases
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

DEADLOCK_SECONDS = 1
"""How long PostgreSQL waits for a lock before it looks whether two wait for each other."""


@pytest.fixture
def postgresql(databases: Databases) -> PostgresqlDatabases:
    if not isinstance(databases, PostgresqlDatabases):
        pytest.skip("about PostgreSQL")
    return databases


@pytest.fixture
def lena(postgresql: PostgresqlDatabases, portal: Portal, trust: Trust) -> Iterator[Visitor]:
    """An administrator who was signed in before anything broke."""
    portal.serve()
    with visiting(portal.url) as visitor:
        visitor.sign_in(trust.administrator, PASSWORD)
        yield visitor


def connect(postgresql: PostgresqlDatabases) -> psycopg.Connection:
    url = make_url(postgresql.uri).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False))


@contextmanager
def none_left(postgresql: PostgresqlDatabases) -> Iterator[None]:
    """Every connection that the server has is somebody else's."""
    with ExitStack() as others:
        end_connections(postgresql)
        with pytest.raises(psycopg.OperationalError, match=r"too many clients|reserved"):
            take_all(postgresql, others)
        yield


def take_all(postgresql: PostgresqlDatabases, others: ExitStack) -> None:
    while True:
        others.enter_context(closing(connect(postgresql)))


def test_a_server_without_a_connection_to_spare(
    portal: Portal, trust: Trust, lena: Visitor, postgresql: PostgresqlDatabases
) -> None:
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("the server may be somebody else's too")
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)
    with none_left(postgresql):
        check_refused(lena.send(trust.move(nora, "register"), expect=None))
        check_refused(lena.http.get("/find-administrator"))
        assert readiness(portal) == "database: does not answer\n"
        assert is_alive(portal)
    assert rows(trust) == before
    wait_until(lambda: readiness(portal) == "ready\n", "it is ready again")
    lena.send(trust.move(nora, "register"))


def test_two_who_wait_for_each_other(
    portal: Portal, trust: Trust, lena: Visitor, postgresql: PostgresqlDatabases
) -> None:
    """The portal takes its locks in one order; somebody else, who takes them in another, meets it."""
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    lena.send(trust.move(nora, "register"))
    before = rows(trust)
    with connect(postgresql) as other:
        other.execute("SELECT * FROM audit_chains FOR UPDATE")
        answers = []
        asking = threading.Thread(target=lambda: answers.append(lena.send(trust.move(nora, "re-enrol"), expect=None)))
        asking.start()
        time.sleep(DEADLOCK_SECONDS / 2)
        other.execute("SELECT * FROM accounts FOR UPDATE")
        asking.join()
        other.rollback()
    check_refused(answers[0])
    assert rows(trust) == before
    lena.send(trust.move(nora, "re-enrol"))
    with trust.database():
        ledger.check(trust.initial)
