"""Candidates of a search for a person, from the index that the database has for it: one small adapter for each.

The index knows pieces of three letters. Whoever is a candidate is looked at once more: the text itself decides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, column, select, table, true

from portal.extensions import db
from portal.models import Person

TRIGRAM = 3
MOST_TRIGRAMS = 12
"""Of a search that are looked up: those of its longest pieces, spread over them."""

_INDEX = table("people_search", column("rowid"), column("people_search"))


def candidates(pieces: Sequence[str]) -> ColumnElement[bool] | None:
    """A condition that holds for all who have the pieces in their text, and few others; None where none is so long."""
    found = _trigrams(pieces)
    if not found:
        return None
    if db.engine.dialect.name != "sqlite":
        return true()  # PostgreSQL's index serves LIKE itself
    wanted = " AND ".join('"{}"'.format(trigram.replace('"', '""')) for trigram in found)
    match: ColumnElement[Any] = _INDEX.c.people_search.op("MATCH")(wanted)
    return Person.id.in_(select(_INDEX.c.rowid).where(match))


def _trigrams(pieces: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for piece in sorted(pieces, key=len, reverse=True):
        every = [piece[start : start + TRIGRAM] for start in range(len(piece) - TRIGRAM + 1)]
        found.update(dict.fromkeys(every))
    spread = list(found)
    step = max(-(-len(spread) // MOST_TRIGRAMS), 1)
    return spread[::step]
