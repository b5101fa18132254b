"""The organisations that an administrator looks after, and the way from there to their contacts."""

from portal.models import Organisation, Region
from tests import factories
from tests.support.client import CheckingClient
from tests.support.html import Page


def codes(page: Page) -> list[str]:
    return [node.get("data-organisation-code") or "" for node in page.all("li") if node.get("data-organisation-code")]


def test_a_local_administrator_sees_the_own_organisation_alone(
    other_organisation: Organisation, local_admin_client: CheckingClient
):
    page = local_admin_client.get("/organisations").page
    assert codes(page) == ["42061"]
    assert page.link("42061 COUNTY OFFICE OF EDUCATION") == "/organisations/42061/contacts"


def test_a_regional_manager_sees_the_region(other_organisation: Organisation, regional_manager_client: CheckingClient):
    factories.organisation("FAR1", "FAR AWAY", region=factories.region("South"))
    factories.organisation("NOR1", "NO REGION")
    assert codes(regional_manager_client.get("/organisations").page) == ["42061", "RX1"]


def test_a_central_administrator_sees_all_in_pages(north_west: Region, central_admin_client: CheckingClient):
    for number in range(60):
        factories.organisation(f"T{number:02}", f"TRUST {number:02}", kind="Trust" if number else "School")
    page = central_admin_client.get("/organisations").page
    assert len(codes(page)) == 50
    assert "Page 1 of 2 Results 1 - 50 of 61" in page.words
    assert codes(central_admin_client.get(page.link("2")).page)[-1] == "T59"
    assert codes(central_admin_client.get("/organisations?q=trust+07").page) == ["T07"]
    assert codes(central_admin_client.get("/organisations?q=t08").page) == ["T08"]
    assert codes(central_admin_client.get("/organisations?kind=School").page) == ["T00"]
    assert codes(central_admin_client.submit("/organisations", {"q": "trust 00", "kind": "School"}).page) == ["T00"]
    assert codes(central_admin_client.get("/organisations?q=%25").page) == []
    assert codes(central_admin_client.get("/organisations?page=99").page)[-1] == "T59"
    assert len(codes(central_admin_client.get("/organisations?page=²&kind=nonsense").page)) == 50


def test_htmx_gets_the_results_alone(central_admin_client: CheckingClient):
    central_admin_client.assert_fragment_of_page("/organisations?q=central")


def test_the_organisation_leads_to_its_contacts(
    other_organisation: Organisation, local_admin_client: CheckingClient, other_org_admin_client: CheckingClient
):
    assert local_admin_client.get("/organisations/42061", expect=303).location == "/organisations/42061/contacts"
    other_org_admin_client.get("/organisations/42061", expect=404)
