"""The people that tests are made of are what the product itself would have made: they can do what people do."""

import pytest

from portal.domain.account_state import AccountState
from tests import factories, people


@pytest.mark.parametrize("name", [name for name in people.NAMES if name != "stranger"])
def test_each_named_person_signs_in_with_their_password(name: str, request: pytest.FixtureRequest, client):
    somebody = request.getfixturevalue(name)
    client.get("/sign-in")
    client.submit("/sign-in", {"username": somebody.account.username, "password": factories.PASSWORD}, expect=303)
    assert client.is_signed_in()
    assert somebody.account.sign_ins == 1


def test_a_pending_person_signs_in_with_the_temporary_password(organisation, client):
    pending = factories.person(organisation, state=AccountState.REGISTRATION_PENDING)
    client.get("/sign-in")
    fields = {"username": pending.account.username, "password": factories.TEMPORARY_PASSWORD}
    assert client.submit("/sign-in", fields, expect=303).location == "/enrol"


@pytest.mark.parametrize("state", list(AccountState))
def test_a_person_in_each_state_is_shown_in_that_state(organisation, state: AccountState):
    from portal.services import accounts

    assert accounts.shown_state(factories.person(organisation, state=state).account) is state


@pytest.mark.parametrize(
    "state",
    [AccountState.NOT_REGISTERED, AccountState.LOCKED, AccountState.INACTIVE, AccountState.REGISTRATION_PENDING],
)
def test_nobody_signs_in_with_a_password_in_another_state(organisation, client, state: AccountState):
    somebody = factories.person(organisation, state=state)
    client.get("/sign-in")
    fields = {"username": somebody.account.username or "nobody", "password": factories.PASSWORD}
    client.submit("/sign-in", fields, expect=422)
    assert not client.is_signed_in()


def test_the_hash_in_tests_costs_what_it_costs_in_production():
    assert "$m=19456,t=2,p=1$" in factories.hash_of(factories.PASSWORD)


def test_the_clock_stands_still_until_it_is_moved(app, clock):
    from datetime import timedelta

    from portal import clock as portal_clock

    before = portal_clock.now()
    assert portal_clock.now() == before
    clock.shift(timedelta(hours=24))
    assert portal_clock.now() - before == timedelta(hours=24)
