"""The one clock of the application: aware UTC. Nothing else reads the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, with its time zone (UTC)."""
    return datetime.now(UTC)
