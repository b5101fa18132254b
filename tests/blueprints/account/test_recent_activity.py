"""/account, "Recent activity": what happened lately on one's own account, in plain words."""

from typing import Any

from portal.models import Organisation, Person
from portal.services import audit
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.client import CheckingClient


def test_who_signed_in_finds_it_there_with_the_address(client: CheckingClient, employee: Person):
    client.get("/sign-in")
    wrong = {"username": employee.account.username, "password": "not this one"}
    client.submit("/sign-in", wrong, expect=422)
    client.submit("/sign-in", {**wrong, "password": PASSWORD}, expect=303)
    words = client.get("/account").page.words
    assert "Recent activity" in words
    newest, before = (
        words.index(said) for said in ("You signed in", "A wrong password was tried at your account: number 1 in a row")
    )
    assert newest < before, "the newest stands first"
    assert "127.0.0.1" in words


def test_only_what_happened_to_oneself_is_told(employee_client: CheckingClient, employee: Person, local_admin: Person):
    with write():
        audit.record("account:session:signed-out", person=local_admin, by=local_admin.account)
        audit.record("account:email:asked", person=employee, address="erin@new.example")
    words = employee_client.get("/account").page.words
    assert "Lena Administrator" not in words
    assert "You asked for the e-mail address erin@new.example, which is to be confirmed" in words


def test_whom_nothing_has_happened_to_is_told_that(as_person: Any, organisation: Organisation):
    page = as_person(person(organisation, "Nomi Contact")).get("/account").page
    assert "Nothing has happened yet." in page.words


def test_a_name_in_a_sentence_is_text_whatever_it_holds(as_person: Any, organisation: Organisation):
    name = '<img src=x onerror=alert(1)> " hx-get="//evil {{7*7}} %(actor)s'
    somebody, hostile = person(organisation, "Nomi Contact"), person(organisation, name, email="x@coe.example")
    browser = as_person(somebody)
    with write():
        audit.record(
            "person:record:changed", person=somebody, by=hostile.account, changes={"job_title": ["", f"{name} 100%"]}
        )
    page = browser.get("/account").page
    assert page.all("img", src="x") == []
    assert f"{name} changed your record: Job Title set to {name} 100%" in page.words
