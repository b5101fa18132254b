"""How Alembic reaches the database: the application's own engine and tables, the same for both databases."""

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import text

extension = current_app.extensions["migrate"]
metadata = extension.db.metadata

# Two that migrate at once: the second waits for the first, however large the database, and finds all done.
WAIT_SECONDS = 3600


def is_ours(_thing: Any, name: str | None, _kind: str, reflected: bool, _compared: Any) -> bool:
    """Whether the tables of the application know of it: the search's index is each database's own affair."""
    return not (reflected and str(name).startswith("people_search"))


def run() -> None:
    """Run the migrations, all of them or none.

    SQLite's foreign keys are off during and checked after, for tables that are rebuilt; its connection is used for
    nothing else afterwards.
    """
    engine = extension.db.engine
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(writes=True) as connection:
        if sqlite:
            connection.detach()
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
            connection.connection.dbapi_connection.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
        context.configure(
            connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True,
            compare_server_default=False, transactional_ddl=True, include_object=is_ours,
        )  # fmt: skip
        with context.begin_transaction():
            if not sqlite:
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(718281828)"))
            context.run_migrations()
            if sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
                raise RuntimeError("the migration would leave a foreign key that points nowhere")


run()
