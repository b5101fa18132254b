"""Methods that nobody needs do nothing and tell nothing; pages of other origins may read nothing.

ASVS 3.4.2, 3.5.6, 4.1.4, 13.4.4.
"""

import socket
from collections.abc import Iterator
from itertools import product

import pytest

from tests.support.crawl import endpoint_at, url_of
from tests.support.everybody import Everybody, rows_of_all_tables
from tests.support.server import Portal

EVIL = "https://evil.example"
PREFLIGHT = {
    "Origin": EVIL,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-csrftoken, hx-request",
    "Access-Control-Request-Private-Network": "true",
}
UNUSED = ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY")


def test_no_page_of_another_origin_may_read_anything(everybody: Everybody):
    opened = []
    everywhere = product(everybody.rules(), ("stranger", "local_admin"), ("GET", "OPTIONS", "POST"), (EVIL, "null"))
    for rule, name, method, origin in everywhere:
        url, headers = url_of(everybody, rule, {"ess_id": 1}), {**PREFLIGHT, "Origin": origin}
        answer = everybody.clients[name].open(url, method=method, headers=headers)
        allowed = [line for line in answer.headers if line[0].lower().startswith("access-control-")]
        opened += [f"{method} {rule} as {name}: {line}" for line in allowed]
    assert opened == []


def test_asking_for_the_methods_changes_nothing_and_names_only_them(everybody: Everybody):
    urls = [(rule, url_of(everybody, rule, {"ess_id": 1})) for rule in everybody.rules()]
    before = rows_of_all_tables()
    for rule, url in urls:
        served = {method for method in ("GET", "HEAD", "POST") if endpoint_at(everybody, url, method)} | {"OPTIONS"}
        for name in ("stranger", "central_admin"):
            answer = everybody.clients[name].open(url, method="OPTIONS", headers=PREFLIGHT)
            assert answer.status_code in (200, 204, 303, 403, 404), f"{rule} as {name}"
            assert answer.status_code != 200 or (not answer.text and set(answer.allow) == served), f"{rule} as {name}"
    assert rows_of_all_tables() == before


@pytest.mark.parametrize("method", UNUSED)
def test_a_method_that_nobody_needs_is_refused_and_echoes_nothing(everybody: Everybody, method: str):
    urls = [(rule, url_of(everybody, rule, {"ess_id": 1})) for rule in everybody.rules()]
    before = rows_of_all_tables()
    for rule, url in urls:
        for name in ("stranger", "central_admin"):
            client = everybody.clients[name]
            answer = client.open(url, method=method, headers={"X-Canary": "echoed"}, data={"first_name": "echoed"})
            assert answer.status_code == 405, f"{method} {rule} as {name}"
            assert "echoed" not in answer.text
    assert rows_of_all_tables() == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_and_no_field_makes_a_look_something_else(everybody: Everybody, header: str):
    urls = [url_of(everybody, rule, {"ess_id": 1}) for rule in everybody.rules()]
    before = rows_of_all_tables()
    for url in urls:
        everybody.clients["local_admin"].open(f"{url}?_method=POST", headers={header: "POST"})
    assert rows_of_all_tables() == before


@pytest.mark.parametrize("name", ["callback", "jsonp", "cb"])
def test_the_json_is_never_a_script(everybody: Everybody, name: str):
    answer = everybody.clients["stranger"].open(f"/find-administrator.json?q=county&{name}=alert")
    assert answer.mimetype == "application/json"
    assert answer.text.startswith("{")
    assert "alert" not in answer.text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    installed = Portal(tmp_path_factory.mktemp("served"))
    installed.migrate()
    installed.serve()
    yield installed
    installed.end()


@pytest.mark.parametrize("method", [*UNUSED, "OPTIONS", "G\x00T"])
@pytest.mark.parametrize("path", ["/sign-in", "/static/js/portal.js", "/no-such-page", "*"])
def test_the_web_server_itself_does_nothing_with_them_either(served: Portal, method: str, path: str):
    request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Canary: echoed\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(f"{request}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    if answer:
        asked_for_methods = method == "OPTIONS" and path in ("/sign-in", "*")
        assert int(answer[9:12]) in ((200, 400, 404) if asked_for_methods else (400, 404, 405, 501))
    assert b"echoed" not in answer
    assert b"access-control-" not in answer.lower()
