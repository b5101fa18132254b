"""Numbers that are never used twice: ESS IDs, and the number at the end of each username."""

from collections.abc import Mapping

from sqlalchemy import select

from portal.extensions import db, insert_into
from portal.models import Counter
from portal.transactions import begin_write

ESS_ID = "ess-id"
USERNAME = "username:"
"""What the sequence of a username's number begins with; its letters follow."""


def next_value(name: str, count: int = 1) -> int:
    """The next number of the sequence ``name``, from 1; with ``count``, the first of so many in a row."""
    begin_write()
    last = db.session.execute(
        insert_into(Counter)
        .values(name=name, value=count)
        .on_conflict_do_update(index_elements=[Counter.name], set_={"value": Counter.value + count})
        .returning(Counter.value)
    ).scalar_one()
    return last - count + 1


def raise_to(values: Mapping[str, int]) -> None:
    """No sequence gives out a number that ``values``, by name, says was given out; what is no sequence is left out."""
    begin_write()
    known = {row.name: row.value for row in db.session.execute(select(Counter.name, Counter.value))}
    higher = [
        {"name": name, "value": value}
        for name, value in values.items()
        if (name == ESS_ID or name.startswith(USERNAME)) and value > known.get(name, 0)
    ]
    if higher:
        raised = insert_into(Counter)
        raised = raised.on_conflict_do_update(index_elements=[Counter.name], set_={"value": raised.excluded.value})
        db.session.execute(raised, higher)
