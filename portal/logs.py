"""The log: one JSON object a line on standard error, whatever stands in a name, a header or an exception.

Nothing typed by a person goes into it: a request is logged by its URL rule, never by its path or query, which may carry
a token; an exception by its type and place, never by its message, which may quote a parameter (ASVS 16.2.5, 16.4.1).
"""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, request, request_started

from portal.network import Network, client_address

QUIET = frozenset({"/livez", "/readyz"})
RULE = "portal.rule"

log = logging.getLogger("portal.requests")


class JsonLines(logging.Formatter):
    """One line a record, all ASCII: line ends and control codes are escaped. ``extra={"fields": {…}}`` adds fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _places(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


def _places(error: BaseException) -> list[str]:
    """Where an error came from, the cause first: types, files and lines, without messages or values."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    found = _places(before) if before is not None else []
    frames = traceback.extract_tb(error.__traceback__)
    found.extend(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return [*found, type(error).__name__]


def configure(level: int = logging.INFO) -> None:
    """Everything that this process logs goes to standard error in the form above."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Requests:
    """Around a WSGI application: one line a request, with rule, status and milliseconds, when its answer is whole."""

    def __init__(self, app: Flask, application: Wsgi, trusted: tuple[Network, ...]) -> None:
        self.application = application
        self.trusted = trusted
        request_started.connect(_note_rule, app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does."""
        began = time.perf_counter()
        status = "500"

        def note_status(line: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, headers, *rest)

        def finished() -> None:
            self._write(environ, int(status), time.perf_counter() - began)

        try:
            answer = self.application(environ, note_status)
        except BaseException:
            finished()
            raise
        return _Finishing(answer, finished)

    def _write(self, environ: dict[str, Any], status: int, seconds: float) -> None:
        rule = environ.get(RULE)
        if rule in QUIET and status < 400:
            return
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        fields = {
            "method": environ["REQUEST_METHOD"],
            "rule": rule,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "address": client_address(environ["REMOTE_ADDR"], [forwarded] if forwarded else [], self.trusted),
        }
        log.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra={"fields": fields})


class _Finishing:
    """An answer that says when it is over."""

    def __init__(self, answer: Iterable[bytes], finished: Callable[[], None]) -> None:
        self.answer = answer
        self.parts = iter(answer)
        self.finished = finished

    def __iter__(self) -> "_Finishing":
        return self

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        """Let go of the answer, then say so."""
        try:
            if hasattr(self.answer, "close"):
                self.answer.close()
        finally:
            self.finished()


def _note_rule(_app: Flask, **_extra: Any) -> None:
    rule = request.url_rule
    request.environ[RULE] = rule.rule if rule else None
