"""Gzip for what is text and worth it. Static files are compressed once, pages at each answer.

A page holds the form's token next to words that a visitor may choose, so its compressed length could tell about the
token (BREACH). Each compressed page therefore carries a file name of random length in its gzip header, which browsers
skip.
"""

import gzip
import secrets
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.http import parse_accept_header

SMALLEST = 600
LARGEST = 2 * 1024 * 1024
TYPES = frozenset({"text/html", "text/css", "text/plain", "text/javascript", "application/json", "image/svg+xml"})
LONGEST_PADDING = 100

Headers = list[tuple[str, str]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Compressed:
    """Around a WSGI application: its whole answers of a known length, gzipped for those who accept that."""

    def __init__(self, application: Wsgi) -> None:
        self.application = application
        self.kept: dict[tuple[str, str], bytes] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does, smaller."""
        told: list[Any] = []

        def listen(status: str, headers: Headers, *rest: Any) -> Any:
            told[:] = [status, headers]
            if _worth(environ, status, headers):
                return None
            return start_response(status, headers, *rest)

        answer = self.application(environ, listen)
        status, headers = told
        if not _worth(environ, status, headers):
            return answer
        try:
            whole = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        smaller = self._smaller(environ["PATH_INFO"], whole, headers) if _accepts_gzip(environ) else None
        start_response(status, _headers(headers, smaller))
        return [whole if smaller is None else smaller]

    def _smaller(self, path: str, whole: bytes, headers: Headers) -> bytes:
        entity = next((value for name, value in headers if name.lower() == "etag"), None)
        if entity is None:
            return padded_gzip(whole)
        if (path, entity) not in self.kept:
            self.kept[path, entity] = gzip.compress(whole, 9, mtime=0)
        return self.kept[path, entity]


def _worth(environ: dict[str, Any], status: str, headers: Headers) -> bool:
    if environ["REQUEST_METHOD"] == "HEAD" or status[:3] in ("204", "206", "304"):
        return False
    found = {name.lower(): value for name, value in headers}
    length = found.get("content-length", "")
    return (
        length.isdigit()
        and SMALLEST <= int(length) <= LARGEST
        and "content-encoding" not in found
        and found.get("content-type", "").partition(";")[0] in TYPES
    )


def _accepts_gzip(environ: dict[str, Any]) -> bool:
    accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
    return "gzip" in accepted and parse_accept_header(accepted).quality("gzip") > 0


def _headers(headers: Headers, smaller: bytes | None) -> Headers:
    kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "vary")]
    varies = [value for name, value in headers if name.lower() == "vary"]
    kept.append(("Vary", ", ".join([*varies, "Accept-Encoding"])))
    if smaller is None:
        return [*kept, ("Content-Length", next(value for name, value in headers if name.lower() == "content-length"))]
    return [*kept, ("Content-Encoding", "gzip"), ("Content-Length", str(len(smaller)))]


def padded_gzip(whole: bytes) -> bytes:
    """A gzip file (RFC 1952) whose header carries a file name of random length, up to ``LONGEST_PADDING``."""
    name = b"x" * secrets.randbelow(LONGEST_PADDING + 1)
    packer = zlib.compressobj(4, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(whole) + packer.flush()
    head = b"\x1f\x8b\x08\x08" + bytes(4) + b"\x00\xff" + name + b"\x00"
    return head + body + zlib.crc32(whole).to_bytes(4, "little") + (len(whole) & 0xFFFFFFFF).to_bytes(4, "little")
