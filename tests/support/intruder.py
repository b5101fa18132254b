"""Somebody who has the database itself in hand: SQL past the product, with triggers and keys put to sleep."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from portal.extensions import db, engine_options

Intruder = Callable[..., list[Any]]


@pytest.fixture
def intruder(app: Flask) -> Iterator[Intruder]:
    """``intruder(statement, name=value)`` does it, kept at once, and answers the rows where there are some."""
    # A statement may hold what the product's own connections would not take.
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    engine = create_engine(url, isolation_level="AUTOCOMMIT", **engine_options(url))

    def do(statement: str, **values: Any) -> list[Any]:
        db.session.rollback()
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                for trigger in ("audit_entries_never_change", "audit_entries_never_go"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
            else:
                connection.execute(text("SET session_replication_role = replica"))
            answer = connection.execute(text(statement), values)
            return list(answer) if answer.returns_rows else []

    yield do
    engine.dispose()
