"""Until when something is good, by a clock that somebody may have put back (ASVS 6.5.8)."""

from datetime import datetime, timedelta

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two machines may disagree."""


def lasts(until: datetime | None, longest: timedelta, now: datetime) -> bool:
    """Whether what is good until then, and never for more than ``longest``, still is.

    An end further ahead than that was written before the clock was put back, and would come too late.
    """
    return until is not None and now < until <= now + longest + CLOCKS_APART
