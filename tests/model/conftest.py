"""The mail server of the tests of reliability, for a world whose mail the model counts."""

from tests.reliability.conftest import mail_server, trust

__all__ = ["mail_server", "trust"]
