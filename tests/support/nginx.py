"""The example of a reverse proxy as it is written, run by the real nginx before a portal of the test's own."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.ports import free_port
from tests.support.server import ROOT, Portal

EXAMPLE = ROOT / "deploy/nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


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
            timeout=60,
            trust_env=False,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """nginx is there."""
        nginx = subprocess.Popen([str(NGINX), "-c", str(self.configuration), "-p", str(self.folder)])
        try:
            yield
        finally:
            nginx.send_signal(signal.SIGTERM)
            nginx.wait(10)

    def wait_until_ready(self) -> None:
        """Until the portal answers through it."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    if client.get("/readyz").status_code == 200:
                        return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the portal did not get ready behind nginx"
            time.sleep(0.1)
