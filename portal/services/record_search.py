"""Candidates of a search for a person, from the index that the database has for it: one small adapter for each.

The index knows pieces of three letters. Whoever is a candidate is looked at once more: the text itself decides.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, column, select, table

from portal.extensions import db
from portal.models import Organisation, Person

TRIGRAM = 3
MOST_TRIGRAMS = 12
"""Of a search that are looked up: those of its longest pieces, spread over them."""

_INDEX = table("people_search", column("rowid"), column("people_search"))


def candidates(organisation: Organisation, pieces: Sequence[str]) -> ColumnElement[bool] | None:
    """A condition that holds for all of the organisation's people who have the pieces in their text, and few others.

    None where no piece is so long.
    """
    found = _trigrams(pieces)
    if not found:
        return None
    if db.engine.dialect.name != "sqlite":
        return Person.organisation_id == organisation.id  # PostgreSQL's index serves LIKE itself
    # An expression, of which there is no index: so the search leads, whatever SQLite expects of either.
    theirs = Person.organisation_id + 0 == organisation.id
    wanted = " AND ".join('"{}"'.format(trigram.replace('"', '""')) for trigram in found)
    match: ColumnElement[Any] = _INDEX.c.people_search.op("MATCH")(wanted)
    return and_(theirs, Person.id.in_(select(_INDEX.c.rowid).where(match)))


def _trigrams(pieces: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for piece in sorted(pieces, key=len, reverse=True):
        every = [piece[start : start + TRIGRAM] for start in range(len(piece) - TRIGRAM + 1)]
        found.update(dict.fromkeys(every))
    spread = list(found)
    step = max(-(-len(spread) // MOST_TRIGRAMS), 1)
    return spread[::step]
