"""Whether the portal can do its work, and may: what ``/readyz`` answers and what ``serve`` and ``worker`` refuse."""

import os
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.config import SECRET_KEY_MIN_LENGTH
from portal.extensions import LOCK_SECONDS, db
from portal.models import Counter, OutboxMessage, RecoveryRequest
from portal.services import demonstration, work

PROBE_SECONDS = 2
LEAST_FREE_BYTES = 50 * 1024 * 1024
LEAST_DIFFERENT_CHARACTERS = 8
LONGEST_WAIT = timedelta(minutes=15)
LARGEST_LOG_BYTES = 64 * 1024 * 1024
STOPPING = "portal.stopping"
"""Where the web server notes that it is about to stop, for all its processes: one byte among the extensions."""


def what_is_wrong() -> list[str]:
    """A line for each thing that keeps the portal from working; nothing when it is ready."""
    return [*_stopping(), *database_faults(), *folder_faults()]


def what_to_see_to() -> list[str]:
    """A line for each thing that an operator should see to while the portal works on.

    None of them takes a web server out of rotation: without a mail server people still sign in, and the mail waits.
    """
    return [*late_work(), *grown_log()]


def _stopping() -> list[str]:
    told = current_app.extensions.get(STOPPING)
    return ["web server: is stopping"] if told is not None and told[0] else []


def late_work() -> list[str]:
    """What has been waiting in vain for LONGEST_WAIT or more."""
    found = []
    for name, kind in (("mail", OutboxMessage), ("recovery", RecoveryRequest)):
        since = work.waiting_since(kind)
        waited = clock.now() - since if since is not None else timedelta()
        if waited >= LONGEST_WAIT:
            found.append(f"{name}: has been waiting for {waited // timedelta(minutes=1)} minutes")
    return found


def grown_log() -> list[str]:
    """Whether SQLite's write-ahead log has grown, as it does while somebody reads for long; it shrinks afterwards."""
    size = log_bytes()
    return [f"database: its write-ahead log has grown to {size // 2**20} MiB"] if size > LARGEST_LOG_BYTES else []


def log_bytes() -> int:
    """The size of SQLite's write-ahead log; nothing on PostgreSQL, which looks after its own."""
    file = db.engine.url.database
    if db.engine.dialect.name != "sqlite" or not file:
        return 0
    with suppress(FileNotFoundError):
        return os.stat(f"{file}-wal").st_size
    return 0


def database_faults() -> list[str]:
    """What is wrong with the database: it does not answer, fits another version, or takes no writes."""
    try:
        with db.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
            lacking = set(db.metadata.tables) - set(inspect(connection).get_table_names())
    except SQLAlchemyError:
        return ["database: does not answer"]
    if not present:
        return ["database: has no tables; run portal db upgrade"]
    if set(present) != set(newest_migrations()):
        return ["database: not at the newest migration; run portal db upgrade"]
    if lacking:
        return [f"database: lacks the tables {', '.join(sorted(lacking))}"]
    if db.engine.dialect.name == "sqlite" and not os.access(db.engine.url.database or "", os.W_OK):
        return ["database: the file cannot be written"]
    return [] if _takes_writes() else ["database: takes no writes"]


def _takes_writes() -> bool:
    """Whether a transaction that writes can begin within PROBE_SECONDS; nothing is written."""
    try:
        with db.engine.connect().execution_options(writes=True) as connection:
            if db.engine.dialect.name != "sqlite":
                return str(connection.scalar(text("SHOW transaction_read_only"))) == "off"
            waiting: Any = connection.connection.dbapi_connection
            waiting.execute(f"PRAGMA busy_timeout={PROBE_SECONDS * 1000}").close()
            try:
                connection.begin().rollback()
            finally:
                waiting.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}").close()
    except SQLAlchemyError:
        return False
    return True


def folder_faults() -> list[str]:
    """What is wrong with the instance folder: it cannot be written, or its disk is full."""
    folder = Path(current_app.config["INSTANCE_PATH"])
    if not os.access(folder, os.W_OK | os.X_OK):
        return ["instance folder: cannot be written"]
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        return ["instance folder: its disk is full"]
    return []


def unsafe_settings() -> list[str]:
    """A line for each setting that nobody should be served with."""
    return [*secret_key_faults(), *demonstration_faults()]


def secret_key_faults() -> list[str]:
    """Keys that are short or a word over and over sign nothing (ASVS 13.3.1); the fallbacks sign too."""
    settings = current_app.config
    keys = {
        "PORTAL_SECRET_KEY": [settings["SECRET_KEY"]],
        "PORTAL_SECRET_KEY_FALLBACKS": settings["SECRET_KEY_FALLBACKS"],
    }
    return [
        f"{name}: too easy to guess; write at least {SECRET_KEY_MIN_LENGTH} random characters, "
        "or leave it out and one is made in the instance folder"
        for name, known in keys.items()
        if any(len(key) < SECRET_KEY_MIN_LENGTH or len(set(key)) < LEAST_DIFFERENT_CHARACTERS for key in known)
    ]


def demonstration_faults() -> list[str]:
    """The demonstration shows its passwords to everybody: it is for one's own machine."""
    if current_app.config["BASE_URL_IS_LOOPBACK"] or database_faults() or not holds_demonstration():
        return []
    return ["database: holds the demonstration, which is for a base URL such as http://127.0.0.1:8000 only"]


def holds_demonstration() -> bool:
    """Whether the demonstration was ever loaded into the database, wherever its passwords are kept."""
    return db.session.get(Counter, demonstration.MARK) is not None


def newest_migrations() -> tuple[str, ...]:
    """The heads of the migrations that this version of the portal ships."""
    directory = current_app.extensions["migrate"].directory
    return tuple(ScriptDirectory(directory).get_heads())
