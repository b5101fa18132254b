"""Requests that reach the server at one moment, over sockets of their own.

Each is sent but for its last byte; when all of them stand there, the last bytes follow (the "last-byte sync"). What
the answers say is told, but what counts is what the database holds afterwards.

    answers = race.released(portal.port, [race.form_of(visitor, "/sign-in", fields) for _ in range(50)])
"""

import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.support.visitor import Visitor

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """A form on its way, and the loopback address that it comes from."""

    path: str
    body: bytes
    cookies: str
    address: str
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came back for one of them."""

    status: int
    head: str
    body: str

    @property
    def location(self) -> str:
        found = re.search(r"^location: (.*?)\r?$", self.head, re.I | re.M)
        return found.group(1) if found else ""


def form_of(
    visitor: Visitor, path: str, fields: Mapping[str, str], address: str = "127.0.0.1", headers: Sequence[str] = ()
) -> Request:
    """A form that a visitor has open, with their cookies and their token."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.http.cookies.jar)
    body = urlencode({**fields, "csrf_token": visitor.token}).encode()
    return Request(path, body, cookies, address, tuple(headers))


def released(port: int, requests: Sequence[Request]) -> list[Answer]:
    """Send them all at one moment; answers what each got, in their order."""
    with ExitStack() as open_ones:
        connections = [open_ones.enter_context(_connected(port, request.address)) for request in requests]
        texts = [_bytes_of(request, port) for request in requests]
        for connection, text in zip(connections, texts, strict=True):
            connection.sendall(text[:-1])
        for connection, text in zip(connections, texts, strict=True):
            connection.sendall(text[-1:])
        return [_answer(connection) for connection in connections]


def _connected(port: int, address: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, source_address=(address, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _bytes_of(request: Request, port: int) -> bytes:
    names_host = any(header.lower().startswith("host:") for header in request.headers)
    head = [
        f"POST {request.path} HTTP/1.1",
        *([] if names_host else [f"Host: 127.0.0.1:{port}"]),
        f"Cookie: {request.cookies}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(request.body)}",
        "Connection: close",
        *request.headers,
    ]
    return "\r\n".join([*head, "", ""]).encode() + request.body


def _answer(connection: socket.socket) -> Answer:
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head[9:12]), head.decode("latin-1"), body.decode(errors="replace"))
