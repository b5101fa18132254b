"""What the web server makes of HTTP: files, compression, and requests that nobody should send."""

import gzip
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support.server import Portal

BODY = b"username=a&password=b"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One server for all tests of this file: none of them changes what it serves."""
    installed = Portal(tmp_path_factory.mktemp("served"))
    installed.migrate()
    installed.serve()
    yield installed
    installed.end()


@pytest.fixture
def visitor(served: Portal) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        yield client


def raw(visitor: httpx.Client, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; answers the status and everything that came until the connection was closed."""
    with socket.create_connection(("127.0.0.1", visitor.base_url.port or 80), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer[9:12]), answer


def test_no_answer_names_the_software(visitor: httpx.Client) -> None:
    for path in ("/sign-in", "/nothing", "/static/js/portal.js", "/livez", "/.git/HEAD", "/console", "/static/"):
        answer = visitor.get(path)
        assert answer.headers.get("server", "") == ""
        assert "x-powered-by" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.status_code == 200 or path in ("/nothing", "/.git/HEAD", "/console", "/static/")


def test_a_static_file_is_kept_for_ever_under_the_hash_of_its_content(visitor: httpx.Client) -> None:
    page = visitor.get("/sign-in").text
    address = next(part for part in page.split('"') if part.startswith("/static/js/portal.js?v="))
    file = visitor.get(address)
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in file.headers
    assert "set-cookie" not in file.headers
    assert visitor.get("/static/js/portal.js").headers["cache-control"] == "public, max-age=0, must-revalidate"
    again = visitor.get(address, headers={"If-None-Match": file.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/sign-in", "/static/vendor/nhsuk-frontend.min.css"])
def test_text_is_compressed_for_those_who_accept_it(visitor: httpx.Client, path: str) -> None:
    plain = visitor.get(path, headers={"Accept-Encoding": "identity"})
    small = visitor.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(plain.content) / 2
    assert len(small.content) == len(plain.content)
    for answer in (plain, small):
        assert "Accept-Encoding" in answer.headers["vary"]


def test_the_length_of_a_compressed_page_does_not_tell_what_stands_in_it(visitor: httpx.Client) -> None:
    lengths = {visitor.get("/find-administrator?q=a").headers["content-length"] for _ in range(12)}
    assert len(lengths) > 3


def test_head_answers_the_headers_alone(visitor: httpx.Client) -> None:
    answer = visitor.head("/sign-in")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 1000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (
            b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 21\r\nContent-Length: 5\r\n\r\n" + BODY, 400),
        (b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n c\r\n\r\n", 400),
        (b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: other.example\r\n\r\n", 400),
        (b"GET /sign-in HTTP/1.1\r\n\r\n", 400),
        (b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 65536 + b"\r\n\r\n", 431),
    ],
    ids=["length and chunks", "two lengths", "folded header", "two hosts", "no host", "large header"],
)
def test_what_could_be_read_in_two_ways_is_refused_and_the_connection_closed(
    visitor: httpx.Client, request_: bytes, status: int
) -> None:
    assert raw(visitor, request_)[0] == status


def test_a_body_that_is_too_large_gets_the_page_that_says_so_at_once(visitor: httpx.Client) -> None:
    began = time.monotonic()
    status, answer = raw(visitor, b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1048576\r\n\r\na")
    assert status in (400, 403, 413)
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - began < 2


def test_slow_clients_keep_nobody_else_waiting(visitor: httpx.Client) -> None:
    slow = []
    try:
        for number in range(200):
            connection = socket.create_connection(("127.0.0.1", visitor.base_url.port or 80))
            head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            connection.sendall(head if number % 2 else head + b"Content-Length: 300\r\n\r\nuser")
            slow.append(connection)
        began = time.monotonic()
        assert visitor.get("/find-administrator").status_code == 200
        assert time.monotonic() - began < 1
    finally:
        for connection in slow:
            connection.close()


def test_an_underscore_writes_no_header(portal: Portal) -> None:
    portal.settings["TRUSTED_PROXIES"] = ["127.0.0.1/32"]
    web = portal.serve()
    httpx.get(
        portal.url + "/sign-in",
        headers={"X-Forwarded-For": "198.51.100.7", "X_Forwarded_For": "10.0.0.1"},
        trust_env=False,
    )
    web.stop()
    assert '"address": "198.51.100.7"' in web.said
    assert "10.0.0.1" not in web.said


def test_gzip_with_a_name_in_its_header_is_read_as_any_other() -> None:
    from portal.compression import padded_gzip

    assert gzip.decompress(padded_gzip("Größe".encode() * 500)) == "Größe".encode() * 500


def test_a_client_that_hangs_up_in_the_middle_is_no_error(served: Portal, visitor: httpx.Client) -> None:
    before = len(served.started[0].said)
    head = f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: 100\r\n\r\n"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
            connection.sendall(head.encode() + b"username=")
    time.sleep(0.5)
    assert visitor.get("/livez").status_code == 200
    assert "error" not in served.started[0].said[before:]
