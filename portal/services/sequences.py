"""Numbers that are never used twice: ESS IDs, and the number at the end of each username."""

from portal.extensions import db, insert_into
from portal.models import Counter
from portal.transactions import begin_write

ESS_ID = "ess-id"


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
