"""Every state and every action, against the table of moves as it is written down for users, copied here by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.account_state import (
    AccountAction,
    AccountState,
    Circumstances,
    MoveRefused,
    allowed,
    next_state,
    possible_actions,
    shown_state,
)

EVERYTHING_ALLOWED = Circumstances(known_browser=True, first_password_by_email=True)

# In the order of COLUMNS. A dash is a move that is refused; * is possible in some circumstances only.
TABLE = """
not-registered       | registration-pending | -                    | registration-pending | -      | -      | -              | -       | -       | inactive | -
registration-pending | -                    | registration-pending | registration-pending | active | -      | -              | -       | *active | inactive | -
active               | -                    | registration-pending | registration-pending | -      | locked | -              | active  | active  | inactive | -
locked               | -                    | registration-pending | registration-pending | -      | -      | unlock-pending | *active | active  | inactive | -
unlock-pending       | -                    | registration-pending | registration-pending | -      | locked | -              | active  | active  | inactive | -
inactive             | -                    | -                    | -                    | -      | -      | -              | -       | -       | -        | not-registered
"""  # noqa: E501 - a table reads as one
COLUMNS = (
    "register",
    "re-enrol",
    "temporary-password",
    "complete-registration",
    "lock",
    "unlock",
    "sign-in",
    "reset-password",
    "deactivate",
    "reactivate",
)


def rows() -> list[tuple[str, str, str]]:
    cells = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
    return [(state, action, after) for state, *moves in cells for action, after in zip(COLUMNS, moves, strict=True)]


def test_the_table_speaks_of_every_state_and_every_action():
    assert {(state, action) for state, action, _ in rows()} == {
        (state.value, action.value) for state in AccountState for action in AccountAction
    }


@pytest.mark.parametrize(("state", "action", "after"), rows())
def test_each_action_in_each_state_does_what_the_table_says(state: str, action: str, after: str):
    before, move = AccountState(state), AccountAction(action)
    if after == "-":
        with pytest.raises(MoveRefused) as refusal:
            next_state(before, move, EVERYTHING_ALLOWED)
        assert (refusal.value.state, refusal.value.action) == (before, move)
        assert not allowed(before, move, EVERYTHING_ALLOWED)
    else:
        assert next_state(before, move, EVERYTHING_ALLOWED) == AccountState(after.lstrip("*"))
        assert allowed(before, move, EVERYTHING_ALLOWED)
        assert allowed(before, move) is not after.startswith("*")


def test_a_locked_account_signs_in_from_a_known_browser_only():
    signing_in = AccountState.LOCKED, AccountAction.SIGN_IN
    assert allowed(*signing_in, Circumstances(known_browser=True))
    assert not allowed(*signing_in, Circumstances(first_password_by_email=True))


def test_a_pending_registration_is_reset_by_mail_only_where_the_portal_says_so():
    resetting = AccountState.REGISTRATION_PENDING, AccountAction.RESET_PASSWORD
    assert allowed(*resetting, Circumstances(first_password_by_email=True))
    assert not allowed(*resetting, Circumstances(known_browser=True))


def test_a_disabled_password_is_helped_by_reset_re_enrol_and_in_person_alone():
    disabled = Circumstances(known_browser=True, password_disabled=True)
    assert possible_actions(AccountState.LOCKED, disabled) == {
        AccountAction.RE_ENROL,
        AccountAction.GIVE_IN_PERSON,
        AccountAction.RESET_PASSWORD,
        AccountAction.DEACTIVATE,
    }


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("not-registered", {"register"}),
        ("registration-pending", {"re-enrol"}),
        ("active", {"re-enrol"}),
        ("locked", {"unlock", "re-enrol"}),
        ("unlock-pending", {"re-enrol"}),
        ("inactive", set()),
    ],
)
def test_only_the_buttons_that_the_state_allows_exist(state: str, buttons: set[str]):
    offered = {action.value for action in possible_actions(AccountState(state))}
    assert offered & {"register", "unlock", "re-enrol"} == buttons


NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        (NOON - timedelta(microseconds=1), AccountState.UNLOCK_PENDING),
        (NOON, AccountState.LOCKED),
        (NOON + timedelta(days=400), AccountState.LOCKED),
    ],
)
def test_an_unlock_is_a_lock_again_from_the_very_moment_it_expires(now: datetime, shown: AccountState):
    assert shown_state(AccountState.UNLOCK_PENDING, NOON, now) is shown


def test_an_unlock_without_an_end_is_no_unlock():
    assert shown_state(AccountState.UNLOCK_PENDING, None, NOON) is AccountState.LOCKED


@pytest.mark.parametrize("state", [state for state in AccountState if state is not AccountState.UNLOCK_PENDING])
def test_every_other_state_is_shown_as_it_is_however_late(state: AccountState):
    assert shown_state(state, NOON, NOON + timedelta(days=1)) is state
