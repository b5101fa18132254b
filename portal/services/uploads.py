"""Files of people: read into rows, matched, checked against the records, confirmed, and applied by the worker."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from sqlalchemy import delete, func, insert, select, update

from portal import clock
from portal.domain import upload_rows
from portal.domain.roles import Permission
from portal.errors import NotFound
from portal.extensions import db
from portal.models import Organisation, Upload, UploadRow
from portal.services import audit, organisations, people_tables, work
from portal.services.accounts import NotPermitted
from portal.services.origin import origin
from portal.services.people_import import VERDICTS
from portal.services.people_tables import TableRow
from portal.services.sessions import SignedIn
from portal.transactions import begin_write

SIZE = 50
PUT_AT_ONCE = 2000
FILE_NAME_LENGTH = 200


class WrongStage(Exception):  # noqa: N818 - an answer, not an error
    """The upload is past what was asked for, or not there yet."""


class ColumnsWrong(ValueError):  # noqa: N818
    """The columns are not matched as they must be: fields that are missing, or claimed twice."""

    def __init__(self, missing: list[str], repeated: list[str]) -> None:
        super().__init__("columns")
        self.missing = missing
        self.repeated = repeated


@dataclass(frozen=True)
class RowPage:
    """A page of an upload's rows with one verdict, or with any."""

    rows: Sequence[UploadRow]
    total: int
    page: int
    pages: int


def receive(organisation: Organisation, file: IO[bytes], name: str, form: str, by: SignedIn | None) -> Upload:
    """Read a file into rows; the worker checks them, once every column is known. ``by`` None: nobody's queue has it.

    ``form`` is upload_rows.PEOPLE or EMAILS, or empty: what the head says. Raises Damage, and nothing is kept then.
    """
    found = people_tables.rows(file)
    head = next(found).cells
    columns = upload_rows.match(head)
    form = form or upload_rows.form_of(columns)
    rows = list(found)
    begin_write()
    here, now = origin(), clock.now()
    unclear = upload_rows.missing(columns, form) or upload_rows.repeated(columns) or upload_rows.unknown(head)
    upload = Upload(
        organisation_id=organisation.id,
        account_id=by.account.id if by else None,
        form=form,
        file_name=_shown_name(name),
        head=[cell[:100] for cell in head],
        columns=columns,
        stage="matching" if unclear and by else "checking",
        state="done" if unclear or by is None else "queued",
        total=len(rows),
        address=here.address,
        zone=here.zone,
        created_at=now,
        due_at=now,
    )
    db.session.add(upload)
    db.session.flush()
    for batch in _batches(_as_rows(upload.id, rows), PUT_AT_ONCE):
        db.session.execute(insert(UploadRow), batch)
    return upload


def _shown_name(name: str) -> str:
    """The file's own name, as text and nothing else: it is never a path of ours (ASVS 5.3.2)."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(mark for mark in last if mark.isprintable())[:FILE_NAME_LENGTH] or "people"


def _as_rows(upload_id: int, rows: Iterable[TableRow]) -> Iterator[dict[str, object]]:
    for position, row in enumerate(rows):
        yield {"upload_id": upload_id, "position": position, "number": row.number, "cells": row.cells, "said": {}}


def _batches(rows: Iterator[dict[str, object]], size: int) -> Iterator[list[dict[str, object]]]:
    while batch := list(islice(rows, size)):
        yield batch


def get_for(actor: SignedIn, code: str, number: int) -> Upload:
    """The upload of this number in the organisation. Raises NotFound, Forbidden."""
    organisation = organisations.get_for(actor, code, Permission.KEEP_CONTACTS)
    found = db.session.get(Upload, number) if number < 2**31 else None
    if found is None or found.organisation_id != organisation.id:
        raise NotFound
    return found


def latest(organisation: Organisation, limit: int) -> list[Upload]:
    """The last uploads of the organisation, the newest first."""
    theirs = select(Upload).where(Upload.organisation_id == organisation.id, Upload.account_id.is_not(None))
    return list(db.session.scalars(theirs.order_by(Upload.id.desc()).limit(limit)))


def counts(upload: Upload) -> dict[str, int]:
    """How many rows there are of each verdict."""
    of_upload = select(UploadRow.verdict, func.count()).where(UploadRow.upload_id == upload.id)
    found = dict(db.session.execute(of_upload.group_by(UploadRow.verdict)).all())
    return {verdict: found.get(verdict, 0) for verdict in VERDICTS}


def rows_of(upload: Upload, verdict: str, page: int) -> RowPage:
    """A page of the rows, in the file's order."""
    theirs = [UploadRow.upload_id == upload.id]
    if verdict in VERDICTS:
        theirs.append(UploadRow.verdict == verdict)
    total = db.session.scalar(select(func.count()).select_from(UploadRow).where(*theirs)) or 0
    pages = max(-(-total // SIZE), 1)
    page = min(max(page, 1), pages)
    found = select(UploadRow).where(*theirs).order_by(UploadRow.position).limit(SIZE).offset((page - 1) * SIZE)
    return RowPage(db.session.scalars(found).all(), total, page, pages)


def every_row(upload: Upload) -> Iterator[UploadRow]:
    """All of the rows, in the file's order, a few hundred in hand at a time."""
    theirs = select(UploadRow).where(UploadRow.upload_id == upload.id).order_by(UploadRow.position)
    yield from db.session.scalars(theirs.execution_options(yield_per=500))


def match(upload: Upload, columns: Sequence[str], form: str) -> None:
    """Say which column is which field; the rows are then checked, from the first. Raises ColumnsWrong, WrongStage."""
    upload = _held(upload)
    if upload.stage not in ("matching", "checked"):
        raise WrongStage
    wanted = [name if name in upload_rows.FIELDS else "" for name in columns][: len(upload.head)]
    wrong = ColumnsWrong(upload_rows.missing(wanted, form), upload_rows.repeated(wanted))
    if wrong.missing or wrong.repeated:
        raise wrong
    upload.columns, upload.form, upload.stage, upload.done = wanted, form, "checking", 0
    forget: dict[str, Any] = {"verdict": "", "said": {}, "person_id": None, "address": "", "name": ""}
    db.session.execute(update(UploadRow).where(UploadRow.upload_id == upload.id).values(**forget))
    work.ask_again(upload)


def confirm(upload: Upload, by: SignedIn) -> None:
    """Have the rows applied. Raises WrongStage, NotPermitted."""
    upload = _held(upload)
    if upload.stage != "checked":
        raise WrongStage
    if not organisations.may(by, upload.organisation, Permission.KEEP_CONTACTS):
        raise NotPermitted
    upload.stage, upload.done = "applying", 0
    upload.account_id = by.account.id
    work.ask_again(upload)
    event = "organisation:upload:confirmed"
    details: dict[str, Any] = counts(upload)
    audit.record(event, organisation=upload.organisation, by=by.account, file=upload.file_name, **details)


def discard(upload: Upload) -> None:
    """Leave the records as they are, and forget the file's rows. Raises WrongStage once they are being applied."""
    upload = _held(upload)
    if upload.stage not in ("matching", "checking", "checked"):
        raise WrongStage
    upload.stage, upload.stopped_at = "discarded", clock.now()
    db.session.execute(delete(UploadRow).where(UploadRow.upload_id == upload.id))


def _held(upload: Upload) -> Upload:
    begin_write()
    return db.session.get_one(Upload, upload.id, populate_existing=True, with_for_update=True)
