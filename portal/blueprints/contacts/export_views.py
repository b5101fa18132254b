import re
import tempfile
from collections.abc import Callable
from typing import BinaryIO
from zoneinfo import ZoneInfo

from flask import Response, current_app, request, send_file
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user

from portal.blueprints.contacts import blueprint, screens
from portal.domain import people_files
from portal.domain.roles import Permission
from portal.models import Organisation
from portal.permissions import requires
from portal.services import contact_export, organisations, workbooks
from portal.transactions import look_again

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDTHS = {
    "ess_id": 9,
    "username": 22,
    "first_name": 18,
    "middle_name": 16,
    "last_name": 22,
    "primary_phone": 20,
    "secondary_phone": 20,
    "mobile_phone": 20,
    "primary_email": 36,
    "secondary_email": 36,
    "job_title": 28,
    "employee_number": 18,
    "types": 34,
    "state": 20,
    "last_sign_in": 18,
}
"""Characters that a column shows; the others are as wide as their names."""
DATE_FORMATS = {"en_US": "mm/dd/yyyy hh:mm AM/PM"}
HELD_BYTES = 1024 * 1024
MOST_CHOSEN = 100


@blueprint.get("/organisations/<code>/contacts.csv")
@requires(Permission.SEE_CONTACTS)
def export_csv(code: str) -> Response:
    return _file(code, "csv", "text/csv; charset=utf-8", lambda organisation, file: _write_csv(organisation, file))


@blueprint.get("/organisations/<code>/contacts.xlsx")
@requires(Permission.SEE_CONTACTS)
def export_excel(code: str) -> Response:
    return _file(code, "xlsx", EXCEL, lambda organisation, file: _write_excel(organisation, file))


def _write_csv(organisation: Organisation, file: BinaryIO) -> None:
    contact_export.write_csv(file, contact_export.rows(organisation, screens.wanted(), _chosen()))


def _write_excel(organisation: Organisation, file: BinaryIO) -> None:
    columns = {name: WIDTHS.get(name, len(name) + 3) for name in people_files.COLUMNS}
    workbooks.write(
        file,
        _("Contacts"),
        columns,
        contact_export.rows(organisation, screens.wanted(), _chosen()),
        zone=ZoneInfo(current_app.config["TIME_ZONE"]),
        date_format=DATE_FORMATS.get(str(get_locale()), "dd/mm/yyyy hh:mm"),
    )


def _chosen() -> list[int] | None:
    """The people whom the address names; where it names none, everybody whom the list shows."""
    if "only" not in request.args:
        return None
    return request.args.getlist("only", type=int)[:MOST_CHOSEN]


def _file(code: str, kind: str, mimetype: str, write: Callable[[Organisation, BinaryIO], None]) -> Response:
    """A download. It is written to disk before it is sent, so that nobody's slow line holds the database."""
    organisation = organisations.get_for(current_user, code, Permission.SEE_CONTACTS)
    file = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES)  # noqa: SIM115 - sending it closes it
    write(organisation, file)  # type: ignore[arg-type]
    look_again()
    length = file.tell()
    file.seek(0)
    name = f"contacts-{re.sub(r'[^A-Za-z0-9-]', '-', organisation.code)}.{kind}"
    answer = send_file(file, mimetype, as_attachment=True, download_name=name)
    answer.content_length = length
    answer.headers["Cache-Control"] = "no-store"
    return answer
