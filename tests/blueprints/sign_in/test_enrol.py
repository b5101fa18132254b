"""/enrol: choosing a password of one's own after a temporary one, and nothing else."""

from typing import Any

import pytest

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from portal.services import accounts, known_browsers
from portal.transactions import write
from tests.factories import TEMPORARY_PASSWORD, person
from tests.support.client import CheckingClient
from tests.support.trail import events

S = AccountState
NEW = "vivid otter kettle"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Thistlewick", state=S.REGISTRATION_PENDING)


@pytest.fixture
def enrolling(nomi: Person, as_person: Any) -> CheckingClient:
    browser: CheckingClient = as_person(nomi, kind="enrolment")
    return browser


def choose(browser: CheckingClient, password: str, again: str | None = None, expect: int = 303) -> Any:
    browser.get("/enrol")
    return browser.submit(
        "/enrol", {"password": password, "password_again": password if again is None else again}, expect
    )


def test_a_chosen_password_completes_the_registration_and_signs_in(enrolling: CheckingClient, nomi: Person):
    answer = choose(enrolling, NEW)
    assert enrolling.follow(enrolling.get(answer.location, 303)).page.heading == "My account"
    assert (nomi.account.state, nomi.account.enrolled) == (S.ACTIVE, True)
    assert events(nomi) == ["account:registration:completed"]


def test_the_browser_of_a_completed_registration_is_a_known_one(enrolling: CheckingClient, nomi: Person):
    choose(enrolling, NEW)
    shown = enrolling.get_cookie("known-browser", domain="127.0.0.1")
    assert shown is not None
    assert known_browsers.of(nomi.account, [shown.value]) is not None


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "Enter a password"),
        ("short one", "needs 12 characters or more"),
        ("x" * 129, "may have 128 characters at most"),
        ("password1234", "easy to guess"),
        ("Thistlewickthistlewick", "easy to guess"),
        ("COUNTY OFFICE OF EDUCATION", "easy to guess"),
        (TEMPORARY_PASSWORD, "not the temporary one"),
        ("4f7k 9qxd 2m8w", "not the temporary one"),
    ],
)
def test_what_is_refused_is_said_beside_the_field(enrolling: CheckingClient, nomi: Person, password: str, says: str):
    page = choose(enrolling, password, expect=422).page
    assert page.title.startswith("Error: ")
    assert says in page.words
    assert nomi.account.state is S.REGISTRATION_PENDING


def test_two_passwords_that_differ_are_refused(enrolling: CheckingClient):
    assert "The two passwords are not the same" in choose(enrolling, NEW, "vivid otter kettles", 422).page.words


@pytest.mark.parametrize("password", ["qvzj xkwp yfbg mhuq wxzj " * 5, "😀🦊🐙🌵🎈🚲🧀🔭🪁🍄🎻🧭", "a\tz q0 Ω≈ç√∫ ß"])
def test_long_and_unusual_passwords_are_welcome(enrolling: CheckingClient, nomi: Person, password: str):
    choose(enrolling, password[:128])
    assert nomi.account.state is S.ACTIVE


def test_an_enrolment_opens_no_other_page(enrolling: CheckingClient):
    assert enrolling.get("/account", 303).location == "/enrol"


def test_nobody_else_gets_there(client: CheckingClient, employee_client: CheckingClient):
    assert client.get("/enrol", 303).location == "/sign-in?next=/enrol"
    assert employee_client.get("/enrol", 303).location == "/"


def test_who_was_re_enrolled_meanwhile_completes_nothing(enrolling: CheckingClient, nomi: Person):
    enrolling.get("/enrol")
    with write():
        accounts.re_enrol(nomi.account, None)
    answer = enrolling.submit("/enrol", {"password": NEW, "password_again": NEW})
    assert answer.location.startswith("/sign-in")
    assert nomi.account.state is S.REGISTRATION_PENDING


def test_who_was_re_enrolled_while_the_password_was_hashed_completes_nothing(
    enrolling: CheckingClient, nomi: Person, monkeypatch: pytest.MonkeyPatch
):
    from portal.extensions import db
    from portal.models import Account
    from portal.services import passwords

    original, number = passwords.hash_of, nomi.account.id

    def meanwhile(text: str) -> str:
        monkeypatch.setattr(passwords, "hash_of", original)
        with write():
            accounts.re_enrol(db.session.get_one(Account, number), None)
        return original(text)

    enrolling.get("/enrol")
    monkeypatch.setattr(passwords, "hash_of", meanwhile)
    answer = enrolling.submit("/enrol", {"password": NEW, "password_again": NEW})
    assert answer.location == "/"
    assert (nomi.account.state, nomi.account.password_hash) == (S.REGISTRATION_PENDING, None)


def test_two_of_the_longest_passwords_fit_and_no_more_is_read(client: CheckingClient):
    longest = {"password": "😀" * 128, "password_again": "😀" * 128}
    client.get("/sign-in")
    pages = ("/enrol", "/recover/new-password", "/enrol/central-administrator")
    for path in ("/sign-in", "/recover", *pages, *(f"{page}/check" for page in pages)):
        assert client.ask("POST", path, longest).status_code != 413
        assert client.ask("POST", path, {"password": "x" * 4096}).status_code == 413
