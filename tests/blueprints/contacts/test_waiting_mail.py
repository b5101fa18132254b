"""While mail waits, administrators read on each of their pages since when, and nobody else does."""

from datetime import timedelta

import pytest

from portal.models import Organisation, Person
from portal.services import outbox
from portal.transactions import write
from tests.support.client import CheckingClient
from tests.support.html import text_of

URL = "/organisations/42061/contacts"
SAYS = "E-mail has been waiting since 16/11/2026 09:00"


@pytest.fixture
def waiting(clock, employee: Person) -> None:
    """Mail that was asked for at nine, and six minutes in which none left."""
    with write():
        outbox.queue("username-reminder", account=employee.account, usernames=["erin"])
    clock.shift(timedelta(minutes=6))


def warnings(client: CheckingClient, url: str) -> list[str]:
    page = client.get(url).page
    return [text_of(node) for node in page.all("div") if "app-notice--warning" in node.get("class", "")]


@pytest.mark.parametrize("url", [URL, "/organisations", f"{URL}/new"])
def test_an_administrator_reads_since_when(waiting: None, local_admin_client: CheckingClient, url: str):
    (said,) = warnings(local_admin_client, url)
    assert said.startswith(SAYS)
    assert "It is not lost" in said


def test_every_kind_of_administrator_reads_it(
    waiting: None, regional_manager_client: CheckingClient, central_admin_client: CheckingClient
):
    for client in (regional_manager_client, central_admin_client):
        assert len(warnings(client, "/organisations")) == 1


def test_others_do_not(
    waiting: None, employee_client: CheckingClient, reset_operator_client: CheckingClient, client: CheckingClient
):
    assert warnings(employee_client, "/account") == warnings(reset_operator_client, "/account") == []
    for url in ("/sign-in", "/find-administrator", "/recover?need=password"):
        assert warnings(client, url) == []


def test_it_goes_once_mail_leaves(clock, waiting: None, local_admin_client: CheckingClient):
    outbox.deliver_due()
    assert warnings(local_admin_client, URL) == []


def test_nothing_is_said_while_mail_flows(clock, organisation: Organisation, local_admin_client: CheckingClient):
    assert warnings(local_admin_client, URL) == []
