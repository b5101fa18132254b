"""The installation that the tests of reliability break, for tests that look at what it leaves."""

from tests.reliability.conftest import mail_server, trust

__all__ = ["mail_server", "trust"]
