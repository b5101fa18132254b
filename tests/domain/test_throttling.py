"""How much one address may try: the numbers, and until when it waits."""

import pytest

from portal.domain.lockout import Zone
from portal.domain.throttling import RECOVERY, SIGN_IN, wait


def test_a_hospital_behind_one_address_has_room():
    for limit in (SIGN_IN, RECOVERY):
        assert (limit.of(Zone.INTERNET), limit.of(Zone.PRIVATE)) == (60, 300)


@pytest.mark.parametrize(
    ("entries", "most", "seconds"),
    [
        ([], 1, 0),
        ([100], 2, 0),
        ([100], 1, 250),
        ([100, 110], 2, 250),
        # One too many was in hand at the limit: the second oldest has to go too.
        ([100, 110, 120], 2, 260),
    ],
)
def test_the_wait_is_over_when_fewer_than_the_limit_are_left(entries: list[float], most: int, seconds: float):
    assert wait(entries, most, 150) == seconds
