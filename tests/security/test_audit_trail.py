"""The audit trail shows what was done to it by somebody who has the database, and where first (ASVS 16.4.2).

The intruder drops the triggers that refuse changes; that they refuse is shown in ``migrations/test_migrations.py``.
"""

import json
import threading
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import event, insert, text

from portal.extensions import db
from portal.models import Organisation, Person
from portal.services import audit, audit_heads, audit_verification
from portal.services.audit import BEGINNING, CHAINS, ENTRIES
from portal.transactions import write
from tests.support.databases import Databases
from tests.support.intruder import Intruder
from tests.support.trail import entries

ENTRIES_WRITTEN = 5


@pytest.fixture
def trail(employee: Person, other_org_admin: Person) -> Person:
    """Five entries of the chain 42061, two of the chain RX1 and one of none."""
    for number in range(1, ENTRIES_WRITTEN + 1):
        with write():
            audit.record("account:sign-in:failed", person=employee, failures=number)
    for _ in range(2):
        with write():
            audit.record("account:sign-in:succeeded", person=other_org_admin)
    with write():
        audit.record("sign-in:unknown:failed")
    return employee


def verify(app: Flask, expect: int = 0) -> Result:
    db.session.rollback()
    result = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert result.exit_code == expect, result.output
    return result


def first_misfit(app: Flask) -> str:
    """What verification says on standard error."""
    result = verify(app, expect=1)
    assert result.stdout == ""
    start = "Error: the audit trail does not fit. "
    assert result.stderr.startswith(start)
    return result.stderr.removeprefix(start).strip()


def number_of(person: Person, number: int) -> int:
    """The id of one of the person's entries."""
    return entries(person)[number - 1].id


def test_a_trail_that_nobody_touched_fits(app: Flask, trail: Person):
    result = verify(app)
    assert "The audit trail fits: chains 3, entries 8." in result.stdout
    assert "No heads were exported here" in result.stdout
    audit_heads.advance()
    assert "So do the heads that were exported here: 3." in verify(app).stdout


def test_an_empty_trail_fits(app: Flask):
    assert "chains 0, entries 0" in verify(app).stdout


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("at = '2026-11-16 08:59:59'", "it is not what was written"),
        ("event = 'account:sign-in:succeeded'", "it is not what was written"),
        ("actor_account_id = 1", "it is not what was written"),
        ("person_id = NULL", "it is not what was written"),
        ("address = '203.0.113.9'", "it is not what was written"),
        ("zone = 'internet'", "it is not what was written"),
        ("details = '{\"failures\": 4}'", "it is not what was written"),
        ("details = '[]'", "it is not what was written"),
        (f"previous_hash = '{BEGINNING}'", "it is not what was written"),
        (f"hash = '{BEGINNING}'", "it is not what was written"),
    ],
    ids=lambda text: text.partition(" ")[0],
)
def test_a_changed_column_names_its_entry(app: Flask, trail: Person, intruder: Intruder, change: str, what: str):
    changed = entries(trail)[2]
    number, at = changed.id, changed.at
    intruder(f"UPDATE audit_entries SET {change} WHERE id = :id", id=number)
    said = first_misfit(app)
    assert said.startswith(f"Chain 42061, entry number 3 (id {number}, ")
    assert said.endswith(what + ".")
    assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in said or change.startswith("at ")


@pytest.mark.parametrize("change", ["sequence = 99", "chain = (SELECT max(chain) FROM audit_chains)"])
def test_an_entry_that_was_moved_away_is_missed_where_it_was(
    app: Flask, trail: Person, intruder: Intruder, change: str
):
    moved, following = number_of(trail, 3), number_of(trail, 4)
    intruder(f"UPDATE audit_entries SET {change} WHERE id = :id", id=moved)
    expected = f"Chain 42061, entry number 3: it is missing; the next one there has the id {following}."
    assert first_misfit(app) == expected


@pytest.mark.parametrize(("number", "next_one"), [(1, 2), (3, 4)])
def test_a_deleted_entry_is_named_by_the_number_that_is_missing(
    app: Flask, trail: Person, intruder: Intruder, number: int, next_one: int
):
    following = number_of(trail, next_one)
    intruder("DELETE FROM audit_entries WHERE id = :id", id=number_of(trail, number))
    expected = f"Chain 42061, entry number {number}: it is missing; the next one there has the id {following}."
    assert first_misfit(app) == expected


def test_several_deleted_entries_are_named_together(app: Flask, trail: Person, intruder: Intruder):
    intruder("DELETE FROM audit_entries WHERE sequence IN (2, 3, 4) AND person_id = :id", id=trail.id)
    assert "entry number 2: it is missing, and all up to number 4; the next one" in first_misfit(app)


def test_an_end_that_was_cut_off_shows_in_the_head(app: Flask, trail: Person, intruder: Intruder):
    intruder("DELETE FROM audit_entries WHERE sequence > 3 AND person_id = :id", id=trail.id)
    expected = "entry number 4: it is missing, and all up to number 5, says the head of the chain."
    assert first_misfit(app) == f"Chain 42061, {expected}"


def test_two_that_changed_places_show(app: Flask, trail: Person, intruder: Intruder):
    second, third = number_of(trail, 2), number_of(trail, 3)
    for number, place in ((second, 99), (third, 2), (second, 3)):
        intruder("UPDATE audit_entries SET sequence = :place WHERE id = :id", place=place, id=number)
    assert first_misfit(app).startswith(f"Chain 42061, entry number 2 (id {third}, ")


def forged(trail: Person, number: int, before: str, **changes: Any) -> dict[str, Any]:
    """An entry as the product would have written it, but with something else in it."""
    entry = {
        "chain": trail.organisation_id,
        "sequence": number,
        "at": datetime(2026, 11, 16, 9, tzinfo=UTC),
        "event": "account:sign-in:failed",
        "actor_account_id": None,
        "person_id": trail.id,
        "address": "203.0.113.7",
        "zone": "internet",
        "details": {"failures": number},
        "previous_hash": before,
        **changes,
    }
    return {**entry, "hash": audit.digest(
        entry["previous_hash"], entry["chain"], entry["sequence"], entry["at"].isoformat(), entry["event"],
        entry["actor_account_id"], entry["person_id"], entry["address"], entry["zone"], entry["details"],
    )}  # fmt: skip


def put(intruder: Intruder, entry: dict[str, Any]) -> None:
    columns = [name for name in entry if name != "id"]
    values = {**entry, "at": entry["at"].strftime("%Y-%m-%d %H:%M:%S"), "details": json.dumps(entry["details"])}
    if db.engine.dialect.name == "postgresql":
        values["at"] += "+00"
    marks = ", ".join(f":{name}" for name in columns)
    intruder(f"INSERT INTO audit_entries ({', '.join(columns)}) VALUES ({marks})", **values)


def test_an_added_entry_stands_behind_the_head(app: Flask, trail: Person, intruder: Intruder):
    put(intruder, forged(trail, 6, entries(trail)[-1].hash))
    said = first_misfit(app)
    assert said.startswith("Chain 42061, entry number 6 (id ")
    assert said.endswith("it was added behind the head of the chain, number 5.")


def test_an_entry_in_the_place_of_another_is_not_followed(app: Flask, trail: Person, intruder: Intruder):
    """With the right hash of its own it fits by itself; the next one does not follow it."""
    second, fourth = entries(trail)[1], number_of(trail, 4)
    before = second.hash
    intruder("DELETE FROM audit_entries WHERE id = :id", id=number_of(trail, 3))
    put(intruder, forged(trail, 3, before))
    said = first_misfit(app)
    assert said.startswith(f"Chain 42061, entry number 4 (id {fourth}, ")
    assert "it does not follow the entry before it: one of the two was written anew" in said


def written_anew(intruder: Intruder, trail: Person, first: int, last: int) -> None:
    """The end of the chain, from ``first`` to ``last``, in other words that fit in themselves; the head follows."""
    before = entries(trail)[first - 2].hash
    intruder("DELETE FROM audit_entries WHERE sequence >= :first AND person_id = :id", first=first, id=trail.id)
    for number in range(first, last + 1):
        entry = forged(trail, number, before)
        put(intruder, entry)
        before = entry["hash"]
    set_head(intruder, trail, last, before)


def set_head(intruder: Intruder, trail: Person, sequence: int, head: str) -> None:
    intruder(
        "UPDATE audit_chains SET sequence = :sequence, head = :head WHERE chain = :chain",
        sequence=sequence, head=head, chain=trail.organisation_id,
    )  # fmt: skip


def test_a_last_entry_that_was_written_anew_is_not_what_the_head_says(app: Flask, trail: Person, intruder: Intruder):
    before, last = entries(trail)[3].hash, number_of(trail, 5)
    intruder("DELETE FROM audit_entries WHERE id = :id", id=last)
    put(intruder, forged(trail, 5, before))
    assert first_misfit(app).endswith("the head of the chain has another hash.")


def test_an_end_that_was_cut_off_together_with_its_head_shows_in_what_was_exported(
    app: Flask, trail: Person, intruder: Intruder
):
    def cut() -> None:
        third = entries(trail)[2].hash
        intruder("DELETE FROM audit_entries WHERE sequence > 3 AND person_id = :id", id=trail.id)
        set_head(intruder, trail, 3, third)

    audit_heads.advance()
    cut()
    expected = "entry number 4: it is missing, and all up to number 5, says what was exported of the chain."
    assert first_misfit(app) == f"Chain 42061, {expected}"
    (audit_heads.folder() / audit_heads.FILE).unlink()
    verify(app)


@pytest.mark.parametrize("last", [5, 7])
def test_an_end_that_was_written_anew_shows_in_what_was_exported(
    app: Flask, trail: Person, intruder: Intruder, last: int
):
    audit_heads.advance()
    written_anew(intruder, trail, 3, last)
    said = first_misfit(app)
    assert said.startswith("Chain 42061, entry number 5 (id ")
    assert said.endswith("another hash was exported for its number: it was written anew.")


def test_what_the_product_writes_after_a_cut_does_not_cover_it(
    app: Flask, trail: Person, intruder: Intruder, caplog: pytest.LogCaptureFixture
):
    """The file keeps what it had, and the log says so: this is the evidence."""
    audit_heads.advance()
    third = entries(trail)[2].hash
    intruder("DELETE FROM audit_entries WHERE sequence > 3 AND person_id = :id", id=trail.id)
    set_head(intruder, trail, 3, third)
    for _ in range(4):
        with write():
            audit.record("account:sign-in:succeeded", person=trail)
    audit_heads.advance()
    assert any(
        record.levelname == "ERROR" and record.__dict__["fields"] == {"chains": [trail.organisation_id]}
        for record in caplog.records
    )
    assert first_misfit(app).startswith("Chain 42061, entry number 5 (id ")


def test_a_chain_without_a_head_and_a_head_without_entries_show(app: Flask, trail: Person, intruder: Intruder):
    intruder("DELETE FROM audit_chains WHERE chain = :chain", chain=trail.organisation_id)
    assert first_misfit(app) == (
        f"Chain 42061, entry number 1 (id {number_of(trail, 1)}, {entries(trail)[0].at:%Y-%m-%d %H:%M:%S} UTC): "
        "its chain has no head."
    )
    intruder("INSERT INTO audit_chains VALUES (:chain, 5, :head)", chain=trail.organisation_id, head="x")
    intruder("DELETE FROM audit_entries WHERE chain = :chain", chain=trail.organisation_id)
    expected = "entry number 1: it is missing, and all up to number 5, says the head of the chain."
    assert first_misfit(app) == f"Chain 42061, {expected}"


def test_a_chain_that_is_gone_whole_shows_in_what_was_exported(app: Flask, trail: Person, intruder: Intruder):
    audit_heads.advance()
    intruder("DELETE FROM audit_entries WHERE chain = 0")
    intruder("DELETE FROM audit_chains WHERE chain = 0")
    assert first_misfit(app) == "Chain none, entry number 1: it is missing, says what was exported of the chain."


def test_a_chain_of_no_organisation_is_named_by_its_number(app: Flask, trail: Person, intruder: Intruder):
    intruder("INSERT INTO audit_chains VALUES (4711, 1, 'x')")
    assert first_misfit(app).startswith("Chain 4711, which is no organisation, entry number 1: it is missing")


UNREADABLE = {
    "sqlite": [
        "details = '{'", "details = CAST(x'ff' AS TEXT)", "details = x'00ff'", "at = 'yesterday'", "at = 17",
        "event = CAST(x'ff41' AS TEXT)", "sequence = 'three'", "person_id = 'nobody'", "address = x'ff'",
        f"details = '{'[' * 100_000}'",
    ],
    "postgresql": ["at = 'infinity'", "details = '\"\\ud800\"'", "details = '1e999'"],
}  # fmt: skip


def test_what_cannot_even_be_read_names_its_entry(app: Flask, trail: Person, intruder: Intruder, databases: Databases):
    intruder("CREATE TABLE kept AS SELECT * FROM audit_entries")
    try:
        number = number_of(trail, 3)
        for change in UNREADABLE[databases.kind]:
            intruder(f"UPDATE audit_entries SET {change} WHERE id = :id", id=number)
            assert "Chain 42061, entry number 3" in first_misfit(app), change
            intruder("DELETE FROM audit_entries")
            intruder("INSERT INTO audit_entries SELECT * FROM kept")
            verify(app)
    finally:
        intruder("DROP TABLE kept")


def test_a_damaged_file_of_exported_heads_is_no_proof(app: Flask, trail: Person):
    audit_heads.advance()
    file = audit_heads.folder() / audit_heads.FILE
    for damage in (b"nonsense\n", b"\xff\n", b"0 x " + b"0" * 64 + b"\n"):
        file.write_bytes(damage)
        assert "audit-heads is damaged" in verify(app, expect=1).stderr


def test_a_database_without_tables_is_said_to_be_unreadable(app: Flask, intruder: Intruder):
    intruder("ALTER TABLE audit_chains RENAME TO elsewhere")
    try:
        assert "the database could not be read" in verify(app, expect=1).stderr
    finally:
        intruder("ALTER TABLE elsewhere RENAME TO audit_chains")


def test_nobody_who_writes_meanwhile_raises_a_false_alarm(app: Flask, organisation: Organisation, trail: Person):
    over, person_id = threading.Event(), trail.id

    def keep_writing() -> None:
        with app.app_context():
            while not over.is_set():
                with write():
                    audit.record("account:sign-in:failed", person=db.session.get_one(Person, person_id), failures=1)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    watch = audit_heads.Watch()
    try:
        for _ in range(40):
            watch.look()
            exported = audit_heads.read() or {}
            db.session.rollback()
            assert audit_verification.verify(exported).misfit is None
    finally:
        over.set()
        writer.join()
    assert len(entries(trail)) > ENTRIES_WRITTEN + 10


@pytest.fixture
def long_trail(employee: Person) -> int:
    """Twenty thousand entries in one chain."""
    before, rows, count = BEGINNING, [], 20_000
    for number in range(1, count + 1):
        rows.append(forged(employee, number, before))
        before = rows[-1]["hash"]
    with write():
        db.session.execute(insert(ENTRIES), rows)
        db.session.execute(insert(CHAINS).values(chain=employee.organisation_id, sequence=count, head=before))
    return count


def test_a_long_trail_is_read_a_piece_at_a_time(app: Flask, long_trail: int):
    db.session.remove()
    audit_verification.verify({})
    tracemalloc.start()
    try:
        verified = audit_verification.verify({})
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (verified.entries, verified.misfit) == (long_trail, None)
    assert most < 6_000_000, f"{most:,} bytes at once for {long_trail:,} entries"


def test_the_database_hands_the_rows_over_as_they_are_read(app: Flask, trail: Person, databases: Databases):
    """PostgreSQL sends a result whole, unless it is asked for by a cursor of its own."""
    cursors = []

    def listener(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM audit_entries" in statement:
            cursors.append(type(cursor).__name__)

    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        audit_verification.verify({})
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    assert cursors == ["Cursor" if databases.kind == "sqlite" else "ServerCursor"]


def test_the_order_of_the_chains_comes_from_an_index(app: Flask, trail: Person, databases: Databases):
    """A million entries are not sorted first."""
    if databases.kind == "sqlite":
        asked = text(f"EXPLAIN QUERY PLAN {audit_verification.IN_ORDER.compile(db.engine)}")
        assert "TEMP B-TREE" not in str(db.session.execute(asked).all())
