"""Mass upload: a file, its columns, a preview of what each row would do, and then doing it, by the worker."""

import csv
import io

import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import AuditEntry, Organisation, OutboxMessage, Person, Upload, UploadRow
from portal.services import upload_steps
from tests import factories
from tests.support.client import Answer, CheckingClient
from tests.support.peoples_files import csv_bytes, workbook_bytes

URL = "/organisations/42061/uploads"


def send(client: CheckingClient, content: bytes, name: str = "people.csv", expect: int = 303, **fields: str) -> Answer:
    client.get(URL)
    return client.post(URL, {**fields, "file": (io.BytesIO(content), name)}, expect)  # type: ignore[dict-item]


def checked(client: CheckingClient, content: bytes, name: str = "people.csv", **fields: str) -> str:
    """Send a file and let the worker check it; answers the address of its page."""
    answer = send(client, content, name, **fields)
    upload_steps.handle_due()
    return str(answer.location)


def rows(page) -> list[list[str]]:
    return [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in page.by_id("upload").iter("tr")][1:]


def said(client: CheckingClient, url: str) -> list[tuple[str, str, str]]:
    """Each row's number, verdict and what is said of it."""
    found = []
    for number, _name, verdict, words in rows(client.get(url).page):
        found.append(
            (number.removeprefix("Row "), verdict.removeprefix("Result "), words.removeprefix("What, or why").strip())
        )
    return found


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], job_title="Clerk", employee_number="E7")


def people() -> list[str]:
    return list(db.session.scalars(select(Person.first_name).order_by(Person.id)))


def test_the_preview_says_what_each_row_would_do_and_nothing_is_done_yet(
    katie: Person, local_admin: Person, local_admin_client: CheckingClient
):
    head = ("First Name", "LAST NAME", "primary_email", "job title", "types")
    content = csv_bytes([
        dict(zip(head, ("Nia", "New", "nia@coe.example", "", "admin;tpa"), strict=True)),
        dict(zip(head, ("Katie", "Contact", "Katie.Contact@coe.example", "Head", "benefit"), strict=True)),
        dict(zip(head, ("Lena", "Administrator", "lena.administrator@coe.example", "", "Admin Contact"), strict=True)),
        dict(zip(head, ("", "Nobody", "no address", "", "king"), strict=True)),
    ])  # fmt: skip
    before = people()
    url = checked(local_admin_client, content)
    page = local_admin_client.get(url).page
    assert "Nothing has been changed yet" in page.words
    assert said(local_admin_client, url) == [
        ("2", "new", ""),
        ("3", "changes", "Primary Email Address from katie.contact@coe.example to Katie.Contact@coe.example; "
                         "Job Title from Clerk to Head"),
        ("4", "unchanged", ""),
        ("5", "refused", "Primary Email Address: “no address” is no e-mail address; Contact Types: “king” is none of "
                         "the choices; First Name: this must be there"),
    ]  # fmt: skip
    assert people() == before


def test_once_confirmed_the_worker_applies_it_and_says_what_became_of_each_row(
    katie: Person, local_admin: Person, local_admin_client: CheckingClient
):
    head = ("first_name", "last_name", "primary_email", "job_title")
    content = csv_bytes([
        dict(zip(head, ("Nia", "New", "nia@coe.example", ""), strict=True)),
        dict(zip(head, ("Katie", "Contact", "katie.contact@coe.example", "Head"), strict=True)),
        dict(zip(head, ("", "Nobody", "", ""), strict=True)),
    ])  # fmt: skip
    url = checked(local_admin_client, content)
    local_admin_client.get(url)
    local_admin_client.submit(f"{url}/confirm")
    assert 'value="0"' in local_admin_client.get(f"{url}/progress", htmx=True).text
    upload_steps.handle_due()
    page = local_admin_client.get(url).page
    assert page.by_id("upload").get("data-stage") == "applied"
    nia = db.session.scalars(select(Person).where(Person.first_name == "Nia")).one()
    assert (nia.organisation_id, nia.account.state) == (katie.organisation_id, AccountState.NOT_REGISTERED)
    assert katie.job_title == "Head"
    result = local_admin_client.get(f"{url}/result.csv")
    found = list(csv.DictReader(io.StringIO(result.text, newline="")))
    assert [(row["row"], row["result"]) for row in found] == [("2", "added"), ("3", "changed"), ("4", "refused")]
    events = db.session.scalars(select(AuditEntry).where(AuditEntry.chain == katie.organisation_id)).all()
    made = {(entry.event, entry.actor_account_id) for entry in events}
    assert made == {
        (event, local_admin.account.id)
        for event in ("organisation:upload:confirmed", "person:record:created", "person:record:changed")
    }


def test_a_changed_address_tells_the_old_one(katie: Person, local_admin_client: CheckingClient):
    row = {
        "ess_id": str(katie.ess_id),
        "first_name": "Katie",
        "last_name": "Contact",
        "primary_email": "kc@coe.example",
    }
    url = checked(local_admin_client, csv_bytes([row]))
    local_admin_client.post(f"{url}/confirm")
    upload_steps.handle_due()
    mails = db.session.scalars(select(OutboxMessage)).all()
    assert {(row.kind, row.recipient) for row in mails} == {
        ("email-changed", "kc@coe.example"), ("email-changed", "katie.contact@coe.example"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8"), (";", "cp1252")]
)
def test_it_reads_what_spreadsheets_write(
    local_admin_client: CheckingClient, organisation: Organisation, delimiter: str, encoding: str
):
    content = csv_bytes(
        [{"first_name": "Zoë", "last_name": "O’Brien" if encoding == "cp1252" else "Ødegård", "job_title": "'=1+1"}],
        delimiter=delimiter, encoding=encoding,
    )  # fmt: skip
    url = checked(local_admin_client, content)
    local_admin_client.post(f"{url}/confirm")
    upload_steps.handle_due()
    zoe = db.session.scalars(select(Person).where(Person.first_name == "Zoë")).one()
    assert zoe.job_title == "=1+1"


def test_a_workbook_keeps_its_row_numbers_and_types(organisation: Organisation, local_admin_client: CheckingClient):
    content = workbook_bytes([
        ["First name", "Last name", "Employee number", "Has no email"],
        [],
        ["Nia", "New", 4711, True],
        ["Bo", "Li", "=x", ""],
    ])  # fmt: skip
    url = checked(local_admin_client, content, "people.xlsx")
    assert [row[:2] for row in said(local_admin_client, url)] == [("3", "new"), ("4", "new")]
    local_admin_client.post(f"{url}/confirm")
    upload_steps.handle_due()
    nia = db.session.scalars(select(Person).where(Person.first_name == "Nia")).one()
    assert (nia.employee_number, nia.has_no_email) == ("4711", True)


def test_columns_of_other_names_are_matched_by_hand(organisation: Organisation, local_admin_client: CheckingClient):
    content = csv_bytes([{"Vorname": "Nia", "Nachname": "New", "Mail": "nia@coe.example", "Schuhgröße": "38"}])
    answer = send(local_admin_client, content)
    url = str(answer.location)
    page = local_admin_client.get(url).page
    assert page.by_id("upload").get("data-stage") == "matching"
    fields = {"column-0": "first_name", "column-2": "primary_email", "form": "people"}
    page = local_admin_client.submit(f"{url}/columns", fields, 422).page
    assert "No column is Last Name, which is needed" in page.words
    local_admin_client.submit(f"{url}/columns", {**fields, "column-1": "first_name"}, 422)
    local_admin_client.submit(f"{url}/columns", {**fields, "column-1": "last_name"})
    upload_steps.handle_due()
    assert said(local_admin_client, url) == [("2", "new", "")]


def test_whom_a_row_means(organisation: Organisation, katie: Person, local_admin_client: CheckingClient):
    for name in ("Ann Shared", "Bob Shared"):
        factories.person(organisation, name, email="shared@coe.example")
    named = {"first_name": "A", "last_name": "B"}
    content = csv_bytes([
        {"ess_id": "999999", **named, "primary_email": ""},
        {"ess_id": "x", **named, "primary_email": ""},
        {"ess_id": "", **named, "primary_email": "shared@coe.example"},
        {"ess_id": str(katie.ess_id), **named, "primary_email": "kc@coe.example"},
        {"ess_id": "", **named, "primary_email": "KATIE.CONTACT@coe.example"},
        {"ess_id": "", **named, "primary_email": "new@coe.example"},
        {"ess_id": "", **named, "primary_email": "NEW@coe.example"},
    ])  # fmt: skip
    url = checked(local_admin_client, content)
    assert [row[1:] for row in said(local_admin_client, url)] == [
        ("refused", "ESS ID: nobody here has 999999"),
        ("refused", "ESS ID: “x” is no whole number"),
        ("refused", "Primary Email Address: several people here have shared@coe.example, so it does not say who is "
                    "meant"),
        ("changes", "First Name from Katie to A; Last Name from Contact to B; Primary Email Address from "
                    "katie.contact@coe.example to kc@coe.example"),
        ("refused", "Row 5 is about the same person"),
        ("new", ""),
        ("refused", "Row 7 adds somebody with the same e-mail address"),
    ]  # fmt: skip


def test_the_narrow_form_changes_addresses_and_nothing_else(katie: Person, local_admin_client: CheckingClient):
    content = csv_bytes([
        {"employee_number": "E7", "primary_email": "kc@coe.example", "email_is_temporary": "yes", "job_title": "King"},
        {"employee_number": "E8", "primary_email": "x@coe.example", "email_is_temporary": "", "job_title": ""},
    ])  # fmt: skip
    url = checked(local_admin_client, content)
    assert [row[1] for row in said(local_admin_client, url)] == ["changes", "refused"]
    local_admin_client.post(f"{url}/confirm")
    upload_steps.handle_due()
    assert (katie.primary_email, katie.email_is_temporary, katie.job_title) == ("kc@coe.example", True, "Clerk")


def test_what_the_uploader_may_not_do_is_refused_row_by_row(
    organisation: Organisation, local_admin: Person, central_admin: Person, local_admin_client: CheckingClient
):
    above = factories.person(organisation, "Rosa Manager")
    factories.grant(above, Role.CENTRAL_ADMINISTRATOR)
    content = csv_bytes([
        {"ess_id": str(local_admin.ess_id), "first_name": "Lena", "last_name": "Administrator", "status": "inactive"},
        {"ess_id": str(above.ess_id), "first_name": "Rosa", "last_name": "Moved", "status": "active"},
    ])  # fmt: skip
    url = checked(local_admin_client, content)
    assert [row[1:] for row in said(local_admin_client, url)] == [
        ("refused", "Your own e-mail address and status are not changed here"),
        ("refused", "This account holds a higher role than yours"),
    ]


def test_the_last_administrator_stays(local_admin: Person, as_person, central_admin: Person):
    row = {"ess_id": str(local_admin.ess_id), "first_name": "Lena", "last_name": "Administrator", "status": "inactive"}
    client = as_person(central_admin)
    url = checked(client, csv_bytes([row]))
    assert said(client, url)[0][1:] == ("refused", "Nobody would be left who administers the organisation")


def test_an_export_comes_back_without_a_change(organisation: Organisation, local_admin_client: CheckingClient):
    factories.person(organisation, "=Zoë O'Brien", types=["tpa", "admin"], primary_phone="+44 20 7946 0958",
                     employee_number="@7", job_title="'-", smartcard_linked=True)  # fmt: skip
    factories.person(organisation, "Harold Finchley", state=AccountState.INACTIVE, email="", has_no_email=True)
    for kind in ("csv", "xlsx"):
        exported = local_admin_client.get(f"/organisations/42061/contacts.{kind}?tab=people").get_data()
        url = checked(local_admin_client, exported, f"contacts.{kind}")
        assert {row[1] for row in said(local_admin_client, url)} == {"unchanged"}


def test_a_discarded_upload_changes_nothing_and_is_not_confirmed_any_more(
    organisation: Organisation, local_admin_client: CheckingClient
):
    url = checked(local_admin_client, csv_bytes([{"first_name": "Nia", "last_name": "New"}]))
    local_admin_client.post(f"{url}/discard")
    local_admin_client.post(f"{url}/confirm", expect=409)
    local_admin_client.post(f"{url}/columns", expect=409)
    upload_steps.handle_due()
    assert "Nia" not in people()


def test_no_file_and_a_damaged_one_are_said_beside_the_field(
    organisation: Organisation, local_admin_client: CheckingClient
):
    local_admin_client.get(URL)
    assert "Choose a file" in local_admin_client.post(URL, {}, 422).page.words
    page = send(local_admin_client, b'first_name,last_name\n"Nia,New\n', expect=422).page
    assert "Line 2: a quote that opens here is not closed" in page.text_at("file-error")
    assert db.session.scalars(select(Upload)).all() == []


def test_another_organisations_upload_is_not_there(
    organisation: Organisation, other_org_admin: Person, local_admin_client: CheckingClient, as_person
):
    url = checked(local_admin_client, csv_bytes([{"first_name": "Nia", "last_name": "New"}]))
    theirs = as_person(other_org_admin)
    for path in (url, url.replace("42061", "RX1")):
        theirs.get(path, 404)
        theirs.get(f"{path}/result.csv", 404)
        theirs.post(f"{path}/confirm", expect=404)


def test_who_lost_the_role_before_it_was_applied_changes_nothing(
    organisation: Organisation, local_admin: Person, local_admin_client: CheckingClient
):
    from portal import clock
    from portal.transactions import write

    url = checked(local_admin_client, csv_bytes([{"first_name": "Nia", "last_name": "New"}]))
    local_admin_client.post(f"{url}/confirm")
    with write():
        for grant in local_admin.account.roles:
            grant.ended_at = clock.now()
    upload_steps.handle_due()
    assert "Nia" not in people()
    (row,) = db.session.scalars(select(UploadRow)).all()
    assert (row.verdict, row.said["faults"][0]["code"]) == ("refused", "no-role")
