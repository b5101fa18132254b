"""The libraries' objects, made once and given their application in ``create_app``."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import URL, Engine, MetaData, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The root of every table; each constraint has a name, so that migrations can find it on both databases."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
migrate = Migrate(db=db, directory="migrations", render_as_batch=True)
mail = Mail()
babel = Babel()
csrf = CSRFProtect()
login_manager = LoginManager()


def _each_limit_has_its_own_key() -> str:
    raise RuntimeError("a limit without a key of its own")


limiter = Limiter(
    key_func=_each_limit_has_its_own_key,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    # Of two threads that find Redis gone at once, the library lets one fall back and the other fail.
    swallow_errors=True,
)

WAIT_SECONDS = 0.05
LOCK_SECONDS = 10
"""How long a transaction waits for another one on either database, before its request is answered with 503."""

USUAL_LOG_BYTES = 16 * 1024 * 1024
"""What SQLite keeps of a write-ahead log that had grown larger, because somebody was reading for long."""

LAST_SQLITE_WITH_WAL_RESET_BUG = (3, 51, 2)


def sqlite_module() -> ModuleType:
    """The SQLite to use: Python's own, or the wheel's where Python's may corrupt a database (the WAL-reset bug)."""
    if sqlite3.sqlite_version_info > LAST_SQLITE_WITH_WAL_RESET_BUG:
        return sqlite3
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    return dbapi2


def engine_options(uri: str) -> dict[str, Any]:
    """What the engine of this database needs. What a person typed stands in no error's message (ASVS 16.2.5)."""
    if uri.startswith("sqlite"):
        return {
            "module": sqlite_module(),
            "connect_args": {"timeout": float(LOCK_SECONDS)},
            "hide_parameters": True,
        }
    patience = {"connect_timeout": 5, "options": f"-c lock_timeout={LOCK_SECONDS * 1000}"}
    return {
        "pool_pre_ping": True,
        "pool_size": 10,
        "max_overflow": 20,
        "connect_args": patience,
        "hide_parameters": True,
    }


def insert_into(table: type[Base] | Table) -> postgresql.Insert | sqlite.Insert:
    """The INSERT of the database in use, which knows ON CONFLICT."""
    return (sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert)(table)


def _write_ahead(connection: Any) -> None:
    """Switch to the write-ahead log. SQLite does not wait for a lock in the middle of this, so it is tried again."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite_module().OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(WAIT_SECONDS)
        else:
            return


def prepare_engine(engine: Engine) -> None:
    """SQLite: durable, checked, and with transactions that begin where the code says."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        wait = f"busy_timeout={LOCK_SECONDS * 1000}"
        limit = f"journal_size_limit={USUAL_LOG_BYTES}"
        for pragma in (wait, limit, "synchronous=FULL", "foreign_keys=ON", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}").close()
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def working_on(file: Path) -> Iterator[None]:
    """Whatever asks for the database meanwhile gets this SQLite file; for a command, alone in its process."""
    url = URL.create("sqlite", database=str(file))
    engine = create_engine(url, **engine_options("sqlite"))
    prepare_engine(engine)
    db.session.remove()
    engines = cast(dict[str | None, Engine], db.engines)
    usual, engines[None] = engines[None], engine
    try:
        yield
    finally:
        db.session.remove()
        engines[None] = usual
        engine.dispose()
