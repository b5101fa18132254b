"""When something that signing in needs does not work, nobody is signed in: by no fault, on no way in.

ASVS 16.5.2, 16.5.3. Database faults under the running product are in ``tests/reliability``; here each step of a sign-in
fails by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import HashingError, VerificationError
from flask import Flask
from sqlalchemy import func, select, text, update

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Organisation, Person, Session, SignInReservation
from portal.transactions import write
from tests.factories import PASSWORD, TEMPORARY_PASSWORD, person
from tests.support.client import CheckingClient
from tests.support.databases import Databases, SqliteFiles
from tests.support.guesses import fail
from tests.support.trail import events

WRITTEN = ("sign_in_reservations", "audit_entries", "sessions")
STEPS = {
    "own password": (*WRITTEN, "known_browsers", "accounts"),
    "temporary password": WRITTEN,
    "known browser": (*WRITTEN, "known_browsers", "accounts"),
}
"""Each way in, and the tables whose rows it writes."""


@pytest.fixture(autouse=True)
def _as_in_production(app: Flask) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False


def run(*statements: str) -> None:
    with db.engine.connect().execution_options(writes=True) as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


@contextmanager
def refusing_writes_to(table: str, databases: Databases) -> Iterator[None]:
    """The database refuses whoever writes a row of ``table``."""
    if isinstance(databases, SqliteFiles):
        verbs = ("INSERT", "UPDATE", "DELETE")
        body = "BEGIN SELECT RAISE(ABORT, 'a fault'); END"
        run(*(f"CREATE TRIGGER fault_{verb} BEFORE {verb} ON {table} {body}" for verb in verbs))
        mending = [f"DROP TRIGGER fault_{verb}" for verb in verbs]
    else:
        run(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a fault'; END $$",
            f"CREATE TRIGGER fault BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION fault()",
        )
        mending = ["DROP FUNCTION fault CASCADE"]
    try:
        yield
    finally:
        db.session.rollback()
        run(*mending)


def try_to_sign_in(client: CheckingClient, somebody: Person, password: str = PASSWORD) -> Any:
    client.get("/sign-in")
    fields = {"username": somebody.account.username or "", "password": password}
    fields["csrf_token"] = client.page.form("/sign-in").values["csrf_token"][0]
    return client.open("/sign-in", method="POST", data=fields)


def assert_nobody_is_in(client: CheckingClient, answer: Any) -> None:
    assert answer.status_code in (500, 503)
    assert "known-browser" not in "".join(answer.headers.getlist("Set-Cookie"))
    assert not client.is_signed_in()
    assert client.get("/account", 303).location.startswith("/sign-in")
    assert db.session.scalar(select(func.count()).select_from(Session).where(Session.ended_at.is_(None))) == 0
    assert "account:sign-in:succeeded" not in events()


@pytest.mark.parametrize(("way", "table"), [(way, table) for way, tables in STEPS.items() for table in tables])
def test_a_row_that_cannot_be_written_lets_nobody_in(
    app: Flask, client: CheckingClient, organisation: Organisation, databases: Databases, way: str, table: str
):
    state = AccountState.REGISTRATION_PENDING if way == "temporary password" else AccountState.ACTIVE
    somebody = person(organisation, "Nomi Contact", state=state)
    password = TEMPORARY_PASSWORD if way == "temporary password" else PASSWORD
    if way == "known browser":
        try_to_sign_in(client, somebody)
        client.get("/account")
        client.submit("/sign-out")
        fail(app, somebody, 3)
    before = len([event for event in events() if event == "account:sign-in:succeeded"])
    with refusing_writes_to(table, databases):
        answer = try_to_sign_in(client, somebody, password)
    assert answer.status_code in (500, 503)
    assert not client.is_signed_in()
    assert client.get("/account", 303).location.startswith("/sign-in")
    assert db.session.scalar(select(func.count()).select_from(Session).where(Session.ended_at.is_(None))) == 0
    assert len([event for event in events() if event == "account:sign-in:succeeded"]) == before
    assert try_to_sign_in(client, somebody, password).status_code == 303, "and once it is mended it works again"


class Exhausted(PasswordHasher):
    """Argon2 without memory: what the library raises then."""

    def hash(self, *_args: Any, **_more: Any) -> str:
        raise HashingError("Memory allocation error")

    def verify(self, *_args: Any, **_more: Any) -> Any:
        raise VerificationError("Memory allocation error")


@pytest.mark.parametrize("password", [PASSWORD, "a wrong password"], ids=["right", "wrong"])
def test_a_hash_for_which_there_is_no_memory_lets_nobody_in_and_is_no_wrong_password(
    client: CheckingClient, employee: Person, monkeypatch: pytest.MonkeyPatch, password: str
):
    from portal.services import passwords

    with monkeypatch.context() as patched:
        patched.setattr(passwords, "HASHER", Exhausted())
        answer = try_to_sign_in(client, employee, password)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert_nobody_is_in(client, answer)
    assert employee.account.failures == 0
    db.session.rollback()
    assert db.session.scalars(select(SignInReservation)).all() == [], "nor becomes one after a while"
    assert try_to_sign_in(client, employee).status_code == 303


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$YWJj", PASSWORD, "!", "*"])
def test_a_stored_hash_that_is_none_fits_no_password(client: CheckingClient, employee: Person, stored: str):
    with write():
        db.session.execute(update(Account).where(Account.id == employee.account.id).values(password_hash=stored))
    for typed in (PASSWORD, stored, " "):
        answer = try_to_sign_in(client, employee, typed)
        assert answer.status_code in (422, 503)
        assert not client.is_signed_in()


def test_a_session_that_cannot_be_looked_up_is_nobodys(app: Flask, employee_client: CheckingClient):
    """The store of the sessions is away: the pages of somebody who is signed in are no longer shown."""
    run("ALTER TABLE sessions RENAME TO sessions_away")
    try:
        for url in ("/account", "/organisations/42061/contacts", "/"):
            answer = employee_client.open(url)
            assert answer.status_code in (500, 503), url
            assert "Erin Employee" not in answer.text
    finally:
        db.session.rollback()
        run("ALTER TABLE sessions_away RENAME TO sessions")
    employee_client.get("/account")


def test_a_guard_that_fails_opens_nothing(app: Flask, employee_client: CheckingClient, local_admin: Person):
    """Roles that cannot be read give no rights."""
    run("ALTER TABLE role_grants RENAME TO role_grants_away")
    try:
        answer = employee_client.open("/organisations/42061/contacts")
        assert answer.status_code in (500, 503)
        assert "Lena" not in answer.text
    finally:
        db.session.rollback()
        run("ALTER TABLE role_grants_away RENAME TO role_grants")
