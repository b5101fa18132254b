"""Where transactions begin and end: nothing is written without the lock, and what failed leaves no trace."""

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from portal.extensions import db
from portal.models import Counter
from portal.transactions import WriteOutsideTransaction, write


def test_a_write_that_gets_no_lock_does_not_let_the_next_one_write_without_it(app: Flask):
    def refuse(_connection: object) -> None:
        raise OperationalError("BEGIN", {}, Exception("database is locked"))

    event.listen(db.engine, "begin", refuse)
    try:
        with pytest.raises(OperationalError), write():
            raise AssertionError("nothing may be written")
    finally:
        event.remove(db.engine, "begin", refuse)
    db.session.add(Counter(name="stray", value=1))
    with pytest.raises(WriteOutsideTransaction):
        db.session.flush()


def test_what_somebody_typed_stands_in_no_error_of_the_database(app: Flask):
    with pytest.raises(DBAPIError) as failed:
        db.session.execute(text("SELECT :typed FROM nowhere"), {"typed": "a password by mistake"})
    assert "a password by mistake" not in str(failed.value)


def test_a_write_that_raises_is_undone(app: Flask):
    def half_done() -> None:
        with write():
            db.session.add(Counter(name="half", value=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert db.session.get(Counter, "half") is None
