"""When a guess is checked, and which failure locks: the posts on both sides of each fence."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.lockout import Admission, Limits, Zone, abandoned, admission, locks

LIMITS = Limits(internet=3, private=5)


@pytest.mark.parametrize(
    ("zone", "failures", "locked"),
    [
        (Zone.INTERNET, 1, False),
        (Zone.INTERNET, 2, False),
        (Zone.INTERNET, 3, True),
        (Zone.INTERNET, 4, True),
        (Zone.PRIVATE, 3, False),
        (Zone.PRIVATE, 4, False),
        (Zone.PRIVATE, 5, True),
        (Zone.PRIVATE, 6, True),
    ],
)
def test_the_third_failure_from_the_internet_locks_and_the_fifth_from_the_private_zone(zone, failures, locked):
    assert locks(failures=failures, limit=LIMITS.of(zone)) is locked


@pytest.mark.parametrize(
    ("failures", "reserved", "limit", "answer"),
    [
        (0, 0, 3, Admission.CHECK),
        (0, 1, 3, Admission.CHECK),
        (0, 2, 3, Admission.CHECK),
        (0, 3, 3, Admission.WAIT),
        (1, 1, 3, Admission.CHECK),
        (1, 2, 3, Admission.WAIT),
        (2, 0, 3, Admission.CHECK),
        (2, 1, 3, Admission.WAIT),
        (2, 1, 5, Admission.CHECK),
        (4, 0, 5, Admission.CHECK),
        (4, 1, 5, Admission.WAIT),
        (0, 50, 3, Admission.WAIT),
    ],
)
def test_open_guesses_and_failures_together_never_pass_the_limit(failures, reserved, limit, answer):
    assert admission(failures=failures, reserved=reserved, limit=limit) is answer


@pytest.mark.parametrize("failures", [3, 4])
def test_failures_from_the_private_zone_leave_the_internet_one_guess_that_locks(failures):
    one = admission(failures=failures, reserved=0, limit=LIMITS.internet)
    second = admission(failures=failures, reserved=1, limit=LIMITS.internet)
    assert (one, second) == (Admission.CHECK, Admission.WAIT)
    assert locks(failures=failures + 1, limit=LIMITS.internet)


def test_no_order_of_arrivals_and_endings_checks_more_wrong_guesses_than_the_limit():
    """All ways in which up to eight wrong guesses may overlap, played through."""
    for limit in (3, 5):
        for pattern in range(2**10):
            failures = reserved = checked = 0
            for step in range(10):
                arrives = pattern >> step & 1
                if arrives and not locks(failures=failures, limit=limit):
                    answer = admission(failures=failures, reserved=reserved, limit=limit)
                    if answer is Admission.CHECK:
                        reserved, checked = reserved + 1, checked + 1
                elif reserved and not arrives:
                    reserved, failures = reserved - 1, failures + 1
                assert checked <= limit


def test_a_reservation_is_abandoned_after_thirty_seconds():
    reserved_at = datetime(2026, 11, 16, 9, tzinfo=UTC)
    assert not abandoned(reserved_at, reserved_at + timedelta(seconds=30))
    assert abandoned(reserved_at, reserved_at + timedelta(seconds=30, microseconds=1))
