"""/recover: one page under three names, one answer whoever asks."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person, RecoveryRequest
from tests.factories import listing, person
from tests.support.client import CheckingClient
from tests.support.smtp import Mailbox
from tests.support.trail import events, mails


@pytest.mark.parametrize(
    ("need", "heading"),
    [
        ("password", "Forgotten password"),
        ("username", "Request your username"),
        ("unlock", "Unlock your account"),
        ("", "Get back into your account"),
        ("nonsense", "Get back into your account"),
    ],
)
def test_the_page_is_named_for_what_is_needed(client: CheckingClient, need: str, heading: str):
    page = client.get("/recover", query_string={"need": need}).page
    assert page.heading == heading
    assert {"identifier", "need"} <= page.form("/recover").names


@pytest.mark.parametrize(
    ("path", "target"),
    [("/login", "/sign-in"), ("/forgot", "/recover?need=password"), ("/unlock", "/recover?need=unlock")],
)
def test_what_people_type_leads_where_they_mean(client: CheckingClient, path: str, target: str):
    assert client.get(path, 303).location == target


def test_whoever_is_asked_for_gets_the_same_answer_and_the_same_row(client: CheckingClient, organisation: Organisation):
    for state in AccountState:
        person(organisation, f"Nomi {state.name.title()}", email=f"{state.value}@coe.example", state=state)
    names = [f"{state.value}@coe.example" for state in AccountState] + ["nobody@coe.example"]
    answers = set()
    for name in names:
        client.get("/recover?need=password")
        answer = client.submit("/recover", {"identifier": name})
        page = client.follow(answer).page
        text = re.sub(r'"X-CSRFToken": "[^"]*"', "", page.text)
        answers.add((answer.location, tuple(sorted(answer.headers.keys())), text))
    ((location, _, text),) = answers
    assert location == "/recover/sent?organisation=42061"
    assert "If we hold that address, an e-mail is on its way." in text
    rows = db.session.scalars(select(RecoveryRequest)).all()
    assert {(row.need, row.state, row.address) for row in rows} == {("password", "queued", "127.0.0.1")}
    assert (events(), mails()) == ([], [])


def test_the_typed_text_stands_in_no_address(client: CheckingClient):
    client.get("/recover?need=password")
    assert client.submit("/recover", {"identifier": "canary"}).location == "/recover/sent"


def test_the_answer_shows_the_listing_that_the_typed_text_points_to(client: CheckingClient, organisation: Organisation):
    listing(organisation, ("Access desk", "+44 1603 555 010", "desk@coe.example"))
    client.get("/recover?need=unlock")
    for typed in ("nobody@coe.example", "42061nobody9"):
        client.get("/recover?need=unlock")
        words = client.follow(client.submit("/recover", {"identifier": typed})).page.words
        assert "Access desk" in words
        assert "Contact your Local System Administrator." in words


@pytest.mark.parametrize("code", ["nonsense", "\0", "%", "x" * 3000])
def test_an_organisation_that_does_not_exist_changes_nothing_of_the_page(client: CheckingClient, code: str):
    page = client.get("/recover/sent", query_string={"organisation": code}).page
    assert page.heading == "Look at your e-mail"


@pytest.mark.parametrize("typed", ["", "x" * 255])
def test_what_cannot_be_a_name_is_pointed_out(client: CheckingClient, typed: str):
    client.get("/recover?need=password")
    page = client.submit("/recover", {"identifier": typed}, 422).page
    assert page.title.startswith("Error: ")
    assert page.heading == "Forgotten password"


@pytest.mark.parametrize("need", ["", "nonsense", "\0"])
def test_without_a_need_it_is_asked_for(client: CheckingClient, need: str):
    client.get("/recover")
    page = client.post("/recover", {"identifier": "nomi", "need": need}, 422).page
    assert page.text_at("need-error") == "Error: Choose what you need"


def test_control_characters_are_no_part_of_a_name(client: CheckingClient):
    client.get("/recover?need=password")
    client.submit("/recover", {"identifier": "no\0body\x1b"})
    assert db.session.scalars(select(RecoveryRequest.identifier)).all() == ["nobody"]


def test_a_mail_server_that_is_down_is_not_noticed(client: CheckingClient, mailbox: Mailbox, employee: Person):
    mailbox.down()
    client.get("/recover?need=password")
    assert client.submit("/recover", {"identifier": employee.primary_email}).location.startswith("/recover/sent")


def test_without_its_token_nothing_is_asked(app: Flask, client: CheckingClient):
    page = client.post("/recover", {"identifier": "nomi", "need": "unlock"}, 403, csrf=False).page
    assert "This page had been open for too long. Please send it once more" in page.words
    assert (page.heading, page.form("/recover").values["identifier"]) == ("Unlock your account", ["nomi"])
    assert db.session.scalars(select(RecoveryRequest)).all() == []
    assert client.submit("/recover").location == "/recover/sent"
