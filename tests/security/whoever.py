"""People of every kind that a stranger may ask about, and what is typed: no answer may tell the kinds apart."""

from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import update

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Organisation
from portal.services import passwords
from portal.transactions import write
from tests import factories
from tests.factories import PASSWORD, TEMPORARY_PASSWORD

S = AccountState
WRONG = "not the password"
Asked = dict[str, tuple[str, ...]]


class People:
    """One account for each class of sign-in, made so again before each block."""

    def __init__(self, trust: Organisation) -> None:
        self.trust = trust
        self.rows: dict[int, dict[str, Any]] = {}
        self.count = 0

    def add(self, state: AccountState = S.ACTIVE, email: str | None = None, **columns: Any) -> Account:
        self.count += 1
        username = f"42061person{self.count:02}"
        address = f"person{self.count:02}@coe.example" if email is None else email
        named = {"username": username} if state is not S.NOT_REGISTERED else {}
        made = factories.person(
            self.trust, f"Pat Person{self.count:02}", email=address, state=state, account={**named, **columns}
        ).account
        kept = ("failures", "failures_total", "failures_since_success", "locked_at", "temporary_password_failures")
        self.rows[made.id] = {"state": made.state, "state_order": made.state_order} | {
            name: getattr(made, name) for name in kept
        }
        return made

    def make_ready(self) -> None:
        with write():
            for account_id, columns in self.rows.items():
                db.session.execute(update(Account).where(Account.id == account_id).values(columns))


def older_hash(cost: int) -> str:
    """A hash of the time when the parameters were a ``cost``-th of today's."""
    today = passwords.HASHER
    older = PasswordHasher(time_cost=today.time_cost, memory_cost=today.memory_cost // cost, parallelism=1)
    return older.hash(PASSWORD)


def failing_sign_ins(people: People) -> Asked:
    """What is typed, by class; none of it lets anybody in."""
    names = {
        "wrong password": (people.add(), WRONG),
        "the wrong password that locks": (people.add(failures=2, failures_total=2, failures_since_success=2), WRONG),
        "locked, wrong password": (people.add(S.LOCKED), WRONG),
        "locked, right password": (people.add(S.LOCKED), PASSWORD),
        "inactive": (people.add(S.INACTIVE), PASSWORD),
        "pending, wrong temporary password": (people.add(S.REGISTRATION_PENDING), WRONG),
        "expired, right temporary password": (
            people.add(S.REGISTRATION_PENDING, temporary_password_expires_at=clock.now() - timedelta(hours=1)),
            TEMPORARY_PASSWORD,
        ),
        "no e-mail": (people.add(email=""), WRONG),
        "older hash": (people.add(password_hash=older_hash(2)), WRONG),
    }
    asked = {kind: (account.username or "", typed) for kind, (account, typed) in names.items()}
    asked["never registered"] = (people.add(S.NOT_REGISTERED).person.primary_email, PASSWORD)
    return {"unknown name": ("42061person99", WRONG), "unknown e-mail": ("person99@coe.example", WRONG), **asked}


def askers(people: People) -> Asked:
    """What is typed where recovery is asked for, by class."""
    shared = people.add(email="desk01@coe.example")
    people.add(email=shared.person.primary_email)
    return {
        "known": (people.add().person.primary_email,),
        "known by username": (str(people.add().username),),
        "unknown": ("person98@coe.example",),
        "unknown username": ("42061person99",),
        "locked": (people.add(S.LOCKED).person.primary_email,),
        "inactive": (people.add(S.INACTIVE).person.primary_email,),
        "never registered": (people.add(S.NOT_REGISTERED).person.primary_email,),
        "pending": (people.add(S.REGISTRATION_PENDING).person.primary_email,),
        "several on one address": (shared.person.primary_email,),
    }
