"""The organisation's activity: the same sentences over all its people, and nobody else's."""

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import activity, audit
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient

URL = "/organisations/42061/activity"


def rows(page) -> list[str]:
    return [" ".join("".join(row.itertext()).split()) for row in page.by_id("trail").iter("tr")][1:]


def test_it_tells_of_everybody_and_leads_to_them(
    organisation: Organisation, other_org_admin: Person, local_admin_client: CheckingClient
):
    katie = factories.person(organisation, "Katie Contact", state=AccountState.LOCKED)
    local_admin_client.post(f"/organisations/42061/contacts/{katie.ess_id}/unlock")
    with write():
        audit.record("account:session:signed-out", person=other_org_admin)
        audit.record("account:session:signed-out", person=katie)
    page = local_admin_client.get(URL).page
    said = rows(page)
    assert len(said) == 2
    assert "Katie Contact signed out" in said[0]
    assert page.link("Katie Contact").endswith(f"/contacts/{katie.ess_id}?tab=people")
    assert "2 events" in page.words


def test_a_kind_that_is_rare_is_found_among_many(organisation: Organisation, local_admin_client: CheckingClient):
    katie = factories.person(organisation, "Katie Contact", state=AccountState.NOT_REGISTERED)
    local_admin_client.post(f"/organisations/42061/contacts/{katie.ess_id}/register")
    with write():
        for failures in range(1, activity.SIZE + 3):
            audit.record("account:sign-in:failed", person=katie, failures=failures)
    page = local_admin_client.assert_fragment_of_page(f"{URL}?kind=registration")
    assert len(rows(page)) == 1
    first = local_admin_client.get(f"{URL}?kind=sign-in").page
    assert [len(rows(first)), len(rows(local_admin_client.get(first.link("Older events")).page))] == [activity.SIZE, 2]


def test_an_organisation_in_which_nothing_happened_says_so(
    organisation: Organisation, local_admin_client: CheckingClient
):
    assert "Nothing has happened yet." in local_admin_client.get(URL).page.words


def test_the_menu_leads_to_it(organisation: Organisation, local_admin_client: CheckingClient):
    assert local_admin_client.get("/account").page.link("Activity") == URL
