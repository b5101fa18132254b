"""A shared cache in front of the portal, the real nginx: it keeps files, and nothing of anybody's (ASVS 14.2.5)."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import httpx
import pytest

from portal.domain.roles import Role
from tests import factories
from tests.factories import PASSWORD
from tests.reliability.conftest import CODE, Trust
from tests.support.ports import free_port
from tests.support.server import Portal
from tests.support.visitor import Visitor
from tests.support.waiting import wait_until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
FOR_HTMX = {"HX-Request": "true"}
RESTORED = {"HX-Request": "true", "HX-History-Restore-Request": "true"}

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

# It keeps whatever the portal's answers allow, for the time that they allow; what says nothing it keeps for a minute.
CACHE = """
pid {folder}/nginx.pid;
daemon off;
master_process off;
error_log {folder}/error.log;
events {{}}
http {{
  {temporary}
  access_log off;
  proxy_cache_path {folder}/cache keys_zone=all:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_set_header Host 127.0.0.1;
      proxy_cache all;
      proxy_cache_key $request_uri;
      proxy_cache_valid any 60s;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def cache(portal: Portal, tmp_path: Path) -> Iterator[str]:
    """The address of a cache that everybody shares, in front of the portal."""
    folder, port = tmp_path / "nginx", free_port()
    folder.mkdir()
    kinds = ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    configuration = folder / "nginx.conf"
    configuration.write_text(CACHE.format(folder=folder, temporary=temporary, port=port, behind=portal.port))
    portal.serve()
    nginx = subprocess.Popen([str(NGINX), "-c", str(configuration), "-p", str(folder)])
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(address), "nginx answers")
        yield address
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait(10)


@pytest.fixture
def browsers(trust: Trust, cache: str) -> Iterator[dict[str, Visitor]]:
    """Two administrators of two organisations, and somebody who is not signed in, each behind the cache."""
    with trust.database():
        elsewhere = factories.organisation("RX1", "ST ELSEWHERE TRUST")
        omar = factories.person(elsewhere, "Omar Elsewhere", email="omar@elsewhere.example")
        factories.grant(omar, Role.LOCAL_ADMINISTRATOR, organisation=elsewhere)
        other = omar.account.username or ""
    made = {name: Visitor(cache) for name in ("Lena", "Omar", "nobody")}
    made["Lena"].sign_in(trust.administrator, PASSWORD)
    made["Omar"].sign_in(other, PASSWORD)
    yield made
    for browser in made.values():
        browser.close()


PATHS = (
    "/sign-in", "/find-administrator", "/find-administrator?q=county", f"/find-administrator/{CODE}", "/", "/account",
    "/organisations", f"/organisations/{CODE}/contacts", f"/organisations/{CODE}/contacts/1", "/account/x.css",
    "/static/x.css",
)  # fmt: skip


def test_neither_people_nor_pages_and_fragments_are_mixed_up(browsers: dict[str, Visitor]):
    for path, headers in product(PATHS * 2, (FOR_HTMX, {}, RESTORED)):
        for name, browser in browsers.items():
            answer = browser.http.get(path, headers=headers)
            text = answer.text
            assert answer.headers["X-Cache"] in ("MISS", "EXPIRED", "BYPASS"), f"{path} was kept"
            assert ("Lena Administrator" in text) <= (name == "Lena"), f"{path}: Lena's page came to {name}"
            assert ("Omar Elsewhere" in text) <= (name == "Omar"), f"{path}: Omar's page came to {name}"
            assert "<html" in text or not text or headers is FOR_HTMX, f"{path}: a fragment came to {name} as a page"


def test_the_cache_keeps_what_it_may(browsers: dict[str, Visitor]):
    page = browsers["nobody"].http.get("/sign-in").text
    file = next(part for part in page.split('"') if part.startswith("/static/js/portal.js?v="))
    assert [browser.http.get(file).headers["X-Cache"] for browser in browsers.values()] == ["MISS", "HIT", "HIT"]
