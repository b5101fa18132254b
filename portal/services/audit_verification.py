"""Whether the audit trail is what was written: every chain, entry by entry, in constant memory (ASVS 16.4.2).

Somebody with the whole database in hand can drop the triggers, and then change, delete or add. Each entry holds the
hash of its content and of the entry before it, each chain its last number and hash, and the heads that were exported
stand outside the database: what was done to it shows, and where.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, Text, cast, select

from portal.extensions import db
from portal.models import Organisation
from portal.services.audit import BEGINNING, CHAINS, ENTRIES, NO_ORGANISATION, Head, digest

ROWS_AT_ONCE = 1000

_C = ENTRIES.c
IN_ORDER = select(
    _C.id, _C.chain, _C.sequence, cast(_C.at, Text).label("at"), _C.event, _C.actor_account_id, _C.person_id,
    _C.address, _C.zone, cast(_C.details, Text).label("details"), _C.previous_hash, _C.hash,
).order_by(_C.chain, _C.sequence)  # fmt: skip
"""Moment and details as the text that stands there: one that cannot be read is an answer, not an error."""

CHANGED = "it is not what was written"
OUT_OF_ORDER = "it does not follow the entry before it: one of the two was written anew"
TWICE = "its number stands there twice, or is none"
WITHOUT_HEAD = "its chain has no head"
NOT_THE_HEAD = "the head of the chain has another hash"
NOT_EXPORTED = "another hash was exported for its number: it was written anew"


@dataclass(frozen=True)
class Misfit:
    """The first entry that does not fit. ``entry_id`` and ``at`` are None where it is missing."""

    chain: str
    number: int
    entry_id: int | None
    at: str | None
    what: str


@dataclass(frozen=True)
class Verified:
    """How much was looked at, and what was found."""

    chains: int
    entries: int
    misfit: Misfit | None


def verify(exported: Mapping[int, Head]) -> Verified:
    """Look at the trail as it stands at one moment; ``exported`` are heads that it had earlier."""
    with _one_moment() as connection:
        heads = {row.chain: Head(row.sequence, row.head) for row in connection.execute(select(CHAINS))}
        entries, unseen, misfit = 0, {*heads, *exported}, None
        with connection.execute(IN_ORDER, execution_options={"yield_per": ROWS_AT_ONCE}) as rows:
            for chain, own in _chains(rows, unseen):
                fitting, found = _walk(own, heads.get(chain), exported.get(chain))
                entries += fitting
                if found is not None:
                    misfit = _named(connection, chain, found)
                    break
        return Verified(len(heads), entries, misfit)


def _chains(rows: Iterable[Row[Any]], unseen: set[int]) -> Iterator[tuple[int, Iterable[Row[Any]]]]:
    """Each chain with its entries, and then those of ``unseen`` that have none."""
    for chain, own in groupby(rows, attrgetter("chain")):
        unseen.discard(chain)
        yield chain, own
    yield from ((chain, ()) for chain in sorted(unseen))


@contextmanager
def _one_moment() -> Iterator[Connection]:
    """A connection of our own that sees the database as it is now, whatever is written meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            yield connection.execution_options(isolation_level="REPEATABLE READ")
            return
        raw: Any = connection.connection.dbapi_connection
        # Text that is none would end the reading; so it is read, and does not fit.
        raw.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        try:
            yield connection
        finally:
            raw.text_factory = str


Found = tuple[int, "Row[Any] | None", str]
"""The number of what does not fit, its row where there is one, and what is wrong."""


def _walk(rows: Iterable[Row[Any]], head: Head | None, exported: Head | None) -> tuple[int, Found | None]:
    """One chain; answers how many entries fitted, and the first that did not."""
    number, before = 0, BEGINNING
    for row in rows:
        found = _wrong_with(row, number + 1, before, head, exported)
        if found is not None:
            return number, found
        number, before = number + 1, row.hash
    for promised, where in ((head, "the head of the chain"), (exported, "what was exported of the chain")):
        if promised is not None and promised.sequence > number:
            return number, (number + 1, None, f"{_missing(number + 1, promised.sequence)}, says {where}")
    return number, None


def _wrong_with(row: Row[Any], number: int, before: str, head: Head | None, exported: Head | None) -> Found | None:
    """What is wrong with the entry that should have ``number`` and follow the one with the hash ``before``."""
    if not isinstance(row.sequence, int) or row.sequence < number:
        return number, row, TWICE
    if row.sequence > number:
        return number, None, f"{_missing(number, row.sequence - 1)}; the next one there has the id {row.id}"
    what = None
    if head is None:
        what = WITHOUT_HEAD
    elif number > head.sequence:
        what = f"it was added behind the head of the chain, number {head.sequence:,}"
    elif _digest_of(row) != row.hash:
        what = CHANGED
    elif row.previous_hash != before:
        what = OUT_OF_ORDER
    elif exported is not None and exported.sequence == number and exported.hash != row.hash:
        what = NOT_EXPORTED
    elif head.sequence == number and head.hash != row.hash:
        what = NOT_THE_HEAD
    return (number, row, what) if what else None


def _missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"it is missing, and all up to number {last:,}"


def _digest_of(row: Row[Any]) -> str | None:
    """The fingerprint of what stands there now; None for what cannot have been written."""
    try:
        return digest(
            row.previous_hash, row.chain, row.sequence, _moment(row.at).isoformat(), row.event, row.actor_account_id,
            row.person_id, row.address, row.zone, json.loads(row.details),
        )  # fmt: skip
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    """A moment as the database writes it: SQLite without a time zone, PostgreSQL in that of the connection."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _named(connection: Connection, chain: Any, found: Found) -> Misfit:
    """What was found, with the names that people know."""
    number, row, what = found
    code = "none"
    if chain != NO_ORGANISATION:
        known = connection.scalar(select(Organisation.code).where(Organisation.id == chain))
        code = known or f"{chain}, which is no organisation"
    if row is None:
        return Misfit(code, number, None, None, what)
    try:
        at = f"{_moment(row.at):%Y-%m-%d %H:%M:%S} UTC"
    except (TypeError, ValueError, OverflowError):
        at = "at no moment that can be read"
    return Misfit(code, number, row.id, at, what)
