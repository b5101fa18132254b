"""Between the web server (granian, RSGI) and the application (WSGI).

The server's own WSGI side hands the application the last of several headers, takes ``X_Forwarded_For`` for
``X-Forwarded-For`` (so that a visitor could write their own address behind a proxy that lets underscores through), and
keeps a thread for every client that sends its body slowly. Here headers with underscores are dropped, repeated ones are
joined, bodies are read before a thread is taken, within a time and a size, and more requests than the queue holds are
turned away (RFC 9112, ASVS 4.2.1). Pages and forms wait in queues of their own: hundreds who sign in at once, a hash
each, keep nobody from reading (ASVS 15.2.2).
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from granian.rsgi import ProtocolClosed

from portal.headers import put_into_list

Headers = list[tuple[str, str]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SEND_SECONDS = 60
UPLOAD_SECONDS = 120
LARGE_AT_ONCE = 4
"""Files that are received, and held in memory, at one time."""
LARGEST_WHOLE = 1024 * 1024
"""Bytes of an answer that is sent in one piece."""
HIDE_SERVER = ("server", "")
CLOSE = ("connection", "close")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
RETRY = ("retry-after", "5")
SINGLE = frozenset({"host", "content-length", "content-type", "authorization"})

log = logging.getLogger(__name__)


class BadRequest(Exception):  # noqa: N818 - named as HTTP names it
    """The request breaks HTTP, or could be read in two ways."""


@dataclass
class Lane:
    """Requests of one kind: ``threads`` of them at once, and ``queue`` more may wait."""

    threads: int
    queue: int
    waiting: int = 0
    pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix="request")

    @property
    def is_full(self) -> bool:
        """Whether who comes now is turned away."""
        return self.waiting >= self.threads + self.queue


@dataclass
class Gateway:
    """A WSGI application as an RSGI one: ``threads`` pages at once and as many forms; ``queue`` of each may wait."""

    application: Wsgi
    scheme: str
    body_limit: int
    upload_limit: int
    threads: int = 4
    queue: int = 256
    body_seconds: float = 20
    pages: Lane = field(init=False)
    forms: Lane = field(init=False)
    large: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.pages, self.forms = Lane(self.threads, self.queue), Lane(self.threads, self.queue)
        self.large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __call__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        try:
            environ = environ_of(scope, self.scheme)
            environ["wsgi.input"], closing = await self._body(environ, protocol)
        except BadRequest:
            return self._refuse(protocol, 400)
        except TimeoutError:
            return self._refuse(protocol, 408)
        except ProtocolClosed:
            return None  # nobody is there any more
        lane = self.pages if environ["REQUEST_METHOD"] in READING else self.forms
        if lane.is_full:
            return self._refuse(protocol, 503, RETRY)
        lane.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(lane.pool, self._answer, environ, protocol, loop, closing)
        finally:
            lane.waiting -= 1
        return None

    async def _body(self, environ: dict[str, Any], protocol: Any) -> tuple[BytesIO, Headers]:
        """The request's body, whole; one that is too large is left unread, and the application says so."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length == 0:
            return BytesIO(), []
        if length > (self.upload_limit if takes_files(environ) else self.body_limit):
            return BytesIO(), [CLOSE]
        if length <= self.body_limit:
            async with asyncio.timeout(self.body_seconds):
                return BytesIO(await protocol()), []
        async with asyncio.timeout(UPLOAD_SECONDS), self.large:
            return BytesIO(await protocol()), []

    def _answer(
        self, environ: dict[str, Any], protocol: Any, loop: asyncio.AbstractEventLoop, closing: Headers
    ) -> None:
        told: list[Any] = []

        def start_response(status: str, headers: Headers, *_rest: Any) -> None:
            told[:] = [int(status[:3]), headers]

        try:
            answer = self.application(environ, start_response)
        except Exception as error:
            log.error("no answer: %s", type(error).__name__, exc_info=error)
            return self._refuse(protocol, 500)
        try:
            _send(answer, told, protocol, loop, closing, bodiless=environ["REQUEST_METHOD"] == "HEAD")
        except Exception as error:
            log.warning("answer cut short: %s", type(error).__name__, exc_info=error)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return None

    def _refuse(self, protocol: Any, status: int, *headers: tuple[str, str]) -> None:
        """An answer of the gateway's own: no page, and the connection is over."""
        strict = [(name.lower(), value) for name, value in put_into_list(list(headers), self.scheme)]
        protocol.response_bytes(status, [HIDE_SERVER, CLOSE, *strict], b"")


def takes_files(environ: dict[str, Any]) -> bool:
    """Whether files come to this address: it may be sent more than a form, by who has a cookie of ours."""
    return environ["PATH_INFO"].endswith("/uploads") and "portal=" in environ.get("HTTP_COOKIE", "")


def environ_of(scope: Any, scheme: str) -> dict[str, Any]:
    """The WSGI environment of a request. Raises BadRequest for one that could be read in two ways."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    headers = scope.headers
    for name in headers.keys():  # noqa: SIM118 - not a dict
        values = headers.get_all(name)
        if (name in SINGLE and len(values) > 1) or name == "transfer-encoding":
            raise BadRequest
        if "_" in name:
            continue
        joined = ("; " if name == "cookie" else ",").join(values)
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"] = joined
    if not environ.get("HTTP_HOST"):
        raise BadRequest
    return environ


def _send(
    answer: Iterable[bytes],
    told: list[Any],
    protocol: Any,
    loop: asyncio.AbstractEventLoop,
    closing: Headers,
    *,
    bodiless: bool,
) -> None:
    """Send an answer: whole when it is short, else piece by piece, as fast as the client takes it."""
    parts = iter(answer)
    first = next(parts, b"")
    status, headers = told
    length = next((value for name, value in headers if name.lower() == "content-length"), None)
    kept = [(name.lower(), value) for name, value in headers if name.lower() != "content-length"]
    kept += [HIDE_SERVER, *closing]
    if bodiless and length is not None:
        kept.append(("content-length", length))
    if bodiless or (length is not None and int(length) <= LARGEST_WHOLE):
        protocol.response_bytes(status, kept, b"" if bodiless else b"".join((first, *parts)))
        return
    if length is not None:
        kept.append(("content-length", length))
    transport = protocol.response_stream(status, kept)
    for part in (first, *parts) if isinstance(answer, list) else _chain(first, parts):
        if part:
            asyncio.run_coroutine_threadsafe(_awaited(transport, part), loop).result(SEND_SECONDS)


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


async def _awaited(transport: Any, part: bytes) -> None:
    await transport.send_bytes(part)
