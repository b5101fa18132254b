"""Whatever befalls the database, a request answers 503, lets nobody in, leaves nothing half done, and all recovers."""

import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import text

from portal.domain.account_state import AccountState
from portal.extensions import LOCK_SECONDS, db, sqlite_module
from tests.factories import PASSWORD
from tests.reliability import ledger
from tests.reliability.conftest import CODE, Trust
from tests.reliability.crowd import serving_process
from tests.support.databases import Databases, PostgresqlDatabases
from tests.support.everybody import rows_of_all_tables
from tests.support.mail_faults import MailServer
from tests.support.server import ROOT, Portal
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until


@pytest.fixture
def lena(portal: Portal, trust: Trust) -> Iterator[Visitor]:
    """An administrator who was signed in before anything broke."""
    portal.serve()
    with visiting(portal.url) as visitor:
        visitor.sign_in(trust.administrator, PASSWORD)
        yield visitor


@pytest.fixture
def postgresql(databases: Databases) -> PostgresqlDatabases:
    if not isinstance(databases, PostgresqlDatabases):
        pytest.skip("about PostgreSQL")
    return databases


def rows(trust: Trust) -> object:
    with trust.database():
        return rows_of_all_tables()


def check_refused(answer: httpx.Response) -> None:
    """A page that says when to come back, and no cookie of somebody who is signed in."""
    assert answer.status_code == 503, f"{answer.request.url} answered {answer.status_code}: {answer.text[:500]}"
    assert int(answer.headers["Retry-After"]) > 0
    assert "The portal is not available right now" in answer.text
    assert "known-browser" not in answer.headers.get("Set-Cookie", "")


def check_nobody_gets_in(portal: Portal, trust: Trust) -> None:
    with visiting(portal.url) as visitor:
        visitor.get("/sign-in")
        check_refused(visitor.send("/sign-in", {"username": trust.administrator, "password": PASSWORD}, expect=None))
        check_shut_out(visitor)


def check_shut_out(visitor: Visitor) -> None:
    """No page of somebody who is signed in."""
    answer = visitor.http.get("/account")
    assert answer.status_code in (303, 503)
    assert answer.headers.get("Location", "").startswith(("/sign-in", "")), answer.headers


def is_alive(portal: Portal) -> bool:
    return httpx.get(f"{portal.url}/livez", trust_env=False).text == "ok\n"


def readiness(portal: Portal) -> str:
    answer = httpx.get(f"{portal.url}/readyz", trust_env=False, timeout=30)
    assert (answer.status_code == 200) == (answer.text == "ready\n")
    return answer.text


@contextmanager
def held(trust: Trust) -> Iterator[None]:
    """Somebody writes, and does not come to an end."""
    if trust.is_sqlite:
        other = sqlite_module().connect(trust.portal.instance / "portal.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
        return
    with trust.database(), db.engine.connect() as connection:
        connection.execute(text("LOCK TABLE accounts IN EXCLUSIVE MODE"))
        yield
        connection.rollback()


def together(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    answers: dict[int, httpx.Response] = {}
    threads = [threading.Thread(target=lambda n=n, act=act: answers.update({n: act()})) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in sorted(answers)]


def test_a_lock_that_is_held_too_long(portal: Portal, trust: Trust, lena: Visitor) -> None:
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)
    with visiting(portal.url) as visitor, held(trust):
        visitor.get("/sign-in")
        began = time.monotonic()
        signing_in = {"username": trust.administrator, "password": PASSWORD}
        pages = threading.Thread(target=lambda: lena.http.get("/find-administrator").raise_for_status())
        pages.start()
        ready = readiness(portal)
        pages.join()
        assert is_alive(portal)
        assert ready == ("database: takes no writes\n" if trust.is_sqlite else "ready\n")
        for answer in together(
            lambda: visitor.send("/sign-in", signing_in, expect=None),
            lambda: lena.send(trust.move(nora, "register"), expect=None),
        ):
            check_refused(answer)
        assert time.monotonic() - began < LOCK_SECONDS + 10
        check_shut_out(visitor)
    assert rows(trust) == before
    assert readiness(portal) == "ready\n"
    lena.send(trust.move(nora, "register"))


def test_a_table_that_is_not_there(portal: Portal, trust: Trust, lena: Visitor) -> None:
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)
    trust.run_sql(["ALTER TABLE accounts RENAME TO accounts_elsewhere"])
    check_nobody_gets_in(portal, trust)
    check_refused(lena.send(trust.move(nora, "register"), expect=None))
    check_refused(lena.http.get(f"/organisations/{CODE}/contacts"))
    assert is_alive(portal)
    assert readiness(portal) == "database: lacks the tables accounts\n"
    trust.run_sql(["ALTER TABLE accounts_elsewhere RENAME TO accounts"])
    assert rows(trust) == before
    assert readiness(portal) == "ready\n"
    lena.send(trust.move(nora, "register"))


def test_a_file_that_is_read_only_is_not_served(portal: Portal, trust: Trust) -> None:
    if not trust.is_sqlite:
        pytest.skip("about SQLite")
    unprivileged = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everything")
        # Root without the right to overlook the permissions of files.
        unprivileged = ["setpriv", "--bounding-set=-dac_override"]
    file = portal.instance / "portal.sqlite3"
    file.chmod(0o444)
    done = subprocess.run(
        [*unprivileged, *portal.program(), "serve", "--port", str(portal.port)],
        env=portal.environment, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "Error: database: the file cannot be written\n")
    file.chmod(0o600)
    portal.serve()
    assert readiness(portal) == "ready\n"


def test_a_disk_that_takes_nothing_more(portal: Portal, trust: Trust, lena: Visitor) -> None:
    if not trust.is_sqlite:
        pytest.skip("PostgreSQL has a disk of its own")
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)
    web = serving_process(portal.started[-1])
    usual = resource.prlimit(web, resource.RLIMIT_FSIZE)
    resource.prlimit(web, resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        check_nobody_gets_in(portal, trust)
        check_refused(lena.send(trust.move(nora, "register"), expect=None))
        assert is_alive(portal)
    finally:
        resource.prlimit(web, resource.RLIMIT_FSIZE, usual)
    assert rows(trust) == before
    lena.send(trust.move(nora, "register"))
    with trust.database():
        assert db.session.scalar(text("PRAGMA integrity_check")) == "ok"
        ledger_of = ledger.moves()
    assert ledger_of == {(nora, "account:registration:registered"): 1}


def test_a_database_that_is_read_only(
    portal: Portal, trust: Trust, lena: Visitor, postgresql: PostgresqlDatabases
) -> None:
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)
    postgresql.run(f"ALTER DATABASE {postgresql.name} SET default_transaction_read_only = on")
    try:
        end_connections(postgresql)
        check_nobody_gets_in(portal, trust)
        check_refused(lena.send(trust.move(nora, "register"), expect=None))
        lena.get("/find-administrator")
        assert is_alive(portal)
        assert readiness(portal) == "database: takes no writes\n"
    finally:
        postgresql.run(f"ALTER DATABASE {postgresql.name} RESET default_transaction_read_only")
        end_connections(postgresql)
    assert rows(trust) == before
    assert readiness(portal) == "ready\n"
    lena.send(trust.move(nora, "register"))


def end_connections(postgresql: PostgresqlDatabases, condition: str = "true") -> None:
    """What a restart, or an operator, does to them."""
    postgresql.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{postgresql.name}' AND pid <> pg_backend_pid() AND {condition}"
    )


def test_a_connection_that_ends_in_the_middle(
    portal: Portal, trust: Trust, lena: Visitor, postgresql: PostgresqlDatabases
) -> None:
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    before = rows(trust)

    def end_the_waiting() -> httpx.Response:
        time.sleep(1)
        end_connections(postgresql, "wait_event_type = 'Lock'")
        return httpx.Response(503)

    with held(trust):
        answer, _ = together(lambda: lena.send(trust.move(nora, "register"), expect=None), end_the_waiting)
    check_refused(answer)
    assert rows(trust) == before
    end_connections(postgresql)
    lena.send(trust.move(nora, "register"))


def test_a_database_server_that_is_away_and_comes_back(
    portal: Portal, trust: Trust, lena: Visitor, mail_server: MailServer, postgresql: PostgresqlDatabases
) -> None:
    (nora,) = trust.add(1, AccountState.NOT_REGISTERED, "Nora")
    worker = portal.worker()
    wait_until(lambda: '"event": "started"' in worker.said, "the worker runs")
    before = rows(trust)

    def noticed() -> bool:
        assert worker.is_running(), worker.said
        end_connections(postgresql)  # whoever was being let in as the others were put out, too
        return "the database did not answer" in worker.said

    postgresql.run(f"ALTER DATABASE {postgresql.name} ALLOW_CONNECTIONS false")
    try:
        end_connections(postgresql)
        check_refused(lena.http.get("/find-administrator"))
        check_refused(lena.send(trust.move(nora, "register"), expect=None))
        assert is_alive(portal)
        assert readiness(portal) == "database: does not answer\n"
        wait_until(noticed, "the worker has noticed")
    finally:
        postgresql.run(f"ALTER DATABASE {postgresql.name} ALLOW_CONNECTIONS true")
    assert readiness(portal) == "ready\n"
    after = rows(trust)
    assert {**after, "heartbeats": []} == {**before, "heartbeats": []}  # type: ignore[dict-item]
    lena.send(trust.move(nora, "register"))
    mail_server.wait_for(1)
    assert worker.is_running()
