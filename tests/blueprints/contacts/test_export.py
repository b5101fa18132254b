"""The contacts list as a file: the same people in the same order, in cells that a spreadsheet only reads."""

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest
import python_calamine

from portal.domain.account_state import AccountState
from portal.domain.people_files import COLUMNS
from tests import factories

CSV = "/organisations/42061/contacts.csv"
EXCEL = "/organisations/42061/contacts.xlsx"


@pytest.fixture
def office(organisation):
    """Three contacts and a colleague who is none."""
    factories.person(organisation, "Bruno Contact", types=["admin", "tpa"], state=AccountState.LOCKED)
    factories.person(
        organisation,
        "Zoë O'Brien",
        types=["payroll"],
        primary_phone="+44 1603 222222",
        employee_number="=1+1",
        account={"last_sign_in_at": datetime(2026, 7, 3, 9, 5, tzinfo=UTC)},
    )
    factories.person(organisation, "Nomi Colleague", state=AccountState.NOT_REGISTERED)
    return organisation


def read_csv(answer):
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


def read_sheet(answer):
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    head, *rows = book.get_sheet_by_index(0).to_python()
    return book, [dict(zip(head, row, strict=True)) for row in rows]


def test_the_file_holds_whom_the_list_shows_in_its_order(office, local_admin_client):
    rows = read_csv(local_admin_client.get(f"{CSV}?sort=-last_name"))
    assert [row["last_name"] for row in rows] == ["O'Brien", "Contact", "Administrator"]
    assert list(rows[0]) == list(COLUMNS)
    rows = read_csv(local_admin_client.get(f"{CSV}?tab=people&state=not-registered"))
    assert [(row["first_name"], row["state"], row["status"]) for row in rows] == [("Nomi", "not-registered", "active")]


def test_a_search_and_a_filter_hold_for_the_file_too(office, local_admin_client):
    assert [row["first_name"] for row in read_csv(local_admin_client.get(f"{CSV}?q=obrien"))] == ["Zoë"]
    assert [row["types"] for row in read_csv(local_admin_client.get(f"{CSV}?type=tpa"))] == ["admin;tpa"]


def test_an_account_is_said_to_be_what_the_list_says(office, local_admin_client):
    states = {row["last_name"]: row["state"] for row in read_csv(local_admin_client.get(CSV))}
    assert states == {"Administrator": "active", "Contact": "locked", "O'Brien": "active"}


def test_a_cell_that_looks_like_a_formula_is_kept_from_being_one(office, local_admin_client):
    (zoe,) = read_csv(local_admin_client.get(f"{CSV}?q=zoe"))
    assert (zoe["employee_number"], zoe["primary_phone"]) == ("'=1+1", "'+44 1603 222222")


def test_the_workbook_has_typed_cells_a_header_that_stays_and_a_filter(office, local_admin_client):
    answer = local_admin_client.get(f"{EXCEL}?sort=-last_sign_in")
    book, rows = read_sheet(answer)
    assert book.sheet_names == ["Contacts"]
    zoe = rows[0]
    assert zoe["last_sign_in"].isoformat() == "2026-07-03T10:05:00"  # the portal's time, not the server's
    assert isinstance(zoe["ess_id"], float | int)
    assert zoe["employee_number"] == "=1+1"
    assert zoe["primary_phone"] == "+44 1603 222222"
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet
    assert "<cols>" in sheet


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(office, local_admin_client):
    for number, name in enumerate(["=cmd|' /C calc'!A0", "@SUM(A1)", "-1+1", "+1", "http://evil.example/"]):
        factories.person(office, f"{name} Evil", email=f"evil{number}@coe.example", types=["admin"])
    answer = local_admin_client.get(EXCEL)
    _book, rows = read_sheet(answer)
    assert "=cmd|' /C calc'!A0" in {row["first_name"] for row in rows}
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as parts:
        everything = {name: parts.read(name).decode("utf-8", "replace") for name in parts.namelist()}
    assert all("<f>" not in text and "<hyperlink" not in text for text in everything.values())


def test_an_empty_list_is_a_file_with_its_header_alone(office, local_admin_client):
    assert read_csv(local_admin_client.get(f"{CSV}?q=nobody-at-all")) == []
    _book, rows = read_sheet(local_admin_client.get(f"{EXCEL}?q=nobody-at-all"))
    assert rows == []


def test_people_who_were_chosen_are_exported_alone(office, local_admin, local_admin_client):
    answer = local_admin_client.get(f"{CSV}?only={local_admin.ess_id}&only=999999")
    assert [row["ess_id"] for row in read_csv(answer)] == [str(local_admin.ess_id)]


@pytest.mark.parametrize("only", ["", "x", "99999999999999999999999", "-1"])
def test_who_names_nobody_that_there_is_gets_nobody(office, local_admin_client, only):
    assert read_csv(local_admin_client.get(f"{CSV}?only={only}")) == []


def test_the_file_is_a_download_with_a_plain_name(office, local_admin_client):
    answer = local_admin_client.get(EXCEL)
    assert answer.headers["Content-Disposition"] == "attachment; filename=contacts-42061.xlsx"
    assert answer.content_length == len(answer.get_data())


def test_a_person_of_another_organisation_is_in_no_file(office, other_org_admin, local_admin_client):
    answer = local_admin_client.get(f"{CSV}?tab=people&only={other_org_admin.ess_id}")
    assert read_csv(answer) == []
    assert "Elsewhere" not in local_admin_client.get(f"{CSV}?tab=people").get_data(as_text=True)


def test_the_page_leads_to_the_files_with_what_it_was_asked_for(office, local_admin_client):
    page = local_admin_client.get("/organisations/42061/contacts?tab=people&q=bruno&page=1").page
    assert page.link("Export to Excel") == f"{EXCEL}?tab=people&q=bruno"
    assert page.link("CSV export") == f"{CSV}?tab=people&q=bruno"


def test_the_file_takes_the_same_number_of_queries_for_few_and_for_many(office, local_admin_client, queries):
    factories.person(office, "Kim Contact", types=["admin"])
    with queries() as few:
        local_admin_client.get(CSV)
    for number in range(40):
        factories.person(office, f"Kit Contact{number}", types=["admin"], email=f"kit{number}@coe.example")
    with queries() as many:
        local_admin_client.get(CSV)
    assert len(many) == len(few)
