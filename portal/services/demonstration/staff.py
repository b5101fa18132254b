"""Staff in numbers, made up by chance from names and jobs; the same chance every time."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from anyascii import anyascii

from portal.domain.account_state import AccountState
from portal.models import Organisation
from portal.services.demonstration.names import FIRST_NAMES, LAST_NAMES
from portal.services.demonstration.people import Member

SEED = 1948
WARD_JOBS = (
    "Staff Nurse", "Healthcare Assistant", "Midwife", "Consultant", "Specialty Registrar", "Physiotherapist",
    "Radiographer", "Pharmacist", "Porter", "Ward Clerk", "Biomedical Scientist", "Medical Secretary",
    "Domestic Assistant", "Occupational Therapist", "Theatre Practitioner", "Dietitian", "Receptionist",
    "Finance Officer",
)  # fmt: skip
SCHOOL_JOBS = ("Teacher", "Principal", "School Secretary", "Custodian", "Counselor", "Librarian", "Food Service Lead")

STATES = (
    (AccountState.ACTIVE, 74), (AccountState.NOT_REGISTERED, 12), (AccountState.LOCKED, 3),
    (AccountState.REGISTRATION_PENDING, 4), (AccountState.INACTIVE, 7),
)  # fmt: skip

Columns = dict[str, Any]


class Chance:
    """A person after the other, of one seed: two loads differ in their passwords alone."""

    def __init__(self, now: datetime, nobodys_hash: str) -> None:
        self.dice = random.Random(SEED)  # noqa: S311 - names, not secrets
        self.now = now
        self.nobodys_hash = nobodys_hash
        self.states = [state for state, weight in STATES for _ in range(weight)]
        self.columns: dict[AccountState, Callable[[], Columns]] = {
            AccountState.NOT_REGISTERED: dict,
            AccountState.ACTIVE: self._active,
            AccountState.LOCKED: self._locked,
            AccountState.REGISTRATION_PENDING: self._pending,
            AccountState.INACTIVE: self._inactive,
        }

    def members(self, organisation: Organisation, count: int) -> Iterator[Member]:
        """``count`` people of ``organisation``, each with an address of their own, or without one."""
        jobs = SCHOOL_JOBS if organisation.country == "US" else WARD_JOBS
        domain = organisation.domains[0].domain
        taken: dict[str, int] = {}
        for _ in range(count):
            first, last = self.dice.choice(FIRST_NAMES), self.dice.choice(LAST_NAMES)
            state = self.dice.choice(self.states)
            yield Member(
                first, last, self._address(first, last, domain, taken, state), self.dice.choice(jobs), (), state,
                account=self.columns[state](), record=self._record(),
            )  # fmt: skip

    def in_charge(self, member: Member) -> Member:
        """The same person as an administrator: active, a contact, and with an address."""
        member.state, member.account, member.types = AccountState.ACTIVE, self._active(), ("admin",)
        return member

    def _address(self, first: str, last: str, domain: str, taken: dict[str, int], state: AccountState) -> str:
        """Every seventh of those who never registered has none, and one in a hundred of the rest."""
        if self.dice.random() < (0.45 if state is AccountState.NOT_REGISTERED else 0.01):
            return ""
        local = "".join(sign for sign in anyascii(f"{first}.{last}").lower() if sign.isalnum() or sign == ".")
        taken[local] = taken.get(local, 0) + 1
        return f"{local}{taken[local] if taken[local] > 1 else ''}@{domain}"

    def _record(self) -> Columns:
        roll = self.dice.random()
        return {
            "staff_group": "bank" if roll < 0.12 else "permanent",
            "smartcard_linked": 0.2 < roll < 0.33,
            "employee_number": str(self.dice.randrange(10_000_000, 99_999_999)),
        }

    def _ago(self, least_hours: float, most_hours: float) -> datetime:
        return self.now - timedelta(hours=self.dice.uniform(least_hours, most_hours))

    def _active(self) -> Columns:
        chosen, last = self._ago(24 * 100, 24 * 900), self._ago(1, 24 * 80)
        return {
            "password_hash": self.nobodys_hash, "password_changed_at": chosen, "enrolled": True,
            "sign_ins": self.dice.randrange(2, 300), "last_sign_in_at": last,
            "previous_sign_in_at": last - timedelta(hours=24), "internal_message": "registration-completed",
            "internal_message_at": chosen,
        }  # fmt: skip

    def _locked(self) -> Columns:
        at = self._ago(0.2, 24 * 20)
        counts = {"failures": 3, "failures_since_success": 3, "failures_total": self.dice.randrange(3, 14)}
        signed_in = {"last_sign_in_at": at - timedelta(days=3), "previous_sign_in_at": at - timedelta(days=4)}
        said = {"internal_message": "locked-queued", "internal_message_at": at}
        return {**self._active(), **counts, **signed_in, **said, "last_failure_at": at, "locked_at": at}

    def _pending(self) -> Columns:
        """Their 24 hours are over: a temporary password of the past, which nobody was told."""
        at = self._ago(25, 24 * 14)
        return {
            "temporary_password_hash": self.nobodys_hash,
            "temporary_password_issue": f"of-the-past-{self.dice.random()}"[:40],
            "temporary_password_expires_at": at + timedelta(hours=24),
            "internal_message": "mail-sent", "internal_detail": "registration", "internal_message_at": at,
        }  # fmt: skip

    def _inactive(self) -> Columns:
        return {"internal_message": "deactivated", "internal_message_at": self._ago(24 * 5, 24 * 500)}
