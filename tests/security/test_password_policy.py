"""Which passwords are taken and which are not, as somebody meets it who enrols and then signs in (NIST SP 800-63B-4
3.1.1.2; ASVS 6.2.1 to 6.2.12)."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.domain.account_state import AccountState
from portal.models import Organisation, Person
from tests.factories import person
from tests.support.client import CheckingClient
from tests.support.guesses import guess

UNGUESSABLE = "qvzjxkwpyfbgmhu" * 10
"""Letters in no order that a dictionary, a keyboard or a sequence knows."""


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Thistlewick", state=AccountState.REGISTRATION_PENDING)


@pytest.fixture
def enrolling(nomi: Person, as_person: Callable[..., Any]) -> CheckingClient:
    browser: CheckingClient = as_person(nomi, kind="enrolment")
    browser.get("/enrol")
    return browser


def choose(browser: CheckingClient, password: str, expect: int = 303) -> str:
    answer = browser.submit("/enrol", {"password": password, "password_again": password}, expect)
    return answer.page.words if answer.page else ""


@pytest.mark.parametrize("length", [12, 64, 128])
def test_from_twelve_characters_to_128_any_is_taken_and_opens(
    app: Flask, enrolling: CheckingClient, nomi: Person, length: int
):
    choose(enrolling, UNGUESSABLE[:length])
    assert guess(app, nomi.account.username, UNGUESSABLE[:length]) is not None


@pytest.mark.parametrize(("length", "why"), [(11, "needs 12 characters"), (129, "may have 128 characters at most")])
def test_one_character_less_or_more_is_refused(enrolling: CheckingClient, length: int, why: str):
    assert why in choose(enrolling, UNGUESSABLE[:length], 422)


def test_the_least_length_may_be_raised_to_what_nist_asks_of_a_single_factor(app: Flask, enrolling: CheckingClient):
    app.config["PASSWORD_MIN_LENGTH"] = 15
    assert "needs 15 characters" in choose(enrolling, UNGUESSABLE[:14], 422)
    choose(enrolling, UNGUESSABLE[:15])


def test_an_emoji_counts_as_one_character(app: Flask, enrolling: CheckingClient, nomi: Person):
    twelve = "🦊🐙🌵🎈🚲🧀🔭🪁🍄🎻🧭🛶"
    assert "needs 12 characters" in choose(enrolling, twelve[:11], 422)
    choose(enrolling, twelve)
    assert guess(app, nomi.account.username, twelve) is not None


@pytest.mark.parametrize("chosen", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_an_accent_is_the_same_on_every_keyboard(
    app: Flask, enrolling: CheckingClient, nomi: Person, chosen: Any, typed: Any
):
    password = "crème brûlée à minuit"
    choose(enrolling, unicodedata.normalize(chosen, password))
    assert guess(app, nomi.account.username, unicodedata.normalize(typed, password)) is not None


def test_the_two_boxes_may_be_filled_by_different_keyboards(enrolling: CheckingClient):
    forms = [unicodedata.normalize(form, "crème brûlée à minuit") for form in ("NFC", "NFD")]
    enrolling.submit("/enrol", dict(zip(("password", "password_again"), forms, strict=True)))


@pytest.mark.parametrize("place", [72, 99, 100, 127])
def test_every_character_matters_to_the_last(app: Flask, enrolling: CheckingClient, nomi: Person, place: int):
    chosen = UNGUESSABLE[:128]
    other = chosen[:place] + "0" + chosen[place + 1 :]
    choose(enrolling, chosen)
    assert guess(app, nomi.account.username, other) is None
    assert guess(app, nomi.account.username, chosen[:72]) is None
    assert guess(app, nomi.account.username, chosen) is not None


@pytest.mark.parametrize(
    "spaced", ["  vivid otter kettle", "vivid otter kettle  ", "vivid  otter  kettle", "vivid\totter kettle"]
)
def test_spaces_are_characters_like_others(app: Flask, enrolling: CheckingClient, nomi: Person, spaced: str):
    choose(enrolling, spaced)
    assert guess(app, nomi.account.username, " ".join(spaced.split())) is None
    assert guess(app, nomi.account.username, spaced) is not None


@pytest.mark.parametrize("kind", ["only small letters as such", "NURKAPITALEBUCHSTABENXQ", "8405 1937 2266 7159 03"])
def test_no_kind_of_character_is_asked_for(enrolling: CheckingClient, kind: str):
    choose(enrolling, kind)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaa",
        "password1234",
        "Passw0rd!Passw0rd!",
        "qwertyuiop[]",
        "COUNTY OFFICE OF EDUCATION",
        "countyofficeofeducation2026!",
        "xx COUNTY OFFICE OF EDUCATION xx",
        "42061nthistlewick1" * 2,
        "Nomi.Thistlewick.2026",
        "nomi.thistlewick@coe.example",
        "GatehouseGatehouse1",
    ],
)
def test_what_is_soon_guessed_is_refused_with_a_way_out(enrolling: CheckingClient, nomi: Person, password: str):
    words = choose(enrolling, password, 422)
    assert "easy to guess" in words
    assert "words that have nothing to do with you" in words.lower()
    assert "Suggest three words" in words
    assert nomi.account.state is AccountState.REGISTRATION_PENDING
