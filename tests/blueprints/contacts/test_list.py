"""The contacts list: columns, tabs, search, pages, and the address that says all of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page, elements, text_of

URL = "/organisations/42061/contacts"


def rows(page: Page) -> list[list[str]]:
    """The texts of the list's cells, without the headings that a phone shows."""
    found = []
    for row in (node for node in elements(page.by_id("contact-list")) if node.get("data-ess-id")):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        found.append([text_of(list(cell)[-1]) if len(cell) > 1 else (cell[0].tail or "").strip() for cell in cells])
    return found


def names(page: Page) -> list[str]:
    return [row[0] for row in rows(page)]


@pytest.fixture
def eleven(organisation: Organisation, local_admin: Person) -> list[Person]:
    """Eleven contacts with the administrator, and one person more who is none."""
    factories.person(organisation, "Zach Nobody")
    letters = "BCDEFGHIJK"
    return [factories.person(organisation, f"Person {letter}ontact", types=["payroll"]) for letter in letters]


def test_the_list_has_the_columns_that_its_users_know(organisation: Organisation, local_admin_client: CheckingClient):
    bruno = factories.person(
        organisation,
        "Bruno Contact",
        types=["admin", "account_receivable", "tpa"],
        state=AccountState.LOCKED,
        primary_phone="01603 555 0100",
    )
    page = local_admin_client.get(URL).page
    assert page.heading == "42061 COUNTY OFFICE OF EDUCATION"
    assert "Organisation Contact Maintenance" in page.title
    heads = [text_of(node) for node in page.all("th", scope="col")]
    assert heads == [
        "Full Name", "Status", "Email Address", "Contact Type", "Primary Phone Number", "Self Service Status",
        "Last Successful Login", "Next step",
    ]  # fmt: skip
    assert rows(page)[1] == [
        "Bruno Contact",
        "Active",
        "bruno.contact@coe.example",
        "Account Receivable Contact, Admin Contact, TPA Contact",
        "01603 555 0100",
        "Locked",
        "",
        "Unlock Bruno Contact",
    ]
    assert page.link("Bruno Contact") == f"{URL}/{bruno.ess_id}#chosen-contact"


def test_tabs_tell_contacts_from_all_people_and_count_both(eleven: list[Person], local_admin_client: CheckingClient):
    page = local_admin_client.get(URL).page
    assert "Zach Nobody" not in page.words
    assert page.link("All people (12)") == f"{URL}?tab=people"
    page = local_admin_client.get(f"{URL}?tab=people&page=2").page
    assert "Zach Nobody" in page.words
    assert page.link("Organisation contacts (11)") == URL


def test_pages_say_where_they_are(eleven: list[Person], local_admin_client: CheckingClient):
    page = local_admin_client.get(URL).page
    assert "Page 1 of 2 Results 1 - 10 of 11" in page.words
    assert len(rows(page)) == 10
    second = local_admin_client.get(page.link("2")).page
    assert "Page 2 of 2 Results 11 - 11 of 11" in second.words
    assert names(second) == ["Person Kontact"]
    assert names(local_admin_client.get(f"{URL}?page=9").page) == ["Person Kontact"]
    assert len(rows(local_admin_client.get(f"{URL}?size=25").page)) == 11


@pytest.mark.parametrize(
    "nonsense", ["size=7", "size=x", "page=x", "page=-1", "page=0", "page=²", "tab=all", "size=10000"]
)
def test_nonsense_in_the_address_is_as_if_it_were_not_there(
    eleven: list[Person], local_admin_client: CheckingClient, nonsense: str
):
    assert "Page 1 of 2 Results 1 - 10 of 11" in local_admin_client.get(f"{URL}?{nonsense}").page.words


def test_search_finds_by_name_and_address(eleven: list[Person], local_admin_client: CheckingClient):
    page = local_admin_client.get(f"{URL}?tab=people&q=nobody+ZACH").page
    assert names(page) == ["Zach Nobody"]
    assert page.form(URL).values["q"] == ["nobody ZACH"]
    assert names(local_admin_client.get(f"{URL}?q=person.kontact@coe.example").page) == ["Person Kontact"]
    empty = local_admin_client.get(f"{URL}?q=%3Cb%3Enobody").page
    assert "Nobody here matches “<b>nobody”" in empty.words
    assert "No results" in empty.words
    assert empty.link("Show everybody on this tab") == URL


@pytest.mark.parametrize("q", ["a%00b@coe.example", "%25", "_", "%F0%9F%99%82", "%22", "a" * 5000, "%ED%A0%80"])
def test_search_takes_anything(organisation: Organisation, local_admin_client: CheckingClient, q: str):
    assert not names(local_admin_client.get(f"{URL}?q={q}").page)


@pytest.mark.parametrize("q", ["", "+", "%00", "%0D%0A", "%09"])
def test_a_search_for_nothing_finds_everybody(organisation: Organisation, local_admin_client: CheckingClient, q: str):
    assert names(local_admin_client.get(f"{URL}?q={q}").page) == ["Lena Administrator"]


def test_searching_keeps_tab_and_size(eleven: list[Person], local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}?tab=people&size=25")
    page = local_admin_client.submit(URL, {"q": "person"}).page
    assert len(rows(page)) == 10
    assert page.link("All people (12)") == f"{URL}?tab=people&q=person&size=25"


def test_choosing_marks_the_row_and_keeps_the_list(eleven: list[Person], local_admin_client: CheckingClient):
    chosen = local_admin_client.get(f"{URL}/{eleven[9].ess_id}").page
    marked = chosen.one("tr", class_="app-row--chosen")
    assert marked.get("data-ess-id") == str(eleven[9].ess_id)
    assert "Page 2 of 2" in chosen.words, "the list opens at the chosen person's page"
    assert chosen.link("1") == f"{URL}/{eleven[9].ess_id}?page=1"


def test_somebody_whom_the_list_leaves_out_is_opened_and_not_marked(
    eleven: list[Person], employee: Person, local_admin_client: CheckingClient
):
    page = local_admin_client.get(f"{URL}/{employee.ess_id}?q=bontact").page
    assert not page.all("tr", class_="app-row--chosen")
    assert page.text_at("chosen-name").startswith("Erin Employee")


@pytest.mark.parametrize("path", ["", "?tab=people&q=person&size=25", "/new"])
def test_htmx_gets_a_part_of_the_page(eleven: list[Person], local_admin_client: CheckingClient, path: str):
    local_admin_client.assert_fragment_of_page(URL + path)


def test_an_organisation_without_people_says_so(central_admin_client: CheckingClient, other_organisation: Organisation):
    page = central_admin_client.get("/organisations/rx1/contacts").page
    assert "There are no people in this organisation yet." in page.words
    factories.person(other_organisation, "Erin Employee")
    assert "Nobody is a contact yet." in central_admin_client.get("/organisations/RX1/contacts").page.words


def test_a_search_that_finds_no_contact_says_who_else_it_finds(
    eleven: list[Person], local_admin_client: CheckingClient
):
    page = local_admin_client.get(f"{URL}?q=zach").page
    assert "Nobody here matches “zach”. 1 person under All people does" in page.words
    assert names(local_admin_client.get(page.link("1 person under All people does")).page) == ["Zach Nobody"]
    assert "under All people" not in local_admin_client.get(f"{URL}?q=nobody+at+all").page.words


def test_a_closed_organisation_says_so(organisation: Organisation, local_admin_client: CheckingClient):
    assert local_admin_client.get(URL).page.heading == "42061 COUNTY OFFICE OF EDUCATION"
    with write():
        organisation.status = "closed"
    assert local_admin_client.get(URL).page.heading == "42061 COUNTY OFFICE OF EDUCATION Closed"


def test_states_that_have_run_out_are_shown_as_such(
    clock, organisation: Organisation, local_admin_client: CheckingClient
):
    factories.person(organisation, "Anna Pending", types=["tpa"], state=AccountState.REGISTRATION_PENDING)
    factories.person(organisation, "Bea Unlocked", types=["tpa"], state=AccountState.UNLOCK_PENDING)

    def shown() -> tuple[str, str]:
        states = {row[0]: row[5] for row in rows(local_admin_client.get(URL).page)}
        return states["Anna Pending"], states["Bea Unlocked"]

    assert shown() == ("Registration pending", "Unlock pending")
    with write():
        for account in db.session.scalars(select(Account).where(Account.state != AccountState.ACTIVE)):
            account.temporary_password_expires_at = account.unlock_expires_at = the_clock.now() - timedelta(seconds=1)
    assert shown() == ("Registration expired", "Locked")


def test_another_organisation_is_not_there(other_organisation: Organisation, local_admin_client: CheckingClient):
    local_admin_client.get("/organisations/RX1/contacts", expect=404)
    local_admin_client.get("/organisations/NONE/contacts", expect=404)


def test_who_only_sees_has_no_new_button(local_admin: Person, regional_manager_client: CheckingClient):
    page = regional_manager_client.get(URL).page
    assert not page.has_id("new-contact")
    assert "You may look at these records." in page.words


def test_an_injected_name_stays_text(organisation: Organisation, local_admin_client: CheckingClient):
    factories.person(organisation, "<img src=x onerror=alert(1)> </td>\"'", email="a@b.example", types=["tpa"])
    page = local_admin_client.get(f"{URL}?q=%22%3E%3Cscript%3E").page
    assert not page.all("img")
    page = local_admin_client.get(URL).page
    assert "<img src=x onerror=alert(1)>" in page.words


def test_ten_rows_take_as_many_queries_as_a_hundred(organisation, local_admin_client, queries):
    for number in range(105):
        factories.person(organisation, f"Kit Contact{number}", types=["admin"], email=f"kit{number}@coe.example")
    address = "/organisations/42061/contacts?size="
    with queries() as ten:
        local_admin_client.get(f"{address}10")
    with queries() as hundred:
        local_admin_client.get(f"{address}100")
    assert len(hundred) == len(ten)
