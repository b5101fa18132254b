"""The installation that the tests of reliability break, for tests that look at what it leaves; people to ask about."""

from collections.abc import Iterator

import pytest

from tests import factories
from tests.reliability.conftest import mail_server, trust
from tests.security.whoever import People
from tests.support.server import Portal

__all__ = ["mail_server", "people", "trust"]


@pytest.fixture
def people(portal: Portal) -> Iterator[People]:
    """An organisation that gets its people from the test; how often a stranger may ask about them is not limited."""
    portal.settings["RATE_LIMITS"] = False
    with portal.database():
        yield People(factories.organisation("42061", "COUNTY OFFICE OF EDUCATION", domains=["coe.example"]))
