"""A person's history: everything that happened, the newest first, as sentences, whoever did it and from wherever."""

import pytest

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import activity, audit
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient

URL = "/organisations/42061/contacts"


@pytest.fixture
def katie(organisation: Organisation) -> Person:
    return factories.person(organisation, "Katie Contact", types=["benefit"], state=AccountState.LOCKED)


def lines(page) -> list[str]:
    return [" ".join("".join(row.itertext()).split()) for row in page.by_id("trail").iter("tr")][1:]


def test_what_happened_is_told_with_who_when_from_where_and_from_what_to_what(
    clock, katie: Person, local_admin_client: CheckingClient
):
    url = f"{URL}/{katie.ess_id}"
    local_admin_client.get(url)
    local_admin_client.submit(f"{url}/unlock")
    local_admin_client.get(url)
    local_admin_client.submit(url, {"job_title": "Head of Payroll"})
    said = lines(local_admin_client.get(f"{url}/history").page)
    assert len(said) == 2
    assert "Lena Administrator changed the record of Katie Contact: Job Title set to Head of Payroll" in said[0]
    assert (
        "Lena Administrator unlocked the account of Katie Contact; the unlock holds until 17/11/2026 09:00" in said[1]
    )
    assert all("16/11/2026 09:00" in line and "127.0.0.1" in line for line in said)
    panel = local_admin_client.get(url).page.text_at("history")
    assert "Job Title set to Head of Payroll" in panel


def test_it_is_narrowed_down_by_kind_in_place(katie: Person, local_admin_client: CheckingClient):
    url = f"{URL}/{katie.ess_id}"
    local_admin_client.post(f"{url}/unlock")
    local_admin_client.post(f"{url}/re-enrol")
    page = local_admin_client.assert_fragment_of_page(f"{url}/history?kind=lock")
    assert len(lines(page)) == 1
    assert "1 event" in page.words
    assert "Nothing of this kind" in local_admin_client.get(f"{url}/history?kind=role").page.words
    assert len(lines(local_admin_client.get(f"{url}/history?kind=nonsense&before=x").page)) == 2


def test_it_goes_on_where_the_page_ends(katie: Person, local_admin_client: CheckingClient):
    with write():
        for failures in range(1, activity.SIZE + 8):
            audit.record("account:sign-in:failed", person=katie, failures=failures)
    first = local_admin_client.get(f"{URL}/{katie.ess_id}/history?kind=sign-in").page
    assert len(lines(first)) == activity.SIZE
    older = local_admin_client.get(first.link("Older events")).page
    assert len(lines(older)) == 7
    assert "number 1 in a row" in lines(older)[-1]
    assert older.link("Newest events").endswith("/history?kind=sign-in")


def test_somebody_elsewhere_has_no_history_here(other_org_admin: Person, local_admin_client: CheckingClient):
    local_admin_client.get(f"{URL}/{other_org_admin.ess_id}/history", 404)
