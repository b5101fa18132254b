"""The embedded database as a file: where it is, how one is opened and looked through, and how one is made beside it."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from portal.extensions import LOCK_SECONDS, db, sqlite_module

MARK = b"SQLite format 3\0"
"""What each SQLite database begins with."""
COMPANIONS = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite keeps beside a database that is in use."""
MOST_FAULTS = 3


class NotEmbedded(Exception):  # noqa: N818 - an answer, not an error
    """The portal's database is not a file of its own, but PostgreSQL's."""


class Refused(Exception):  # noqa: N818
    """A file is not what was asked for; the text says why."""


def live_file() -> Path:
    """Where the portal's database is. Raises NotEmbedded."""
    url = db.engine.url
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise NotEmbedded
    return Path(url.database).resolve()


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """A connection past the product's own to a SQLite file that is there; it begins transactions where it is told."""
    connection = sqlite_module().connect(
        f"{file.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS
    )
    try:
        yield connection
    finally:
        connection.close()


def is_database(file: Path) -> bool:
    """Whether the file begins as one. No connection of this process may have it open: its locks would be lost."""
    with file.open("rb") as content:
        return content.read(len(MARK)) == MARK


def faults_of(connection: Any) -> list[str]:
    """What is damaged, or points nowhere."""
    damage = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})") if row[0] != "ok"]
    loose = connection.execute("PRAGMA foreign_key_check").fetchmany(MOST_FAULTS)
    return [*damage, *(f"a row of {row[0]} points to one of {row[2]} that is not there" for row in loose)]


def stand_alone(connection: Any) -> None:
    """All that there is stands in the file itself afterwards, with nothing beside it. Raises Refused."""
    (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    if mode != "delete":
        raise Refused(f"the copy stays in the mode {mode}")


class Draft:
    """A file that is being made, for its owner alone, in the folder of the one whose place it is to take."""

    def __init__(self, target: Path, path: Path) -> None:
        self.target = target
        self.path = path

    def keep(self) -> None:
        """It takes the place of the target in one go, and what stood beside that goes: it is another database's."""
        belong_to(self.path, self.target.parent)
        _sync(self.path)
        for ending in COMPANIONS:
            self.target.with_name(self.target.name + ending).unlink(missing_ok=True)
        self.path.replace(self.target)
        _sync(self.target.parent)


@contextmanager
def draft_beside(target: Path) -> Iterator[Draft]:
    """A draft that is gone afterwards, unless it was kept. One whose maker was killed is removed by the next."""
    prefix, suffix = f".{target.name}.", ".part"
    for left in target.parent.glob(f"{_literally(prefix)}*{suffix}"):
        _remove_if_abandoned(left)
    handle, path = _locked_file(target.parent, prefix, suffix)
    try:
        yield Draft(target, path)
    finally:
        _remove(path)
        os.close(handle)


def _locked_file(folder: Path, prefix: str, suffix: str) -> tuple[int, Path]:
    """A new file under a lock; somebody may have taken it for abandoned before the lock was there."""
    while True:
        handle, name = tempfile.mkstemp(suffix, prefix, folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):
            return handle, Path(name)
        os.close(handle)


def _literally(text: str) -> str:
    return "".join(f"[{mark}]" if mark in "*?[" else mark for mark in text)


def _remove_if_abandoned(draft: Path) -> None:
    """Whoever makes a draft holds a lock on it."""
    with suppress(OSError):
        handle = os.open(draft, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(draft)
        finally:
            os.close(handle)


def _remove(draft: Path) -> None:
    for ending in ("", *COMPANIONS):
        draft.with_name(draft.name + ending).unlink(missing_ok=True)


def belong_to(file: Path, folder: Path) -> None:
    """What root makes belongs to whoever the folder belongs to: the portal is not run by root."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
