"""The heads of the audit trail's chains, outside the database: in the log, and in a file of the instance folder.

Whoever cuts the end off a chain and sets its head back leaves a trail that fits in itself. What was exported earlier
tells (ASVS 16.4.2); the log tells it also where it was sent to another machine.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from flask import current_app
from sqlalchemy import bindparam, select

from portal.extensions import db
from portal.services import embedded
from portal.services.audit import CHAINS, ENTRIES, Head
from portal.transactions import look_again

FILE = "audit-heads"
SECONDS_BETWEEN_LOOKS = 60.0
HEADS_A_LINE = 50

NEWEST = select(ENTRIES.c.id, ENTRIES.c.hash).order_by(ENTRIES.c.id.desc()).limit(1)
HASH_OF = select(ENTRIES.c.hash).where(ENTRIES.c.id == bindparam("id"))
HASH_AT = select(ENTRIES.c.hash).where(ENTRIES.c.chain == bindparam("of"), ENTRIES.c.sequence == bindparam("number"))

log = logging.getLogger(__name__)


class Unreadable(ValueError):  # noqa: N818 - it names what is wrong with the file
    """The file of the exported heads is damaged; the text says where."""


class Watch:
    """What one process has looked at. It asks only for chains that moved since, however many there are."""

    def __init__(self) -> None:
        self._next = time.monotonic()
        self._marks: list[tuple[int, str]] = []

    def look_when_due(self) -> bool:
        """Export what moved, at most once a minute; answers whether it was due."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + SECONDS_BETWEEN_LOOKS
        try:
            self.look()
        except (OSError, Unreadable) as error:
            log.error("the heads of the audit trail were not exported: %s", error)
        return True

    def look(self) -> None:
        """Export what moved since the look before the last: an entry may be committed after one with a higher id."""
        newest = db.session.execute(NEWEST).one_or_none()
        if newest is None or self._marks == [(newest.id, newest.hash)] * 2:
            return
        advance(self._marks[0][0] if len(self._marks) == 2 and self._still_there() else 0)
        self._marks = [*self._marks, (newest.id, newest.hash)][-2:]

    def _still_there(self) -> bool:
        """Whether this is the trail that was looked at before, and none that was put back since."""
        return all(db.session.scalar(HASH_OF, {"id": number}) == known for number, known in self._marks)


def folder() -> Path:
    """Where the file is."""
    return Path(current_app.config["INSTANCE_PATH"])


def read() -> dict[int, Head] | None:
    """The heads that were exported here, by chain; None where there are none. Raises Unreadable."""
    try:
        lines = (folder() / FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise Unreadable(f"{FILE} is damaged") from None
    heads = {}
    for number, line in enumerate(lines, start=1):
        try:
            chain, sequence, known = line.split(" ")
            heads[int(chain)] = Head(int(sequence), known)
        except ValueError:
            raise Unreadable(f"{FILE} is damaged in line {number}") from None
    return heads


def advance(since: int = 0) -> None:
    """Export the heads of the chains that have entries with an id above ``since``, where they are newer.

    A chain whose trail does not hold what was exported of it stays as it was exported: that is the evidence.
    """
    with _alone():
        exported = read() or {}
        # Only now: what is in the file was read from the database before, so the database knows it.
        look_again()
        moved = {chain: head for chain, head in _heads(since).items() if exported.get(chain) != head}
        broken = sorted(chain for chain, head in moved.items() if not _holds(chain, head, exported.get(chain)))
        if broken:
            log.error("the audit trail lacks what was exported of it", extra={"fields": {"chains": broken}})
        newer = {chain: head for chain, head in moved.items() if chain not in broken}
        if newer:
            _log(newer)
            _write({**exported, **newer})


def replace() -> None:
    """Export the heads as they are, whatever was exported before: another database was put in place."""
    with _alone():
        look_again()
        heads = _heads(0)
        _log(heads)
        _write(heads)


def _heads(since: int) -> dict[int, Head]:
    query = select(CHAINS)
    if since:
        query = query.where(CHAINS.c.chain.in_(select(ENTRIES.c.chain).where(ENTRIES.c.id > since)))
    return {row.chain: Head(row.sequence, row.head) for row in db.session.execute(query)}


def _holds(chain: int, head: Head, exported: Head | None) -> bool:
    """Whether the chain with this head still has the entry that was exported."""
    if exported is None:
        return True
    found = db.session.scalar(HASH_AT, {"of": chain, "number": exported.sequence})
    return exported.sequence < head.sequence and found == exported.hash


def _log(heads: Mapping[int, Head]) -> None:
    rest = iter(heads.items())
    while some := {chain: [head.sequence, head.hash] for chain, head in islice(rest, HEADS_A_LINE)}:
        log.info("heads of the audit trail", extra={"fields": {"heads": some}})


def _write(heads: Mapping[int, Head]) -> None:
    """The whole file anew, for its owner alone, in one go."""
    draft = folder() / f".{FILE}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.writelines(f"{chain} {head.sequence} {head.hash}\n" for chain, head in sorted(heads.items()))
        file.flush()
        os.fsync(file.fileno())
    embedded.belong_to(draft, folder())
    draft.replace(folder() / FILE)


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time exports into this folder, so that none writes older heads over newer ones."""
    handle = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
