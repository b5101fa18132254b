"""Backups of the embedded database, for tests: made and put back by the commands, looked into past the product."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from portal.extensions import db, sqlite_module
from tests.support.databases import Databases, SqliteFiles


class Embedded:
    """The application's database as a file, and the two commands."""

    def __init__(self, app: Flask, live: Path, folder: Path) -> None:
        self.app = app
        self.live = live
        self.file = folder / "portal.backup"

    def run(self, *arguments: str, expect: int = 0) -> Result:
        """A command of the portal, to its end."""
        db.session.rollback()
        result = self.app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == expect, f"{result.output}{result.exception!r}"
        db.session.rollback()
        return result

    def backup(self, file: Path | None = None, expect: int = 0) -> Result:
        return self.run("backup", str(file or self.file), expect=expect)

    def restore(self, file: Path | None = None, expect: int = 0) -> Result:
        return self.run("restore", str(file or self.file), expect=expect)

    def refusal(self, file: Path | None = None) -> str:
        """Why a file is not put back; nothing has changed then, and nothing lies about."""
        before, content = self.beside(), self.everything()
        said = self.restore(file, expect=1).stderr
        assert (self.beside(), self.everything()) == (before, content)
        assert said.endswith("Nothing was changed.\n")
        return said

    def beside(self) -> set[str]:
        """What stands in the folders of the database and of the backup, but for what SQLite keeps there."""
        return {
            file.name
            for folder in (self.live.parent, self.file.parent)
            for file in folder.iterdir()
            if not file.name.endswith(("-wal", "-shm"))
        }

    def everything(self) -> list[Any]:
        """All that the database holds, if it is one."""
        with looking_into(self.live) as connection:
            schema = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
            tables = [name for kind, name, _sql in schema if kind == "table"]
            return [schema, *(connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables)]


@contextmanager
def looking_into(file: Path) -> Iterator[Any]:
    connection = sqlite_module().connect(str(file), isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def embedded(app: Flask, databases: Databases, tmp_path: Path) -> Embedded:
    if not isinstance(databases, SqliteFiles):
        pytest.skip("PostgreSQL has tools of its own")
    folder = tmp_path / "backups"
    folder.mkdir()
    return Embedded(app, databases.file, folder)
