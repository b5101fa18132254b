"""The contacts list as a file: everybody whom it shows, in its order, a few hundred people at a time."""

import csv
import io
from array import array
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.people_files import BETWEEN_TYPES, COLUMNS, DETAILS, YES, guarded
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.services import accounts, contact_list
from portal.services.contact_filters import Wanted

BATCH = 500
"""People in hand at a time."""

Cell = str | int | datetime | None
Row = list[Cell]

_OF_PERSON = tuple(name for name in DETAILS if name not in ("status", "types"))
_READ = (
    Person.id, Person.ess_id, Account.username, *(getattr(Person, name) for name in _OF_PERSON), Account.state,
    Person.sorted_types, Account.unlock_expires_at, Account.last_sign_in_at,
)  # fmt: skip


def rows(organisation: Organisation, wanted: Wanted, only: Collection[int] | None = None) -> Iterator[Row]:
    """A row for each person whom the list shows, or for those with the ESS IDs ``only``; the columns are COLUMNS."""
    numbers = array("q", contact_list.ids(organisation, wanted, only))
    for batch in _in_batches(numbers):
        people = select(*_READ).join(Account, Account.person_id == Person.id)
        found = {
            each[0]: each
            for each in db.session.execute(
                people.where(Person.id.in_(batch), Person.organisation_id == organisation.id)
            )
        }
        yield from (_row(found[number]) for number in batch if number in found)


def _in_batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH))


def _row(read: Any) -> Row:
    _id, ess_id, username, *details, state, types, unlock_expires_at, last_sign_in_at = read
    cells: Row = [YES if value is True else "" if value is False else value for value in details]
    status = "inactive" if state is AccountState.INACTIVE else "active"
    shown = (accounts.shown(state, unlock_expires_at) if state is AccountState.UNLOCK_PENDING else state).value
    held = types.replace(" ", BETWEEN_TYPES)
    return [ess_id, username or "", *cells, status, held, shown, last_sign_in_at]


def write_csv(file: BinaryIO, found: Iterator[Row]) -> None:
    """Into ``file`` as CSV (RFC 4180, UTF-8): no cell is taken for a formula, moments are in ISO 8601."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_as_text(cell) for cell in row] for row in found)
    text.flush()
    text.detach()


def _as_text(cell: Cell) -> str:
    if not cell:
        return ""
    if isinstance(cell, str):
        return cell if cell[0].isalnum() else guarded(cell)
    return cell.isoformat(timespec="seconds") if isinstance(cell, datetime) else str(cell)
