"""The named people of the tests, as fixtures: each is a person whose account is active and whose role is held.

``employee`` and ``local_admin`` belong to ``organisation``, ``other_org_admin`` to ``other_organisation``; both
organisations stand in ``north_west``, the region of ``regional_manager``. The ``stranger`` is signed in nowhere: None.
"""

import pytest
from flask import Flask

from portal.domain.roles import Role
from portal.models import Organisation, Person, Region
from tests import factories

NAMES = (
    "stranger",
    "employee",
    "reset_operator",
    "local_admin",
    "other_org_admin",
    "regional_manager",
    "central_admin",
)


@pytest.fixture
def north_west(app: Flask) -> Region:
    return factories.region("North West")


@pytest.fixture
def organisation(north_west: Region) -> Organisation:
    return factories.organisation(
        "42061", "COUNTY OFFICE OF EDUCATION", region=north_west, town="Norwich", domains=["coe.example"]
    )


@pytest.fixture
def other_organisation(north_west: Region) -> Organisation:
    return factories.organisation(
        "RX1", "ST ELSEWHERE HOSPITALS TRUST", region=north_west, town="Preston", domains=["elsewhere.example"]
    )


@pytest.fixture
def stranger() -> None:
    """Somebody who is not signed in."""


@pytest.fixture
def employee(organisation: Organisation) -> Person:
    return factories.person(organisation, "Erin Employee")


@pytest.fixture
def reset_operator(organisation: Organisation) -> Person:
    made = factories.person(organisation, "Ravi Operator")
    factories.grant(made, Role.PASSWORD_RESET_OPERATOR, organisation=organisation)
    return made


@pytest.fixture
def local_admin(organisation: Organisation) -> Person:
    made = factories.person(organisation, "Lena Administrator", types=["admin"])
    factories.grant(made, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    return made


@pytest.fixture
def other_org_admin(other_organisation: Organisation) -> Person:
    made = factories.person(other_organisation, "Omar Elsewhere", email="omar@elsewhere.example", types=["admin"])
    factories.grant(made, Role.LOCAL_ADMINISTRATOR, organisation=other_organisation)
    return made


@pytest.fixture
def regional_manager(organisation: Organisation, north_west: Region) -> Person:
    made = factories.person(organisation, "Rosa Manager")
    factories.grant(made, Role.REGIONAL_ACCOUNT_MANAGER, region=north_west)
    return made


@pytest.fixture
def central_admin(app: Flask) -> Person:
    centre = factories.organisation("CENTRAL", "CENTRAL ADMINISTRATION")
    made = factories.person(centre, "Cleo Central", email="cleo@centre.example")
    factories.grant(made, Role.CENTRAL_ADMINISTRATOR)
    return made
