"""A temporary password in person, asked of the verb itself: what the page checks is checked once more."""

import pytest
from flask import Flask

from portal.domain.account_state import AccountState
from portal.domain.identity_check import IdentityCheck
from portal.models import Organisation, Person
from portal.services import password_resets, sessions
from portal.services.password_resets import CheckMissing, NotAnOperators
from portal.services.sessions import SignedIn
from portal.transactions import write
from tests import factories

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def acting(person: Person) -> SignedIn:
    return sessions.on_behalf_of(person.account)


@pytest.mark.parametrize(
    "check",
    [IdentityCheck(""), IdentityCheck("guess"), IdentityCheck("other"), IdentityCheck("other", "  "),
     IdentityCheck("known", "x" * 101)],
)  # fmt: skip
def test_without_a_whole_identity_check_nothing_is_issued(
    app: Flask, organisation: Organisation, local_admin: Person, check: IdentityCheck
):
    katie = factories.person(organisation, "Katie Contact")
    with pytest.raises(CheckMissing), write():
        password_resets.give_in_person(katie.account, acting(local_admin), check)
    assert (katie.account.state, katie.account.temporary_password_hash) == (AccountState.ACTIVE, None)


def test_an_operator_is_refused_by_the_verb_too(app: Flask, organisation: Organisation, reset_operator: Person):
    linked = factories.person(organisation, "Sam Special", smartcard_linked=True)
    for verb in (
        lambda: password_resets.give_in_person(linked.account, acting(reset_operator), IdentityCheck("known")),
        lambda: password_resets.send_recovery_mail(linked.account, acting(reset_operator)),
    ):
        with pytest.raises(NotAnOperators), write():
            verb()
    assert linked.account.state is AccountState.ACTIVE
