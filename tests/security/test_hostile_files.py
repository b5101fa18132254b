"""Files that are meant to hurt: refused within a moment, nothing kept, little memory, others served (ASVS 5.2)."""

import io
import resource
import time
import zipfile

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Organisation, Upload, UploadRow
from portal.services import people_tables
from tests.support.client import CheckingClient
from tests.support.peoples_files import csv_bytes, with_part, workbook_bytes

URL = "/organisations/42061/uploads"
SECONDS, MEGABYTES = 2.0, 100
GOOD = workbook_bytes([["first_name", "last_name"], ["Nia", "New"]])
SHEET = "xl/worksheets/sheet1.xml"
XML = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


def bomb() -> bytes:
    """Some megabytes that unpack into gigabytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with zipfile.ZipFile(io.BytesIO(GOOD)) as good:
            for part in good.namelist():
                if part != SHEET:
                    archive.writestr(part, good.read(part))
        with archive.open(SHEET, "w", force_zip64=True) as part:
            part.write(XML + b"<sheetData>")
            for _ in range(600):
                part.write(b"<row></row>" * 100_000)
    return held.getvalue()


def laughs() -> bytes:
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    return with_part(GOOD, SHEET, b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY l0 "ha">' + entities + b"]><w>&l9;</w>")


def far_out(cell: bytes) -> bytes:
    row = (
        b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="%s"><v>1</v></c></row></sheetData>' % cell
    )
    return with_part(GOOD, SHEET, XML + row + b"</worksheet>")


def with_dimension() -> bytes:
    """It says that it is huge, and is not."""
    sheet = zipfile.ZipFile(io.BytesIO(GOOD)).read(SHEET)
    start = sheet.index(b"<dimension")
    end = sheet.index(b"/>", start)
    return with_part(GOOD, SHEET, sheet[:start] + b'<dimension ref="A1:XFD1048576"' + sheet[end:])


def many_parts() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number in range(2000):
            archive.writestr(f"xl/x{number}.xml", b"<x/>")
    return held.getvalue()


HEAD = b"first_name,last_name\n"
HOSTILE = {
    "a bomb": (bomb, "unpacks into far more"),
    "entities": (laughs, "declares entities"),
    "a cell far out": (lambda: far_out(b"XFD1048576"), "far outside"),
    "a cell far below": (lambda: far_out(b"A1048576"), "far outside"),
    "parts without end": (many_parts, "parts"),
    "macros": (lambda: with_part(GOOD, "xl/vbaProject.bin", b"x"), "macros"),
    "a cut workbook": (lambda: GOOD[: len(GOOD) // 2], "damaged"),
    "an archive that is none": (lambda: b"PK\x03\x04" + b"x" * 1000, "damaged"),
    "another archive": (lambda: zipped({"a.txt": b"x"}), "no Excel workbook"),
    "a program": (lambda: b"MZ" + b"\x90" * 1000, "neither CSV nor"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + b"\0" * 1000, "old Excel file"),
    "a million columns": (lambda: b",".join([b"a"] * 1_000_000) + b"\n", "longer than"),
    "many columns": (lambda: b",".join([b"a"] * 500) + b"\n", "more than 100 columns"),
    "an open quote": (lambda: HEAD + b'"' + b"x\n" * 7_000_000, "not closed"),
    "a NUL": (lambda: HEAD + b"Nia,N\0ew\n", "NUL"),
    "UTF-16": (lambda: "first_name,last_name\nNia,New\n".encode("utf-16"), "UTF-16"),
    "old Mac lines": (lambda: b"first_name,last_name\rNia,New\r", "carriage return"),
    "nothing": (lambda: b"", "empty"),
    "blank lines": (lambda: b"\n\n\n", "empty"),
}  # fmt: skip


def zipped(parts: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return held.getvalue()


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_at_once_and_leaves_nothing(
    organisation: Organisation, local_admin_client: CheckingClient, kind: str
):
    make, said = HOSTILE[kind]
    content = make()
    assert len(content) < 20 * 1024 * 1024, "it would be refused for its size alone"
    local_admin_client.get(URL)
    peak, began = peak_megabytes(), time.monotonic()
    answer = local_admin_client.post(URL, {"file": (io.BytesIO(content), "people.xlsx")}, 422)  # type: ignore[dict-item]
    assert time.monotonic() - began < SECONDS
    assert peak_megabytes() - peak < MEGABYTES
    assert said in answer.page.text_at("file-error")
    assert db.session.scalars(select(Upload)).all() == db.session.scalars(select(UploadRow)).all() == []


def test_a_workbook_that_only_says_that_it_is_huge_is_read(organisation: Organisation):
    peak = peak_megabytes()
    assert [row.cells for row in people_tables.rows(io.BytesIO(with_dimension()))] == [
        ["first_name", "last_name"], ["Nia", "New"],
    ]  # fmt: skip
    assert peak_megabytes() - peak < MEGABYTES


def test_a_file_over_the_limit_is_refused_unread(app, organisation: Organisation, local_admin_client: CheckingClient):
    local_admin_client.get(URL)
    app.config["UPLOAD_BYTES"] = 1024 * 1024
    large = HEAD + b"Nia,New\n" * 200_000
    local_admin_client.post(URL, {"file": (io.BytesIO(large), "people.csv")}, 413)  # type: ignore[dict-item]
    assert db.session.scalars(select(Upload)).all() == []


def test_nobody_else_may_send_as_much_as_a_file(client: CheckingClient, organisation: Organisation):
    client.get("/sign-in")
    large = {"username": "x" * 400_000, "password": "y"}
    client.post("/sign-in", large, 413)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.csv", 'a"\r\nX-Evil: y.csv', "x" * 300 + ".csv", "a\u202evsc.exe", "\0.csv"]
)
def test_a_files_name_is_text_and_never_a_path_or_a_header(
    organisation: Organisation, local_admin_client: CheckingClient, name: str
):
    local_admin_client.get(URL)
    content = csv_bytes([{"first_name": "Nia", "last_name": "New"}])
    answer = local_admin_client.post(URL, {"file": (io.BytesIO(content), name)})  # type: ignore[dict-item]
    kept = db.session.scalars(select(Upload)).one()
    assert "/" not in kept.file_name
    assert kept.file_name.isprintable()
    assert len(kept.file_name) <= 200
    result = local_admin_client.get(f"{answer.location}/result.csv")
    assert result.headers["Content-Disposition"] == f"attachment; filename=upload-{kept.id}-result.csv"


def test_columns_that_are_no_fields_change_nothing(organisation: Organisation, local_admin_client: CheckingClient):
    """Mass assignment by a file (ASVS 15.3.3): what the form has no field for is left out, whatever it is called."""
    from portal.models import Person
    from portal.services import upload_steps

    extra = {"role": "central_administrator", "organisation_id": "2", "username": "king", "state": "active",
             "password_hash": "x", "is_contact": "1", "version": "99", "search_text": "slipped"}  # fmt: skip
    content = csv_bytes([{"first_name": "Nia", "last_name": "New", **extra}])
    local_admin_client.get(URL)
    answer = local_admin_client.post(URL, {"file": (io.BytesIO(content), "people.csv")})  # type: ignore[dict-item]
    url = str(answer.location)
    fields = {f"column-{number}": name for number, name in enumerate(["first_name", "last_name", *extra])}
    local_admin_client.post(f"{url}/columns", {**fields, "form": "people"})
    upload_steps.handle_due()
    local_admin_client.post(f"{url}/confirm")
    upload_steps.handle_due()
    nia = db.session.scalars(select(Person).where(Person.first_name == "Nia")).one()
    assert (nia.organisation_id, nia.account.username, nia.account.roles) == (organisation.id, None, [])
    assert (nia.account.state.value, nia.version, nia.is_contact) == ("not-registered", 1, False)
    assert "slipped" not in nia.search_text
