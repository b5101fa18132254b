"""The worker's part of an upload: its rows checked against the records, and applied, in slices of batches.

Each batch is a transaction with its progress: whoever is killed goes on there.
"""

import time
from collections.abc import Sequence

from sqlalchemy import select

from portal.domain import upload_rows
from portal.domain.lockout import Zone
from portal.domain.roles import Permission
from portal.domain.upload_rows import Fault
from portal.extensions import db
from portal.models import Upload, UploadRow
from portal.services import organisations, people_import, sessions, work
from portal.services.origin import asked_from
from portal.services.people_import import CHANGED, NEW, REFUSED, Verdict
from portal.transactions import write

CHECKED_AT_ONCE, APPLIED_AT_ONCE = 200, 100
"""Rows of one transaction."""
SLICE_SECONDS = 1.0
MOST_ATTEMPTS = 50


def handle_due(limit: int = 100) -> int:
    """Do a slice of what is due; answers how many uploads were taken in hand."""
    return work.do_due(work.Duty(Upload, MOST_ATTEMPTS, do=_slice), limit)


def _slice(upload_id: int) -> None:
    deadline = time.monotonic() + SLICE_SECONDS
    while go_on(upload_id):
        if time.monotonic() >= deadline:
            raise work.GoOn


def go_on(upload_id: int) -> bool:
    """Check or apply the next rows; answers whether there are more."""
    with write():
        upload = db.session.get_one(Upload, upload_id, populate_existing=True, with_for_update=True)
        if upload.stage not in ("checking", "applying"):
            return False
        at_once = CHECKED_AT_ONCE if upload.stage == "checking" else APPLIED_AT_ONCE
        with asked_from(upload.address, Zone(upload.zone)):
            count = _check(upload, at_once) if upload.stage == "checking" else _apply(upload, at_once)
        upload.done += count
        if count < at_once:
            upload.stage = "checked" if upload.stage == "checking" else "applied"
    return count == at_once


def _check(upload: Upload, at_once: int) -> int:
    rows = _next(upload, at_once)
    by = sessions.on_behalf_of(upload.account) if upload.account else None
    given = [upload_rows.by_field(upload.columns, row.cells, upload.form) for row in rows]
    found = people_import.known(upload.organisation, given)
    verdicts = [
        people_import.judge(upload.organisation, each, found, upload.form, by)
        if len(row.cells) <= len(upload.head)
        else people_import.too_wide(len(row.cells), len(upload.head))
        for row, each in zip(rows, given, strict=True)
    ]
    before = _Before(upload, verdicts)
    for row, verdict in zip(rows, verdicts, strict=True):
        _write_down(row, before.unless_named(row, verdict))
    return len(rows)


class _Before:
    """The rows that are about a person, or add somebody with an address: a later row does neither once more."""

    def __init__(self, upload: Upload, verdicts: Sequence[Verdict]) -> None:
        people = {each.person.id for each in verdicts if each.person}
        addresses = {each.address for each in verdicts if each.address}
        good = (UploadRow.upload_id == upload.id, UploadRow.verdict.not_in(("", REFUSED)))
        of_people = select(UploadRow.person_id, UploadRow.number).where(*good, UploadRow.person_id.in_(people))
        of_new = select(UploadRow.address, UploadRow.number).where(*good, UploadRow.address.in_(addresses))
        self.people = dict(db.session.execute(of_people).all()) if people else {}
        self.addresses = dict(db.session.execute(of_new).all()) if addresses else {}

    def unless_named(self, row: UploadRow, verdict: Verdict) -> Verdict:
        """The verdict, or the refusal that an earlier row says the same already."""
        if verdict.verdict == REFUSED:
            return verdict
        if verdict.person:
            return people_import.unless_said(verdict, self.people.setdefault(verdict.person.id, row.number), row.number)
        if verdict.address:
            first = self.addresses.setdefault(verdict.address, row.number)
            return people_import.unless_said(verdict, first, row.number)
        return verdict


def _apply(upload: Upload, at_once: int) -> int:
    """Apply the next rows; what was refused in the preview stays so."""
    rows = _next(upload, at_once)
    wanted = [row for row in rows if row.verdict in (NEW, CHANGED) and not row.applied]
    by = sessions.on_behalf_of(upload.account) if upload.account else None
    if by is not None and not organisations.may(by, upload.organisation, Permission.KEEP_CONTACTS):
        for row in wanted:
            _write_down(row, Verdict(REFUSED, row.name, faults=[Fault("no-role")]))
        return len(rows)
    given = [upload_rows.by_field(upload.columns, row.cells, upload.form) for row in wanted]
    found = people_import.known(upload.organisation, given)
    verdicts = [people_import.judge(upload.organisation, each, found, upload.form, by) for each in given]
    for row, verdict in zip(wanted, people_import.apply(upload.organisation, verdicts, by), strict=True):
        _write_down(row, verdict)
        row.applied = True
    return len(rows)


def _next(upload: Upload, at_once: int) -> Sequence[UploadRow]:
    theirs = select(UploadRow).where(UploadRow.upload_id == upload.id, UploadRow.position >= upload.done)
    return db.session.scalars(theirs.order_by(UploadRow.position).limit(at_once)).all()


def _write_down(row: UploadRow, verdict: Verdict) -> None:
    row.verdict, row.name, row.said = verdict.verdict, verdict.name, verdict.said
    row.person_id = verdict.person.id if verdict.person else None
    row.address = verdict.address
