"""Organisation files: read and checked whole, then applied in batches (security of imports: ASVS 5.2, 2.3.3).

Each batch is a transaction of its own. An import that was killed is run again: what is there already is unchanged.
Parents and successors are linked at the end. The audit trail names the import in the transaction of its first batch,
and what it did in the last one.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from portal import transactions
from portal.domain.delimited_text import Damage
from portal.domain.organisation_files import FileFormat, LeftOutRow, OrganisationRow, RefusedRow, Row, rows
from portal.services import audit, organisation_batches
from portal.services.code_ledger import CodeLedger
from portal.services.organisation_batches import Outcome

BATCH_ROWS = 500
BATCH_BYTES = 1024 * 1024
MAX_ROWS = 2_000_000

Signature = tuple[int, int, int, int]


class Told(Protocol):
    """Who is told what became of each row, in the order of their lines within a batch."""

    def outcome(self, line: int, outcome: Outcome, reason: str = "") -> None:
        """A row was added, changed …; ``reason`` says why it was refused or left out."""

    def warning(self, line: int, text: str) -> None:
        """A row is applied, but somebody should look at it."""


@dataclass(frozen=True)
class CheckedFile:
    """A file that is whole: it was read to its end, and is the same as long as its signature is."""

    file: BinaryIO
    file_format: FileFormat
    rows: int
    signature: Signature
    codes: CodeLedger


def check(file: BinaryIO, file_format: FileFormat, codes: CodeLedger, advance: Callable[[int], None]) -> CheckedFile:
    """Read a file to its end and note its codes; ``advance`` is told the bytes read. Raises Damage."""
    signature = _signature(file)
    count = 0
    for batch in _batches(file, file_format):
        count += len(batch)
        if count > MAX_ROWS:
            raise Damage(batch[-1].line, f"more than {MAX_ROWS:,} rows")
        codes.enter((row.code.casefold(), row.line) for row in batch if isinstance(row, OrganisationRow))
        advance(sum(row.size for row in batch))
    return CheckedFile(file, file_format, count, signature, codes)


def apply(checked: CheckedFile, file_name: str, told: Told, advance: Callable[[int], None]) -> None:
    """Apply a checked file; ``advance`` is told the rows done. Raises Damage when the file changed meanwhile."""
    counts = dict.fromkeys(Outcome, 0)

    def apply_batch(batch: list[Row]) -> None:
        if not any(counts.values()):
            audit.record("organisations:import:begun", file=file_name, rows=checked.rows)
        for outcome in _tell(batch, checked.codes, told, organisation_batches.write):
            counts[outcome] += 1
        advance(len(batch))

    transactions.in_batches(_unchanged_batches(checked), apply_batch)
    transactions.in_batches(organisation_batches.not_linked_yet(), organisation_batches.link)
    with transactions.write():
        audit.record(
            "organisations:import:applied",
            file=file_name,
            added=counts[Outcome.ADDED],
            changed=counts[Outcome.CHANGED],
            closed=counts[Outcome.CLOSED],
            unchanged=counts[Outcome.UNCHANGED],
            refused=counts[Outcome.REFUSED],
        )


def compare(checked: CheckedFile, told: Told, advance: Callable[[int], None]) -> None:
    """Tell what applying would do; nothing is written. Raises Damage when the file changed meanwhile."""
    for batch in _unchanged_batches(checked):
        _tell(batch, checked.codes, told, organisation_batches.compare)
        transactions.look_again()
        advance(len(batch))


def _tell(
    batch: list[Row],
    codes: CodeLedger,
    told: Told,
    act: Callable[[list[OrganisationRow]], list[tuple[int, Outcome]]],
) -> list[Outcome]:
    fine = [row for row in batch if isinstance(row, OrganisationRow)]
    first_lines = codes.lines(row.code.casefold() for row in fine)
    taken = [row for row in fine if first_lines[row.code.casefold()] == row.line]
    outcomes = {line: (outcome, "") for line, outcome in act(taken)}
    for row in batch:
        if isinstance(row, RefusedRow):
            outcomes[row.line] = (Outcome.REFUSED, row.reason)
        elif isinstance(row, LeftOutRow):
            outcomes[row.line] = (Outcome.LEFT_OUT, row.reason)
        elif row.line not in outcomes:
            line = first_lines[row.code.casefold()]
            outcomes[row.line] = (Outcome.REFUSED, f"code: {row.code} stands on line {line} already")
    for row in batch:
        told.outcome(row.line, *outcomes[row.line])
    for line, text in _unknown_references(taken, codes):
        told.warning(line, text)
    return [outcome for outcome, _ in outcomes.values()]


def _unknown_references(batch: list[OrganisationRow], codes: CodeLedger) -> Iterator[tuple[int, str]]:
    """Parents and successors that neither the file nor the database has."""
    references = [
        (row, words, str(row.columns[column]))
        for row in batch
        for column, words in (("parent_code", "parent"), ("successor_code", "successor"))
        if row.columns.get(column)
    ]
    mentioned = {code.casefold() for _, _, code in references}
    unknown = organisation_batches.unknown_codes(mentioned - codes.lines(mentioned).keys())
    for row, words, code in references:
        if code.casefold() in unknown:
            yield row.line, f"{row.code}: its {words} {code} is not known; it is linked once it exists"


def _unchanged_batches(checked: CheckedFile) -> Iterator[list[Row]]:
    checked.file.seek(0)
    for batch in _batches(checked.file, checked.file_format):
        if _signature(checked.file) != checked.signature:
            raise Damage(batch[0].line, "the file was changed while it was being read")
        yield batch


def _batches(file: BinaryIO, file_format: FileFormat) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows(file, file_format):
        batch.append(row)
        size += row.size
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _signature(file: BinaryIO) -> Signature:
    facts = os.fstat(file.fileno())
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
