"""the search of records: an index of all pieces of three letters, of its own kind on each database

PostgreSQL's stands on the table (pg_trgm); SQLite's is a table beside it (FTS5), which triggers keep in line. Whoever
rebuilds ``people`` on SQLite makes the triggers anew.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE VIRTUAL TABLE people_search USING fts5("
    "search_text, content='people', content_rowid='id', tokenize='trigram', detail='none')",
    "INSERT INTO people_search(people_search) VALUES ('rebuild')",
    "CREATE TRIGGER people_search_insert AFTER INSERT ON people BEGIN "
    "INSERT INTO people_search(rowid, search_text) VALUES (new.id, new.search_text); END",
    "CREATE TRIGGER people_search_delete AFTER DELETE ON people BEGIN "
    "INSERT INTO people_search(people_search, rowid, search_text) VALUES ('delete', old.id, old.search_text); END",
    "CREATE TRIGGER people_search_update AFTER UPDATE OF search_text ON people "
    "WHEN old.search_text <> new.search_text BEGIN "
    "INSERT INTO people_search(people_search, rowid, search_text) VALUES ('delete', old.id, old.search_text); "
    "INSERT INTO people_search(rowid, search_text) VALUES (new.id, new.search_text); END",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX people_search ON people USING gin (search_text gin_trgm_ops)",
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP INDEX people_search")
        op.execute("DROP EXTENSION pg_trgm")
        return
    for trigger in ("insert", "delete", "update"):
        op.execute(f"DROP TRIGGER people_search_{trigger}")
    op.execute("DROP TABLE people_search")
