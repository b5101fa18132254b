"""Until when something is good, by a clock that somebody may have put back (ASVS 6.5.8)."""

from datetime import datetime, timedelta, tzinfo

CLOCKS_APART = timedelta(minutes=5)
"""How far the clocks of two machines may disagree."""


def lasts(until: datetime | None, longest: timedelta, now: datetime) -> bool:
    """Whether what is good until then, and never for more than ``longest``, still is.

    An end further ahead than that was written before the clock was put back, and would come too late.
    """
    return until is not None and now < until <= now + longest + CLOCKS_APART


def end_of_day(now: datetime, zone: tzinfo) -> datetime:
    """The midnight with which the day of ``now`` ends in ``zone``."""
    local = now.astimezone(zone)
    tomorrow = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=1)
    return tomorrow.replace(tzinfo=zone).astimezone(now.tzinfo)
