"""/livez and /readyz: probes ask by whatever address they know; every other page has one host."""

import pytest

from tests.support.client import CheckingClient


@pytest.mark.parametrize(("path", "says"), [("/livez", "ok\n"), ("/readyz", "ready\n")])
@pytest.mark.parametrize("host", ["10.0.0.9", "10.0.0.9:8000", "[fd00::9]:8000", "pod-7.cluster.local"])
def test_health_is_told_under_any_host(client: CheckingClient, path: str, says: str, host: str):
    assert client.get(path, headers={"Host": host}).text == says


@pytest.mark.parametrize("path", ["/", "/sign-in", "/brand.css", "/livez/", "/nothing"])
def test_every_other_page_has_one_host(client: CheckingClient, path: str):
    answer = client.open(path, headers={"Host": "10.0.0.9"})
    assert (answer.status_code, answer.text) == (400, "Bad request\n")
