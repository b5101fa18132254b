"""Moves that meet: administrators who act on each other, and an owner who signs in meanwhile, get no deadlock."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.domain.account_state import AccountState, MoveRefused
from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.services import accounts, sessions
from portal.transactions import write
from tests import factories
from tests.factories import Role, person
from tests.support.guesses import at_once, guess

ROUNDS = 12
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def administrator(organisation: Organisation, name: str) -> Person:
    made = person(organisation, name)
    factories.grant(made, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    return made


def acting(app: Flask, actor: Person, target: Person) -> Callable[[], int]:
    """Re-enrols and registers ``target`` again and again, signed in as ``actor``; answers how often that worked."""
    admitted = guess(app, actor.account.username)
    assert admitted is not None
    token, account_id = admitted.token, target.account.id

    def act() -> int:
        done = 0
        for _ in range(ROUNDS):
            with app.test_request_context("/", method="POST"):
                by = sessions.load(token)
                if by is None:
                    break
                try:
                    with write():
                        accounts.re_enrol(db.session.get_one(Account, account_id), by)
                    done += 1
                except MoveRefused:
                    pass
                finally:
                    db.session.rollback()
        return done

    return act


def test_an_administrator_who_acts_while_somebody_signs_in_as_them(app: Flask, organisation: Organisation):
    anna, erin = administrator(organisation, "Anna Admin"), person(organisation, "Erin Employee")
    username = anna.account.username

    def signs_in() -> int:
        return sum(guess(app, username) is not None for _ in range(ROUNDS))

    assert at_once([acting(app, anna, erin), signs_in]) == [ROUNDS, ROUNDS]


def test_two_who_act_on_people_while_they_are_acted_on(app: Flask, organisation: Organisation):
    """Each holds the account of the other, and writes an entry that names its own: neither waits in a circle."""
    anna, alma = administrator(organisation, "Anna Admin"), administrator(organisation, "Alma Admin")
    first, second = acting(app, anna, alma), acting(app, alma, anna)
    done = at_once([first, second])
    assert sum(done) >= 1, "whoever is re-enrolled is out, and the other goes on"
    assert AccountState.REGISTRATION_PENDING in {
        db.session.get_one(Account, who.account.id).state for who in (anna, alma)
    }
