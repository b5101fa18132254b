"""How much one address may try beside the lockout, numbers that let a hospital in (ASVS 2.4.1, 6.6.3).

Failures and distinct targets count, successes never: people who leave through one address sign in by the hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from portal.domain.lockout import Zone

WINDOW = timedelta(minutes=5)
SEARCHES = "3000 per minute"


@dataclass(frozen=True)
class AddressLimit:
    """How many entries one address may have within WINDOW, by its zone."""

    name: str
    internet: int
    private: int

    def of(self, zone: Zone) -> int:
        """The limit in one zone."""
        return self.private if zone is Zone.PRIVATE else self.internet


SIGN_IN = AddressLimit("sign-in", 60, 300)
RECOVERY = AddressLimit("recovery", 60, 300)


def wait(entries: Sequence[float], most: int, now: float) -> float:
    """Seconds until there are fewer than ``most`` entries of the last WINDOW; 0 when there are.

    ``entries`` has their times in seconds, the oldest first.
    """
    return 0.0 if len(entries) < most else max(0.0, entries[-most] + WINDOW.total_seconds() - now)
