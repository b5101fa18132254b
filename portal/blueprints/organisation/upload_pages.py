"""An upload as its pages say it: its stage, its columns, and what each row would do, or has done."""

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, send_file, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.blueprints import navigation
from portal.blueprints.record_words import FIELDS, changes_text
from portal.domain import upload_rows
from portal.domain.delimited_text import Damage
from portal.domain.people_files import guarded
from portal.domain.upload_rows import FAULTS
from portal.filters import moment, number
from portal.models import Upload, UploadRow
from portal.permissions import held_fields
from portal.services import uploads
from portal.services.people_import import CHANGED, NEW, REFUSED, UNCHANGED, VERDICTS
from portal.services.uploads import ColumnsWrong

HELD_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Line:
    """An upload in the list of them."""

    name: str
    href: str
    at: str
    by: str
    stage: str


@dataclass(frozen=True)
class Row:
    """A row of the preview."""

    number: int
    name: str
    verdict: str
    said: str


@dataclass(frozen=True)
class Column:
    """A column of the file, and the field that it is taken for."""

    position: int
    heading: str
    field: str


@dataclass(frozen=True)
class UploadPage:
    """Everything that the page of one upload says."""

    upload: Upload
    heading: str
    stage: str
    counts: list[tuple[str, str, str, bool]]
    rows: list[Row]
    columns: list[Column]
    fields: list[tuple[str, str]]
    forms: list[tuple[str, str]]
    errors: list[str]
    confirm: str | None
    goes_on: bool
    works: bool
    page: int
    pages: int
    page_url: Callable[[int], str]
    url: Callable[[str], str]


def stage_words(upload: Upload) -> str:
    """What an upload waits for, or what became of it."""
    facts = {"done": number(upload.done), "total": number(upload.total)}
    if upload.state in ("failed", "dropped"):
        return _("Given up. Upload the file again.")
    return {
        "matching": _("Waits: say which column is which"),
        "checking": _("Being checked: %(done)s of %(total)s rows", **facts),
        "checked": _("Checked. Nothing has been changed yet: look at it, and confirm."),
        "applying": _("Being applied: %(done)s of %(total)s rows", **facts),
        "applied": _("Applied"),
        "discarded": _("Discarded: nothing was changed"),
    }[upload.stage]


def verdict_words(verdict: str, *, applied: bool) -> str:
    """What would become of a row, or has."""
    if applied:
        return {NEW: _("added"), CHANGED: _("changed"), UNCHANGED: _("unchanged"), REFUSED: _("refused")}[verdict]
    return {NEW: _("new"), CHANGED: _("changes"), UNCHANGED: _("unchanged"), REFUSED: _("refused")}[verdict]


def fault_words(fault: dict[str, Any]) -> str:
    """What is wrong with a row, in words."""
    label = fault["field"]
    facts = {"field": str(FIELDS.get(label, _("ESS ID") if label == "ess_id" else label)), **fault}
    facts["field"] = str(FIELDS.get(label, _("ESS ID") if label == "ess_id" else label))
    return str(_(FAULTS[fault["code"]]) % facts)


def damage_words(damage: Damage) -> str:
    """Why a whole file was refused."""
    return _(
        "The file was refused, and nothing was kept. Line %(line)s: %(reason)s", line=damage.line, reason=damage.reason
    )


def columns_words(wrong: ColumnsWrong) -> list[str]:
    """What is wrong with the columns."""
    said = [_("No column is %(field)s, which is needed", field=_label(name)) for name in wrong.missing]
    return said + [_("More than one column is %(field)s", field=_label(name)) for name in wrong.repeated]


def too_late() -> str:
    """Somebody pressed a button of an older page."""
    return _("That is not possible any more: this is how the upload stands now.")


def line(upload: Upload) -> Line:
    """An upload in the list of them."""
    return Line(
        name=upload.file_name,
        href=url_for("organisation.upload_page", code=upload.organisation.code, number=upload.id),
        at=moment(upload.created_at),
        by=upload.account.person.full_name if upload.account else "",
        stage=stage_words(upload),
    )


def breadcrumbs_to(upload: Upload) -> list[dict[str, str]]:
    """The way to an upload."""
    here = {"text": _("Mass upload"), "href": url_for("organisation.uploads", code=upload.organisation.code)}
    return [*navigation.breadcrumbs(upload.organisation), here]


def page_of(upload: Upload, verdict: str, page: int, errors: list[str]) -> UploadPage:
    """Everything that the page of one upload says."""
    names = {"": "upload_page", "columns": "match_columns", "confirm": "confirm_upload", "discard": "discard_upload",
             "progress": "upload_progress", "result": "upload_result"}  # fmt: skip
    here: dict[str, Any] = {"code": upload.organisation.code, "number": upload.id}

    def url(what: str) -> str:
        return url_for(f"organisation.{names[what]}", **here)

    shows_rows = upload.stage in ("checked", "applying", "applied")
    found = uploads.rows_of(upload, verdict, page)
    counts = uploads.counts(upload) if shows_rows else {}
    applied = upload.stage == "applied"
    wanted = counts.get(NEW, 0) + counts.get(CHANGED, 0)
    confirm = str(ngettext("Apply %(count)s row", "Apply %(count)s rows", wanted, count=number(wanted)))
    return UploadPage(
        upload=upload,
        heading=_("Upload of %(file)s", file=upload.file_name),
        stage=stage_words(upload),
        counts=[
            (
                verdict_words(each, applied=applied),
                number(counts[each]),
                url_for("organisation.upload_page", verdict=each, **here),
                each == verdict,
            )
            for each in VERDICTS
            if shows_rows
        ],
        rows=[_row(row) for row in found.rows if row.verdict] if shows_rows else [],
        columns=[Column(place, head, upload.columns[place]) for place, head in enumerate(upload.head)],
        fields=[("", _("leave this column out")), *((name, _label(name)) for name in upload_rows.FIELDS)],
        forms=[("people", _("People: every field of the record")), ("emails", _("E-mail addresses only"))],
        errors=errors,
        confirm=confirm if upload.stage == "checked" and wanted else None,
        goes_on=upload.stage == "checked" and held_fields(url("confirm")) is not None,
        works=upload.stage in ("checking", "applying") and upload.state == "queued",
        page=found.page,
        pages=found.pages if shows_rows else 1,
        page_url=lambda number: url_for("organisation.upload_page", verdict=verdict or None, page=number, **here),
        url=url,
    )


def _label(name: str) -> str:
    return str(FIELDS.get(name, _("ESS ID")))


def _row(row: UploadRow) -> Row:
    return Row(row.number, row.name, verdict_words(row.verdict, applied=row.applied), _said(row))


def _said(row: UploadRow) -> str:
    if "faults" in row.said:
        return "; ".join(fault_words(fault) for fault in row.said["faults"])
    return changes_text(row.said.get("changes", {}))


def result_file(upload: Upload) -> Response:
    """The file's rows again, each with its number, what became of it, and why."""
    held = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES)  # noqa: SIM115 - sending it closes it
    text = io.TextIOWrapper(held, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(["row", "result", "why", *(guarded(cell) for cell in upload.head)])
    for row in uploads.every_row(upload):
        verdict = verdict_words(row.verdict, applied=row.applied) if row.verdict else ""
        writer.writerow([row.number, verdict, guarded(_said(row)), *(guarded(cell) for cell in row.cells)])
    text.flush()
    text.detach()
    held.seek(0)
    name = f"upload-{upload.id}-result.csv"
    answer = send_file(held, "text/csv; charset=utf-8", as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer
