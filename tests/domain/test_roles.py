"""What each role permits, and who stands above whom, against a table written by hand."""

from itertools import product

import pytest

from portal.domain.roles import ADMINISTRATORS, Permission, Role, may_act_on, permissions_of, rank

OPERATOR = frozenset({Role.PASSWORD_RESET_OPERATOR})
LOCAL = frozenset({Role.LOCAL_ADMINISTRATOR})
REGIONAL = frozenset({Role.REGIONAL_ACCOUNT_MANAGER})
CENTRAL = frozenset({Role.CENTRAL_ADMINISTRATOR})
EMPLOYEE: frozenset[Role] = frozenset()
LADDER = [EMPLOYEE, OPERATOR, LOCAL, REGIONAL, CENTRAL]


@pytest.mark.parametrize(
    ("roles", "permitted"),
    [
        (EMPLOYEE, {"own-account"}),
        (OPERATOR, {"own-account"}),
        (LOCAL, {"own-account", "see-contacts", "keep-contacts"}),
        (REGIONAL, {"own-account", "see-contacts"}),
        (CENTRAL, {"own-account", "see-contacts", "keep-contacts"}),
        (OPERATOR | REGIONAL, {"own-account", "see-contacts"}),
        (LOCAL | REGIONAL, {"own-account", "see-contacts", "keep-contacts"}),
    ],
)
def test_each_role_permits_what_the_table_of_roles_says(roles, permitted):
    known = {"own-account", "see-contacts", "keep-contacts"}
    assert {permission.value for permission in permissions_of(roles)} & known == permitted


def test_no_role_permits_something_that_is_unknown():
    assert permissions_of(frozenset(Role)) <= frozenset(Permission)


@pytest.mark.parametrize(("actor", "target"), list(product(range(5), range(5))))
def test_nobody_acts_on_somebody_who_stands_higher_and_equals_may(actor, target):
    assert may_act_on(LADDER[actor], LADDER[target]) is (actor >= target)


def test_who_holds_several_roles_stands_as_high_as_the_highest():
    assert rank(OPERATOR | CENTRAL) == rank(CENTRAL) > rank(REGIONAL) > rank(LOCAL) > rank(OPERATOR) > rank(EMPLOYEE)


def test_a_reset_operator_is_no_administrator():
    assert set(Role) - ADMINISTRATORS == {Role.PASSWORD_RESET_OPERATOR}
