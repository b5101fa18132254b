"""The public page of one organisation: whom to contact, what to try first, where to turn next."""

from typing import Any

import pytest
from flask import Flask

from portal.domain.account_state import AccountState
from tests.factories import listing, organisation, person
from tests.support.client import CheckingClient

URL = "/find-administrator"

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.usefixtures("clock")
def test_the_page_shows_what_is_published(client: CheckingClient):
    office = organisation(town="Riverbend", postcode="93901")
    listing(
        office, ("Help desk", "(831) 555-0142", "desk@coe.example"), message="Call us.\nWe never ask.", hours="9 to 5"
    )
    page = client.get(f"{URL}/42061").page
    assert page.heading.startswith("COUNTY OFFICE OF EDUCATION")
    for words in ("Call us.", "We never ask.", "Help desk", "9 to 5", "Details checked on 16 November 2026"):
        assert words in page.words
    assert page.link("(831) 555-0142") == "tel:8315550142"
    assert page.link("desk@coe.example") == "mailto:desk@coe.example"
    assert page.link("Choose a new password by e-mail") == "/recover?need=password"
    assert page.link("Unlock your account by e-mail") == "/recover?need=unlock"


def test_a_code_is_found_in_any_case_and_an_unknown_one_is_not(client: CheckingClient):
    organisation("Rx1", "One")
    for code in ("Rx1", "rx1", "RX1"):
        assert client.get(f"{URL}/{code}").page.heading.startswith("One")
    for code in ("RX2", "missing", "account-managers", "%25", "x" * 3000, "a%00b"):
        client.get(f"{URL}/{code}", 404)


def test_where_nothing_is_published_the_page_says_so(client: CheckingClient):
    organisation("RX1", "One")
    page = client.get(f"{URL}/RX1").page
    assert "This organisation has not published whom to contact yet." in page.words
    assert "Your manager, or the human resources office" in page.words


def test_a_closed_organisation_leads_to_its_successor_and_any_to_its_parent(client: CheckingClient):
    parent, successor = organisation("P1", "The Parent"), organisation("S1", "The Successor")
    organisation("C1", "Closed One", status="closed", successor_id=successor.id, parent_id=parent.id)
    organisation("C2", "Closed Two", status="closed")
    page = client.get(f"{URL}/C1").page
    assert "This organisation is closed" in page.words
    assert page.words.index("The Successor") < page.words.index("The Parent")
    assert page.link("The Parent") == f"{URL}/P1"
    assert "The contacts below may no longer answer." in client.get(f"{URL}/C2").page.words


def test_the_support_address_is_given_where_there_is_one(client: CheckingClient, app: Flask):
    organisation("RX1", "One")
    app.config["SUPPORT_EMAIL"] = "help@portal.example"
    assert "The portal's support:" in client.get(f"{URL}/RX1").page.words


def test_nothing_that_is_not_published_is_shown(client: CheckingClient):
    office = organisation()
    hidden: Any = person(office, "Bruno Contact", types=["admin"], state=AccountState.LOCKED)
    words = client.get(f"{URL}/42061").text
    for secret in ("Bruno", hidden.account.username, str(hidden.primary_email), "locked"):
        assert secret not in words


def test_markup_in_what_is_published_is_text(client: CheckingClient):
    office = organisation("RX1", "<b>Bold</b> Trust")
    listing(
        office,
        ("<i>Desk</i>", "<u>0113</u>", "x@y.example"),
        message='<script>alert(1)</script>" hx-get="//evil',
        hours="<s>",
    )
    page = client.get(f"{URL}/RX1").page
    for words in ("<b>Bold</b> Trust", "<i>Desk</i>", "<script>alert(1)</script>", "<s>"):
        assert words in page.words
    assert page.link("<u>0113</u>") == "tel:0113"
