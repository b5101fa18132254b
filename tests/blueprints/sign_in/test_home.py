"""/: the way to where each begins."""

import pytest

from tests.support.client import CheckingClient


@pytest.mark.parametrize(
    ("who", "target"),
    [
        ("stranger", "/sign-in"),
        ("employee", "/account"),
        ("reset_operator", "/account"),
        ("local_admin", "/organisations/42061/contacts"),
        ("other_org_admin", "/organisations/RX1/contacts"),
        ("regional_manager", "/organisations"),
        ("central_admin", "/organisations"),
    ],
)
def test_each_begins_where_their_work_is(request: pytest.FixtureRequest, who: str, target: str):
    browser: CheckingClient = request.getfixturevalue(f"{who}_client")
    assert browser.get("/", 303).location == target
