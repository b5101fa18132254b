"""When a guess may be checked, and when failures lock (NIST SP 800-63B-4 3.2.2, ASVS 6.3.1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RESERVATION_LIFE = timedelta(seconds=30)
"""A reservation older than this was abandoned (a killed process) and counts as a failure."""

LONGEST_WAIT_SECONDS = 5.0
"""How long an attempt waits for the reservations before it, at most."""

TEMPORARY_PASSWORD_GUESSES = 10
"""Wrong temporary passwords that void it."""

FAILURES_THAT_DISABLE = 100
"""Failures without a success, across unlocks, that disable the password (NIST SP 800-63B-4 3.2.2)."""


class Zone(StrEnum):
    """Where a request comes from."""

    INTERNET = "internet"
    PRIVATE = "private"


class Admission(StrEnum):
    """What to do with an attempt, before its password is looked at."""

    CHECK = "check"
    WAIT = "wait"


@dataclass(frozen=True)
class Limits:
    """Consecutive failures that lock, by the zone of the present attempt."""

    internet: int
    private: int

    def of(self, zone: Zone) -> int:
        """The limit of one zone."""
        return self.private if zone is Zone.PRIVATE else self.internet


def admission(*, failures: int, reserved: int, limit: int) -> Admission:
    """Whether a guess at an account that is not locked may be checked now: never more open ones than failures are left.

    With nothing reserved there is always one guess: failures from the private zone may
    stand above the internet zone's limit, and then the next failure locks.
    """
    if reserved == 0 or failures + reserved < limit:
        return Admission.CHECK
    return Admission.WAIT


def locks(*, failures: int, limit: int) -> bool:
    """Whether the failure just counted locks the account."""
    return failures >= limit


def abandoned(reserved_at: datetime, now: datetime) -> bool:
    """Whether a reservation was left open by a process that died; also when the clock was put back since."""
    return abs(now - reserved_at) > RESERVATION_LIFE
