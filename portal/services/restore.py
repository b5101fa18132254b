"""Puts a backup of the embedded database back: looked through, brought up to date, with nothing in it still open.

All of that happens in a copy. The copy then takes the place of the portal's database in one transaction, so that
processes that run see the one or the other, and a restore that is killed has not happened.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from portal.extensions import db, sqlite_module, working_on
from portal.models import AuditEntry, Person
from portal.services import audit, audit_heads, audit_verification, embedded, health, lost_history, restored, sequences
from portal.services.audit import Head
from portal.services.embedded import COMPANIONS, Draft, Refused
from portal.services.lost_history import Lost
from portal.services.restored import Ended
from portal.transactions import write

GUARDS = frozenset({"audit_entries_never_change", "audit_entries_never_go"})
"""The triggers without which the audit trail can be changed."""
PAGES_AT_ONCE = 1000
LONGEST_WAIT_SECONDS = 60.0
SECONDS_BETWEEN_TRIES = 0.01
CHECKPOINT_SECONDS = 1
STEP_MADE = 0
"""SQLite's answer for a step that was made and is not the last."""


@dataclass(frozen=True)
class Restored:
    """What was put back. ``replaced``: the portal's database did not answer, and its file was replaced."""

    people: int
    taken_at: datetime
    ended: Ended
    lost: Lost | None
    replaced: bool


@dataclass(frozen=True)
class Checked:
    """What a backup holds: when its last entry was written, and how many people."""

    taken_at: datetime
    people: int


def put_back(file: Path) -> Restored:
    """Put ``file`` in the place of the portal's database.

    Raises NotEmbedded, Refused with the reason, and OSError where the disk does not take it. Then nothing has changed.
    """
    live = embedded.live_file()
    _refuse_unlike_a_backup(file, live)
    with embedded.draft_beside(live) as draft:
        shutil.copyfile(file, draft.path)
        try:
            _refuse_damaged(draft.path)
            with working_on(draft.path):
                checked = _bring_up_to_date(file)
                with write():
                    ended = restored.end_what_was_open()
            lost, replaced = _put_in_place(draft, live, checked)
        except (sqlite_module().Error, SQLAlchemyError) as error:
            raise Refused(f"SQLite says: {getattr(error, 'orig', error)}") from error
    audit_heads.replace()
    return Restored(checked.people, checked.taken_at, ended, lost, replaced)


def _refuse_unlike_a_backup(file: Path, live: Path) -> None:
    if live.exists() and file.samefile(live):
        raise Refused("it is the portal's own database")
    if not embedded.is_database(file):
        raise Refused("it is no SQLite database")
    beside = [file.with_name(file.name + ending) for ending in COMPANIONS]
    if any(companion.exists() and companion.stat().st_size for companion in beside):
        raise Refused("what SQLite keeps beside a database in use stands beside it: it was not made by portal backup")
    if live.exists() and not os.access(live, os.R_OK | os.W_OK):
        raise Refused(f"{live} cannot be written")


def _refuse_damaged(copy: Path) -> None:
    with embedded.opened(copy) as connection:
        faults = embedded.faults_of(connection)
        if faults:
            raise Refused(f"it is damaged: {'; '.join(faults)}")
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "audit_entries", "accounts"} <= tables:
            raise Refused("it is no database of Gatehouse")
        unknown = {version for (version,) in connection.execute("SELECT version_num FROM alembic_version")}
        unknown -= _known_versions()
        if unknown:
            raise Refused(f"it is of a newer version of Gatehouse, at the migration {', '.join(sorted(unknown))}")
        triggers = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        if not triggers >= GUARDS:
            raise Refused("it lacks the triggers that guard the audit trail")


def _known_versions() -> set[str]:
    directory = ScriptDirectory(current_app.extensions["migrate"].directory)
    return {script.revision for script in directory.walk_revisions()}


def _bring_up_to_date(file: Path) -> Checked:
    """The newest migration, and a look at the trail. Raises Refused."""
    flask_migrate.upgrade()
    faults = health.database_faults()
    if faults:
        raise Refused("; ".join(faults))
    misfit = audit_verification.verify({}).misfit
    if misfit is not None:
        raise Refused(f"its audit trail does not fit: chain {misfit.chain}, entry {misfit.number:,}: {misfit.what}")
    newest = db.session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1))
    people = db.session.scalar(select(func.count()).select_from(Person)) or 0
    return Checked(newest or datetime.fromtimestamp(file.stat().st_mtime, UTC), people)


def _put_in_place(draft: Draft, live: Path, checked: Checked) -> tuple[Lost | None, bool]:
    """Into the database that is there, when it answers; in the place of its file, when it does not."""
    lost: list[Lost | None] = []
    with ExitStack() as stack:
        target = _answering(live, stack)
        if target is None:
            lost.append(_finish(draft, None, checked))
            with embedded.opened(draft.path) as copy:
                embedded.stand_alone(copy)
            draft.keep()
            return lost[0], True
        source = stack.enter_context(embedded.opened(draft.path))
        _copy_into(source, target, lambda: lost.append(_finish(draft, live, checked)))
        target.execute(f"PRAGMA busy_timeout={CHECKPOINT_SECONDS * 1000}").fetchall()
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return lost[0], False


def _answering(live: Path, stack: ExitStack) -> Any | None:
    """A connection to the portal's database; None where there is none, or what there is cannot be read any more."""
    if not live.exists():
        return None
    try:
        connection = stack.enter_context(embedded.opened(live))
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite_module().OperationalError:
        raise  # it is there, and busy or out of reach
    except sqlite_module().DatabaseError:
        return None
    return connection


def _copy_into(source: Any, target: Any, finish: Callable[[], None]) -> None:
    """One transaction. Once it has begun nobody else writes, and then ``finish`` puts the last words into the source.

    SQLite sees that the source has changed, and begins anew by itself.
    """
    deadline, begun = time.monotonic() + LONGEST_WAIT_SECONDS, False

    def after_each_step(status: int, _remaining: int, _total: int) -> None:
        nonlocal begun
        if begun:
            return
        if status == STEP_MADE:
            begun = True
            finish()
        elif time.monotonic() >= deadline:
            raise Refused("somebody else writes to the portal's database all the time")

    # Never all in the first step: with the last one it is done, and others write again.
    (pages,) = source.execute("PRAGMA page_count").fetchone()
    source.backup(target, pages=min(PAGES_AT_ONCE, pages // 2), progress=after_each_step, sleep=SECONDS_BETWEEN_TRIES)


def _finish(draft: Draft, live: Path | None, checked: Checked) -> Lost | None:
    """What depends on the database that goes: no number is given out twice, and what is lost is told."""
    given_out, lost = _left_behind(live, draft.path)
    with working_on(draft.path):
        # Killed in this moment, it has not happened: the heads of the backup fit both databases.
        audit_heads.replace()
        with write():
            sequences.raise_to(given_out)
            audit.record("installation:database:restored", taken_at=checked.taken_at.isoformat(), lost=lost)
    return lost


def _left_behind(live: Path | None, backup: Path) -> tuple[dict[str, int], Lost | None]:
    """Of the database that goes: the numbers given out, and what the backup lacks; None where nothing tells."""
    exported = _exported()
    with embedded.opened(backup) as copy:
        if live is not None:
            with suppress(sqlite_module().DatabaseError), embedded.opened(live) as present:
                given_out = dict(present.execute("SELECT name, value FROM counters").fetchall())
                heads = lost_history.newest(lost_history.heads_of(present), exported or {})
                return given_out, lost_history.lost(heads, copy, present)
        return {}, lost_history.lost(exported, copy, None) if exported is not None else None


def _exported() -> dict[int, Head] | None:
    try:
        return audit_heads.read()
    except audit_heads.Unreadable:
        return None
