"""What the commands' tests share."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from portal.extensions import db


@pytest.fixture
def of_another_version(app: Flask) -> Iterator[None]:
    """The database stands at a migration that this version of the portal does not know, until the test is over."""

    def stamp(version: str) -> None:
        with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    with db.engine.connect() as connection:
        before = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    stamp("9999")
    yield
    stamp(before)
