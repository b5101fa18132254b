"""The example of a reverse proxy, with the real nginx before the real portal: addresses, zones, and what it logs."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.nginx import NGINX, Proxied
from tests.support.server import Portal, Started

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@pytest.fixture
def served(portal: Portal, tmp_path: Path) -> Iterator[tuple[Proxied, Started]]:
    proxied = Proxied(portal, tmp_path)
    with proxied.running():
        web = portal._start("serve", "--port", str(portal.port))
        proxied.wait_until_ready()
        yield proxied, web


def test_no_token_stands_in_a_log_and_nobody_writes_their_own_address(served: tuple[Proxied, Started]) -> None:
    proxied, web = served
    with proxied.client() as client:
        page = client.get("/sign-in", headers={"X-Forwarded-For": "10.0.0.1", "X_Forwarded_For": "10.0.0.2"})
        assert page.status_code == 200
        assert "Secure" in page.headers["set-cookie"]
        for path in (
            "/recover/canary-token",
            "/enrol/canary-token",
            "/recover/sent?organisation=canary",
            "/help?canary",
        ):
            client.get(path)
    web.stop()
    with proxied.client() as client:
        assert client.get("/recover/canary-token").status_code == 502
    logs = {file.name: file.read_text() for file in proxied.folder.glob("*.log")}
    assert not [name for name, text in logs.items() if "canary" in text]
    assert '"GET /recover/-"' in logs["gatehouse.log"]
    assert '"GET /enrol/-"' in logs["gatehouse.log"]
    assert "10.0.0." not in web.said
    assert '"rule": "/sign-in", "status": 200' in web.said


def test_the_plain_port_redirects_pages_and_refuses_forms(served: tuple[Proxied, Started]) -> None:
    proxied, _web = served
    with httpx.Client(base_url=f"http://127.0.0.1:{proxied.plain}", trust_env=False) as client:
        there = {"Host": "access.trust.example"}
        assert client.get("/sign-in", headers=there).headers["location"] == "https://access.trust.example/sign-in"
        assert (
            client.get("/recover/canary", headers=there).headers["location"] == "https://access.trust.example/recover"
        )
        assert client.post("/sign-in", headers=there).status_code == 403
