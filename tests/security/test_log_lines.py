"""One JSON line an event, whatever stands in names, headers, paths and methods (ASVS 16.4.1)."""

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from portal.logs import JsonLines
from tests.support.server import Portal, Started
from tests.support.visitor import visiting
from tests.support.waiting import wait_until

FORGED = 'x\n{"event":"login_ok","username":"root"}'
POISON = (
    FORGED,
    'x\r\n{"event":"login_ok"}',
    "\x1b[2K\x1b[1A\x1b[31m",
    "\u2028\u2029\x85",
    '"}\n{"a":"',
    "\x00\x07\x08",
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One installation for all: what is asked for adds to its log."""
    installed = Portal(tmp_path_factory.mktemp("installed"))
    installed.migrate()
    yield installed
    installed.end()


@pytest.fixture(scope="module")
def web(portal: Portal) -> Started:
    return portal.serve()


def requests_of(web: Started) -> list[dict[str, object]]:
    return [line for line in lines_of(web) if line["event"] == "request"]


def lines_of(web: Started) -> list[dict[str, object]]:
    """Every line that is whole, as it stands in the log. Raises for one that is no JSON object."""
    found = [json.loads(line) for line in web.said.split("\n")[:-1] if line]
    assert all(isinstance(line, dict) for line in found)
    return found


def settle(web: Started, count: int, which: Callable[[Started], list[dict[str, object]]] = lines_of) -> None:
    """A line is written when its answer has gone: wait for it, and a moment longer for one too many."""
    wait_until(lambda: len(which(web)) >= count, f"there are {count} lines")
    time.sleep(0.05)


def raw(portal: Portal, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("number", range(len(POISON)))
def test_a_sign_in_under_a_forged_name_is_one_line(portal: Portal, web: Started, number: int):
    """Page and form, one line each; neither name nor browser stands in them."""
    before = len(lines_of(web))
    with visiting(portal.url) as visitor:
        visitor.http.headers["User-Agent"] = POISON[0].replace("\n", "\\n")
        visitor.try_to_sign_in(POISON[number], "x", expect=422)
    settle(web, before + 2)
    assert len(lines_of(web)) == before + 2
    assert "login_ok" not in web.said
    assert "\x1b" not in web.said


@pytest.mark.parametrize(
    "head",
    [
        b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: x\\n{\"event\":\"login_ok\"}\xe2\x80\xa8\r\n",
        b"GET /x%0a%7b%22event%22:%22login_ok%22%7d%1b[31m HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET /sign-in?next=%0d%0a%7b%22event%22:%22login_ok%22%7d HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"LOGIN_OK /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 1.2.3.4, {\"event\":\"login_ok\"}\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nReferer: http://x/\t{\"event\":\"login_ok\"}\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: portal=x\\n{\"event\":\"login_ok\"}\r\n",
        b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=\"\\n{}\"\r\n"
        b"Content-Length: 4\r\n",
        b"GET /sign-in HTTP/1.1\r\nHost: {\"event\":\"login_ok\"}\r\n",
    ],
    ids=["browser", "path", "query", "method", "address", "referrer", "cookie", "boundary", "host"],
)  # fmt: skip
def test_a_request_adds_one_line_whatever_it_holds(portal: Portal, web: Started, head: bytes):
    before = len(requests_of(web))
    raw(portal, head + b"Connection: close\r\n\r\nabcd")
    settle(web, before + 1, requests_of)
    requests = requests_of(web)
    assert len(requests) == before + 1
    assert set(requests[-1]) == {"time", "level", "logger", "event", "method", "rule", "status", "ms", "address"}
    assert requests[-1]["rule"] in ("/sign-in", None)
    assert requests[-1]["method"] in ("GET", "POST", "LOGIN_OK")
    assert requests[-1]["address"] == "127.0.0.1"
    assert "login_ok" not in web.said
    assert not re.search(r"\x1b|\\u001b", web.said)


@pytest.mark.parametrize("text", POISON)
def test_a_record_of_the_log_is_one_line_of_plain_characters(text: str):
    """Whatever a library may put into its message, its fields or its exception."""
    try:
        raise ValueError(text)
    except ValueError as error:
        where = (type(error), error, error.__traceback__)
    record = logging.LogRecord(text, logging.ERROR, text, 1, "said %s", (text,), where)
    record.fields = {text: text}
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["event"] == f"said {text}"
    assert json.loads(line)["error"][-1] == "ValueError"
