"""The account's life: its states, the moves between them, and which moves its present circumstances allow."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountState(StrEnum):
    """The states as they stand in the database, in URLs and in attributes."""

    NOT_REGISTERED = "not-registered"
    REGISTRATION_PENDING = "registration-pending"
    ACTIVE = "active"
    LOCKED = "locked"
    UNLOCK_PENDING = "unlock-pending"
    INACTIVE = "inactive"


class AccountAction(StrEnum):
    """What can be done to an account, by its owner, an administrator or the lockout."""

    REGISTER = "register"
    RE_ENROL = "re-enrol"
    GIVE_IN_PERSON = "temporary-password"
    COMPLETE_REGISTRATION = "complete-registration"
    LOCK = "lock"
    UNLOCK = "unlock"
    SIGN_IN = "sign-in"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - the name of a move, not a password
    DEACTIVATE = "deactivate"
    REACTIVATE = "reactivate"


S, A = AccountState, AccountAction

MOVES: dict[tuple[AccountState, AccountAction], AccountState] = {
    (S.NOT_REGISTERED, A.REGISTER): S.REGISTRATION_PENDING,
    (S.REGISTRATION_PENDING, A.RE_ENROL): S.REGISTRATION_PENDING,
    (S.ACTIVE, A.RE_ENROL): S.REGISTRATION_PENDING,
    (S.LOCKED, A.RE_ENROL): S.REGISTRATION_PENDING,
    (S.UNLOCK_PENDING, A.RE_ENROL): S.REGISTRATION_PENDING,
    (S.NOT_REGISTERED, A.GIVE_IN_PERSON): S.REGISTRATION_PENDING,
    (S.REGISTRATION_PENDING, A.GIVE_IN_PERSON): S.REGISTRATION_PENDING,
    (S.ACTIVE, A.GIVE_IN_PERSON): S.REGISTRATION_PENDING,
    (S.LOCKED, A.GIVE_IN_PERSON): S.REGISTRATION_PENDING,
    (S.UNLOCK_PENDING, A.GIVE_IN_PERSON): S.REGISTRATION_PENDING,
    (S.REGISTRATION_PENDING, A.COMPLETE_REGISTRATION): S.ACTIVE,
    (S.ACTIVE, A.LOCK): S.LOCKED,
    (S.UNLOCK_PENDING, A.LOCK): S.LOCKED,
    (S.LOCKED, A.UNLOCK): S.UNLOCK_PENDING,
    (S.ACTIVE, A.SIGN_IN): S.ACTIVE,
    (S.UNLOCK_PENDING, A.SIGN_IN): S.ACTIVE,
    (S.LOCKED, A.SIGN_IN): S.ACTIVE,
    (S.ACTIVE, A.RESET_PASSWORD): S.ACTIVE,
    (S.LOCKED, A.RESET_PASSWORD): S.ACTIVE,
    (S.UNLOCK_PENDING, A.RESET_PASSWORD): S.ACTIVE,
    (S.REGISTRATION_PENDING, A.RESET_PASSWORD): S.ACTIVE,
    (S.NOT_REGISTERED, A.DEACTIVATE): S.INACTIVE,
    (S.REGISTRATION_PENDING, A.DEACTIVATE): S.INACTIVE,
    (S.ACTIVE, A.DEACTIVATE): S.INACTIVE,
    (S.LOCKED, A.DEACTIVATE): S.INACTIVE,
    (S.UNLOCK_PENDING, A.DEACTIVATE): S.INACTIVE,
    (S.INACTIVE, A.REACTIVATE): S.NOT_REGISTERED,
}


ORDER = {
    state: number
    for number, state in enumerate(
        (S.LOCKED, S.UNLOCK_PENDING, S.REGISTRATION_PENDING, S.NOT_REGISTERED, S.ACTIVE, S.INACTIVE), start=1
    )
}
"""How lists sort the states: what waits for an administrator first, who has left last."""


@dataclass(frozen=True)
class Circumstances:
    """What, beside its state, decides which moves an account may make."""

    known_browser: bool = False
    first_password_by_email: bool = False
    password_disabled: bool = False


class MoveRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The account's state or circumstances do not allow this move."""

    def __init__(self, state: AccountState, action: AccountAction) -> None:
        super().__init__(f"{action} is not possible while the account is {state}")
        self.state = state
        self.action = action


def shown_state(state: AccountState, unlock_expires_at: datetime | None, now: datetime) -> AccountState:
    """The state as shown and as treated: an unlock whose 24 hours have passed is a lock again."""
    if state is S.UNLOCK_PENDING and (unlock_expires_at is None or now >= unlock_expires_at):
        return S.LOCKED
    return state


def allowed(state: AccountState, action: AccountAction, circumstances: Circumstances | None = None) -> bool:
    """Whether ``action`` is possible in ``state`` (the state as shown)."""
    if (state, action) not in MOVES:
        return False
    given = circumstances or Circumstances()
    match (state, action):
        case (S.LOCKED, A.SIGN_IN):
            return given.known_browser and not given.password_disabled
        case (S.REGISTRATION_PENDING, A.RESET_PASSWORD):
            return given.first_password_by_email
        case (S.LOCKED, A.UNLOCK):
            return not given.password_disabled
        case _:
            return True


def next_state(state: AccountState, action: AccountAction, circumstances: Circumstances | None = None) -> AccountState:
    """The state after ``action``. Raises MoveRefused for every pair that the table does not hold."""
    if not allowed(state, action, circumstances):
        raise MoveRefused(state, action)
    return MOVES[state, action]


def possible_actions(state: AccountState, circumstances: Circumstances | None = None) -> frozenset[AccountAction]:
    """Every action that ``state`` allows: what the page may offer, and what a refusal names."""
    return frozenset(action for action in AccountAction if allowed(state, action, circumstances))
