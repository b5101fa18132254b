"""Where tests get an empty, migrated database: migrated once for a run, then copied for each test."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import flask_migrate
import psycopg
from flask import Flask
from sqlalchemy import make_url

from portal.extensions import db
from tests.support import postgres


class Databases(Protocol):
    """One kind of database."""

    kind: str
    uri: str

    def migrate(self, app: Flask) -> None: ...

    def empty(self, app: Flask) -> None: ...

    def blank(self) -> AbstractContextManager[str]: ...


class SqliteFiles:
    """A template file, migrated once; each test starts on a copy of it."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.file = folder / "portal.sqlite3"
        self.template = folder / "template.sqlite3"
        self.uri = f"sqlite:///{self.file}"

    def migrate(self, app: Flask) -> None:
        with app.app_context():
            flask_migrate.upgrade()
            db.session.remove()
            db.engine.dispose()
        shutil.copyfile(self.file, self.template)

    @contextmanager
    def blank(self) -> Iterator[str]:
        """The address of a database with nothing in it, gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/blank.sqlite3"

    def empty(self, app: Flask) -> None:
        with app.app_context():
            db.engine.dispose()
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        shutil.copyfile(self.template, self.file)


class PostgresqlDatabases:
    """A database migrated once; before each test all its rows go. Needs a superuser, because the audit trail's
    triggers refuse that, and only a superuser may put them to sleep.
    """

    kind = "postgresql"

    def __init__(self, server: str) -> None:
        self.server = make_url(server)
        self.name = f"gatehouse_test_{os.getpid()}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
        url = self.server.set(drivername="postgresql+psycopg", database=self.name)
        self.uri = url.render_as_string(hide_password=False)

    def migrate(self, app: Flask) -> None:
        self.run(f"CREATE DATABASE {self.name} ENCODING 'UTF8' TEMPLATE template0")
        with app.app_context():
            flask_migrate.upgrade()
            db.session.remove()
            db.engine.dispose()

    def empty(self, app: Flask) -> None:
        with app.app_context():
            db.engine.dispose()
        tables = [table.name for table in db.metadata.sorted_tables]
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self.name}' AND pid <> pg_backend_pid()",
            "SET session_replication_role = replica",
            "; ".join(f"DELETE FROM {table}" for table in tables),
            "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
            database=self.name,
        )

    @contextmanager
    def blank(self) -> Iterator[str]:
        """The address of a database with nothing in it, gone afterwards."""
        name = f"{self.name}_blank_{secrets.token_hex(4)}"
        self.run(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield make_url(self.uri).set(database=name).render_as_string(hide_password=False)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, *statements: str, database: str | None = None) -> None:
        """Statements outside transactions, in the server's own database unless another is named."""
        url = self.server.set(drivername="postgresql", database=database or self.server.database)
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def drop(self) -> None:
        """Leave the server as it was found."""
        self.run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


@contextmanager
def chosen_databases(option: str | None, folder: Path) -> Iterator[Databases]:
    """SQLite, unless PostgreSQL is asked for: by the option (a private server is started) or by TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    if option == "sqlite" or (option is None and not given):
        yield SqliteFiles(folder)
        return
    with postgres.server(given) as server:
        databases = PostgresqlDatabases(server)
        try:
            yield databases
        finally:
            databases.drop()
