"""The example of a reverse proxy, with the real nginx before the real portal: addresses, zones, and what it logs."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.server import Portal, Started

EXAMPLE = Path(__file__).parents[2] / "deploy/nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Proxied:
    """The portal behind nginx."""

    def __init__(self, portal: Portal, folder: Path) -> None:
        self.folder = folder
        self.plain, self.secure = free_port(), free_port()
        portal.settings.update(
            BASE_URL="https://access.trust.example",
            TRUSTED_PROXIES=["127.0.0.1/32"],
            PRIVATE_NETWORKS=["10.0.0.0/8"],
        )
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        asked += ["-subj", "/CN=access.trust.example", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(asked, check=True, capture_output=True)
        text = EXAMPLE.read_text()
        for written, ours in {
            "/etc/ssl/certs/access.trust.example.pem": certificate,
            "/etc/ssl/private/access.trust.example.key": key,
            "/var/log/nginx": folder,
            "listen 80;": f"listen 127.0.0.1:{self.plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.secure} ssl;",
            "127.0.0.1:8000;": f"127.0.0.1:{portal.port};",
        }.items():
            assert written in text
            text = text.replace(written, str(ours))
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
        )
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(
            f"pid {folder}/nginx.pid;\ndaemon off;\nerror_log {folder}/main.log;\n"
            f"events {{}}\nhttp {{\n{temporary}access_log off;\n{text}\n}}\n"
        )

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.secure}",
            headers={"Host": "access.trust.example"},
            verify=False,
            trust_env=False,
        )


@pytest.fixture
def served(portal: Portal, tmp_path: Path) -> Iterator[tuple[Proxied, Started]]:
    proxied = Proxied(portal, tmp_path)
    nginx = subprocess.Popen([str(NGINX), "-c", str(proxied.configuration), "-p", str(tmp_path)])
    try:
        web = portal._start("serve", "--port", str(portal.port))
        _wait_for(proxied)
        yield proxied, web
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait(10)


def _wait_for(proxied: Proxied) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with proxied.client() as client:
                if client.get("/readyz").status_code == 200:
                    return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


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
