"""A copy of the embedded database as it is at one moment, while the portal goes on working."""

from dataclasses import dataclass
from pathlib import Path

from portal.extensions import sqlite_module
from portal.services import embedded
from portal.services.embedded import COMPANIONS, Refused

PAGES_AT_ONCE = 1000


@dataclass(frozen=True)
class Made:
    """A backup: where it is, and its size."""

    file: Path
    size: int


def make(file: Path) -> Made:
    """Make ``file``, whole or not at all; an older backup in its place goes in the moment in which this one is there.

    Raises NotEmbedded, Refused, and OSError where the file cannot be written.
    """
    live, target = embedded.live_file(), file.resolve()
    _refuse(live, target)
    with embedded.draft_beside(target) as draft:
        try:
            with embedded.opened(live) as source, embedded.opened(draft.path) as copy:
                # The draft counts for nothing until it is whole, and is written through then.
                copy.execute("PRAGMA journal_mode=OFF")
                copy.execute("PRAGMA synchronous=OFF")
                # A snapshot: whatever is written meanwhile neither waits for the copy nor makes it begin anew.
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
                source.backup(copy, pages=PAGES_AT_ONCE, progress=_let_signals_in)
                embedded.stand_alone(copy)
                faults = embedded.faults_of(copy)
        except sqlite_module().Error as error:
            raise Refused(f"the database could not be copied: {error}") from error
        if faults:
            raise Refused(f"the portal's database is damaged: {'; '.join(faults)}")
        draft.keep()
    return Made(target, target.stat().st_size)


def _refuse(live: Path, target: Path) -> None:
    """Raises Refused for what must not be written over."""
    if not live.exists():
        raise Refused(f"there is no database at {live}")
    own = [live, *(live.with_name(live.name + ending) for ending in COMPANIONS)]
    if target in own or (target.exists() and target.samefile(live)):
        raise Refused("it is the portal's own database")
    if target.exists() and not target.is_file():
        raise Refused("it is no file")
    if target.exists() and target.stat().st_size and not embedded.is_database(target):
        raise Refused("it is there already, and is no backup")


def _let_signals_in(_status: int, _remaining: int, _total: int) -> None:
    """Between two steps of a copy Python looks whether somebody wants it to stop."""
