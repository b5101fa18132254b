"""A people file imported in one go, for the command line: checked whole, then applied in batches."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from portal import transactions
from portal.domain import upload_rows
from portal.domain.delimited_text import shown
from portal.domain.upload_rows import Fault
from portal.extensions import db
from portal.models import Organisation
from portal.services import audit, people_import, people_tables
from portal.services.people_import import REFUSED, VERDICTS, Given, Verdict
from portal.services.people_tables import TableRow

CHECKED_AT_ONCE, APPLIED_AT_ONCE = 500, 200


class NoSuchColumns(ValueError):  # noqa: N818 - an answer, not an error
    """The file has no column for these fields, without which it cannot be read."""

    def __init__(self, fields: list[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


@dataclass
class Done:
    """The numbers of the rows of each verdict, what was wrong with the refused ones, and columns that said nothing."""

    rows: dict[str, "array[int]"] = field(default_factory=lambda: {verdict: array("q") for verdict in VERDICTS})
    faults: list[tuple[int, list[Fault]]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def note(self, number: int, verdict: Verdict) -> None:
        """What became of a row, or would."""
        self.rows[verdict.verdict].append(number)
        if verdict.verdict == REFUSED:
            self.faults.append((number, verdict.faults))


def run(organisation: Organisation, file: BinaryIO, name: str, *, dry_run: bool, advance: Callable[[int], Any]) -> Done:
    """Import the file. Raises Damage and NoSuchColumns before anything is written; ``advance`` counts its steps."""
    organisation_id, table = organisation.id, _read(file)
    advance(1)
    done = Done(unknown=[shown(cell) for cell in upload_rows.unknown(table.head)])
    good = _check(organisation_id, table, done, dry_run)
    advance(1)
    if not dry_run:
        _apply(organisation_id, good, table, name, done)
        advance(1)
    done.faults.sort(key=lambda each: each[0])
    for verdict in VERDICTS:
        done.rows[verdict] = array("q", sorted(done.rows[verdict]))
    return done


@dataclass(frozen=True)
class _Table:
    """A file's head, the field of each column, what the file holds, and its rows."""

    head: list[str]
    columns: list[str]
    form: str
    rows: list[TableRow]


def _read(file: BinaryIO) -> _Table:
    found = people_tables.rows(file)
    head = next(found).cells
    columns = upload_rows.match(head)
    form = upload_rows.form_of(columns)
    missing = upload_rows.missing(columns, form) or upload_rows.repeated(columns)
    if missing:
        raise NoSuchColumns(missing)
    return _Table(head, columns, form, list(found))


def _check(organisation_id: int, table: _Table, done: Done, dry_run: bool) -> list[TableRow]:
    """Judge every row; answers those that are to be applied, and notes what becomes of the others."""
    before, good = _Before(), []
    for batch in _in_batches(table.rows, CHECKED_AT_ONCE):
        organisation = db.session.get_one(Organisation, organisation_id)
        for row, judged in zip(batch, _judged(organisation, batch, table), strict=True):
            verdict = before.unless_named(row.number, judged)
            wanted = verdict.verdict in (people_import.NEW, people_import.CHANGED)
            if wanted:
                good.append(row)
            if dry_run or not wanted:
                done.note(row.number, verdict)
        transactions.look_again()
        db.session.expunge_all()
    return good


def _in_batches(rows: list[TableRow], size: int) -> Iterable[list[TableRow]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _judged(organisation: Organisation, rows: list[TableRow], table: _Table) -> list[Verdict]:
    columns, form, width = table.columns, table.form, len(table.head)
    given = [upload_rows.by_field(columns, row.cells, form) for row in rows]
    found = people_import.known(organisation, given)
    return [
        people_import.judge(organisation, each, found, form, None)
        if len(row.cells) <= width
        else people_import.too_wide(len(row.cells), width)
        for row, each in zip(rows, given, strict=True)
    ]


def _apply(organisation_id: int, rows: list[TableRow], table: _Table, name: str, done: Done) -> None:
    columns, form = table.columns, table.form

    def apply_batch(batch: list[TableRow]) -> None:
        organisation = db.session.get_one(Organisation, organisation_id)
        given: list[Given] = [upload_rows.by_field(columns, row.cells, form) for row in batch]
        found = people_import.known(organisation, given)
        verdicts = [people_import.judge(organisation, each, found, form, None) for each in given]
        for row, verdict in zip(batch, people_import.apply(organisation, verdicts, None), strict=True):
            done.note(row.number, verdict)

    transactions.in_batches(iter(_in_batches(rows, APPLIED_AT_ONCE)), apply_batch)
    details: dict[str, Any] = {verdict: len(numbers) for verdict, numbers in done.rows.items()}
    with transactions.write():
        organisation = db.session.get_one(Organisation, organisation_id)
        audit.record("organisation:import:applied", organisation=organisation, file=name, **details)


class _Before:
    """The rows that are about a person, or add somebody with an address: a later row does neither once more."""

    def __init__(self) -> None:
        self.people: dict[int, int] = {}
        self.addresses: dict[str, int] = {}

    def unless_named(self, number: int, verdict: Verdict) -> Verdict:
        """The verdict, or the refusal that an earlier row says the same already."""
        if verdict.verdict == REFUSED:
            return verdict
        if verdict.person:
            return people_import.unless_said(verdict, self.people.setdefault(verdict.person.id, number), number)
        if verdict.address:
            return people_import.unless_said(verdict, self.addresses.setdefault(verdict.address, number), number)
        return verdict
