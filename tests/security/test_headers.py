"""The headers that every answer carries: every route to everybody, every error, files, redirects and refusals.

ASVS 3.4.1 to 3.4.8, 4.1.1, 13.4.6.
"""

import re
import socket
from collections.abc import Callable, Iterator

import pytest
from werkzeug.datastructures import Headers

from tests.support.answers import every_answer
from tests.support.client import ORIGIN, CheckingClient
from tests.support.everybody import Everybody
from tests.support.policy import holes
from tests.support.server import Portal

YEAR = 365 * 24 * 3600
TLS = ORIGIN.replace("http:", "https:")
ALWAYS = {
    "X-Content-Type-Options": {"nosniff"},
    "Referrer-Policy": {"same-origin", "no-referrer"},
    "Cross-Origin-Opener-Policy": {"same-origin"},
    "Cross-Origin-Resource-Policy": {"same-origin"},
    "Permissions-Policy": {"camera=(), geolocation=(), microphone=()"},
}
NAMES_OF_SOFTWARE = ("Server", "X-Powered-By", "X-AspNet-Version", "Via")


def wrong_with(headers: Headers, tls: bool) -> list[str]:
    wrong = [f"{name}: {headers.get(name)}" for name, right in ALWAYS.items() if headers.get(name) not in right]
    wrong += [f"{name} comes {len(headers.getlist(name))} times" for name in ALWAYS if len(headers.getlist(name)) > 1]
    wrong += holes(headers.get("Content-Security-Policy", ""))
    wrong += [f"{name} is said" for name in NAMES_OF_SOFTWARE if name in headers]
    age = re.match(r"max-age=(\d+)", headers.get("Strict-Transport-Security", ""))
    if tls and not (age and int(age[1]) >= YEAR):
        wrong.append(f"Strict-Transport-Security: {headers.get('Strict-Transport-Security')}")
    if not tls and "Strict-Transport-Security" in headers:
        wrong.append("Strict-Transport-Security without TLS")
    kind = headers.get("Content-Type", "")
    if kind.startswith("text/") and "charset=utf-8" not in kind.lower().replace('"', ""):
        wrong.append(f"Content-Type: {kind}")
    return wrong


@pytest.mark.parametrize("base", [ORIGIN, TLS])
def test_every_answer_carries_them_all(
    everybody: Everybody, as_person: Callable[..., CheckingClient], base: str
) -> None:
    found, policies, statuses = [], set(), set()
    for name, answer in every_answer(everybody, as_person, base):
        found += [f"{name} ({answer.status_code}): {line}" for line in wrong_with(answer.headers, tls=base == TLS)]
        policies.add(answer.headers.get("Content-Security-Policy"))
        statuses.add(answer.status_code)
    assert {200, 303, 308, 400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503} <= statuses
    assert found == []
    assert len(policies) == 1, "one constant policy, no nonce"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The web server as a proxy with TLS has it behind itself."""
    installed = Portal(tmp_path_factory.mktemp("served"))
    installed.settings["BASE_URL"] = installed.url.replace("http:", "https:")
    installed.migrate()
    installed.serve()
    yield installed
    installed.end()


ASKED: dict[str, tuple[str, str, dict[str, str], int]] = {
    "a page": ("GET", "/sign-in", {}, 200),
    "a redirect": ("GET", "/", {}, 303),
    "nothing there": ("GET", "/no-such-page", {}, 404),
    "a file": ("GET", "/static/js/portal.js", {}, 200),
    "a part of a file": ("GET", "/static/js/portal.js", {"Range": "bytes=0-9"}, 206),
    "no part of a file": ("GET", "/static/js/portal.js", {"Range": "bytes=999999-"}, 416),
    "a form sent to a file": ("POST", "/static/js/portal.js", {}, 405),
    "no file": ("GET", "/static/no-such-file.js", {}, 404),
    "a forgery": ("POST", "/sign-out", {}, 403),
    "a method that nobody knows": ("PROPFIND", "/sign-in", {}, 405),
    "another host": ("GET", "/sign-in", {"Host": "evil.example"}, 400),
    "two hosts": ("GET", "/sign-in", {"Host": "127.0.0.1\r\nHost: evil.example"}, 400),
    "the health": ("GET", "/livez", {}, 200),
}


@pytest.mark.parametrize("kind", ASKED)
def test_so_does_every_answer_of_the_web_server_files_and_its_own_refusals_among_them(served: Portal, kind: str):
    method, path, headers, status = ASKED[kind]
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "127.0.0.1", **headers}.items())
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    got = Headers(line.partition(": ")[::2] for line in head[1:])
    assert got.pop("server", "") == "", "the server says nothing of itself"
    assert head[0].split()[1] == str(status)
    assert wrong_with(got, tls=True) == []
    kept_by_browsers = path.startswith("/static/js") and status < 400
    assert "no-store" in got["Cache-Control"] or kept_by_browsers


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "default-src *; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        "default-src 'self'; script-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'",
        "default-src 'self'; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'",
        "default-src 'self'; script-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'",
        "default-src 'self'; script-src https:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'",
        "default-src 'self'; script-src cdn.example; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'",
        "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
        "default-src 'self'; object-src 'none'; frame-ancestors 'none'; form-action 'self'",
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'",
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ],
)
def test_the_judge_of_policies_sees_a_hole(policy: str) -> None:
    assert holes(policy) != []
