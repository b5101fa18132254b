"""What can go wrong, as exceptions, and the page that each error answers with: generic, with what to do next."""

import errno
import logging
import math
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, Response, g, make_response, render_template
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from portal import clock
from portal.filters import minute_after, time_of_day

OUT_OF_MEANS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EIO, errno.EROFS})
"""What the system says when it cannot do just now what it is asked for."""

NOT_NOW = {"Retry-After": "30"}
PAGES = (400, 403, 404, 405, 409, 413, 429, 500, 503)

MESSAGES: dict[int, LazyString] = {
    400: _("The portal could not read what was sent. Load the page again and try once more."),
    403: _("You may not do this."),
    404: _("This is not there any more. Load the page again to see what is."),
    405: _("This cannot be done in this way. Load the page again and try once more."),
    409: _("Somebody else has changed this in the meantime. Load the page again to see what it is now."),
    413: _("What was sent is too large."),
    429: _("There were too many attempts."),
    500: _("Something went wrong on our side, and nothing was changed."),
    503: _("The portal is too busy just now, and nothing was changed. Try again in a moment."),
}

STALE = _(
    "This page belongs to an earlier sign-in, so nothing was saved. Copy what you typed, load the page again and send "
    "it once more."
)

log = logging.getLogger(__name__)


class PortalError(Exception):
    """Something that the product answers with a page of its own."""

    status = 500
    headers: dict[str, str] = {}
    words: dict[str, Any] = {}


class NotFound(PortalError):  # noqa: N818 - named as the field names it
    """It does not exist, or it is outside the reach of who asks: the same answer for both (ASVS 8.2.2)."""

    status = 404


class Forbidden(PortalError):  # noqa: N818
    """It exists, and who asks may see it, but not do this."""

    status = 403


class TooMany(PortalError):  # noqa: N818
    """This address has done something too often; it may again in ``seconds``. Neither answer is too early."""

    status = 429

    def __init__(self, seconds: float, signing_in: bool = False) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
        retry_at = time_of_day(minute_after(clock.now() + timedelta(seconds=seconds)))
        self.words = {"retry_at": retry_at, "signing_in": signing_in}


class Unavailable(PortalError):  # noqa: N818
    """What the portal needs for this does not work just now: nobody is let in (ASVS 16.5.3)."""

    status = 503
    headers = NOT_NOW


def init_app(
    app: Flask,
    fragment_answer: Callable[[Response], Response],
    is_fragment: Callable[[], bool],
    signed_out_fragment: Callable[[], AnyResponse | None],
) -> None:
    """Register the pages. To HTMX an error answers a notice, marked by ``fragment_answer`` for its place.

    ``signed_out_fragment`` is what HTMX gets instead when a token is stale because the whole session is.
    """

    def answer(
        status: int, headers: dict[str, str] | None = None, name: str | None = None, **context: object
    ) -> Response:
        page = status if status in PAGES else (400 if status < 500 else 500)
        g.error_page = page
        template = "errors/_notice.html" if is_fragment() else f"errors/{name or page}.html"
        words = {"message": MESSAGES[page], "error_id": None, "retry_at": None, "signing_in": False, **context}
        response = make_response(render_template(template, **words), status, headers or {})
        return fragment_answer(response) if is_fragment() else response

    @app.errorhandler(PortalError)
    def portal_error(error: PortalError) -> Response:
        if error.status >= 500:
            log.error("not available: %s", type(error).__name__, exc_info=error)
        return answer(error.status, error.headers, **error.words)

    @app.errorhandler(CSRFError)
    def stale(_error: CSRFError) -> AnyResponse:
        return signed_out_fragment() or answer(403, name="stale", message=STALE)

    @app.errorhandler(SecurityError)
    def another_host(_error: SecurityError) -> Response:
        # No page: its links would have to be built for a host that is not ours.
        return Response(f"{_('Bad request')}\n", 400, mimetype="text/plain")

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return make_response(error.get_response())
        pause = _pause(error)
        return answer(status, _kept_headers(error)) if pause is None else portal_error(pause)

    @app.errorhandler(NoConnectionFree)
    @app.errorhandler(DBAPIError)
    def database_away(error: DBAPIError | NoConnectionFree) -> Response:
        if isinstance(error, DBAPIError) and not is_away(error):
            return unforeseen(error)
        log.error("the database did not answer: %s", type(getattr(error, "orig", error)).__name__)
        return answer(503, NOT_NOW)

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> Response:
        if isinstance(error, OSError) and error.errno in OUT_OF_MEANS:
            log.error("the system refused: %s", errno.errorcode[error.errno])
            return answer(503, NOT_NOW)
        error_id = _noted(error)
        if app.testing and app.config.get("PROPAGATE_EXCEPTIONS"):
            raise error
        return answer(500, error_id=error_id)


def _noted(error: Exception) -> str:
    """Write down an error that nobody foresaw; answers the number by which its page and the log name it."""
    error_id = secrets.token_hex(4)
    log.error("error %s: %s", error_id, type(error).__name__, exc_info=error)
    return error_id


def _kept_headers(error: HTTPException) -> dict[str, str]:
    """What an error says in headers that its page says too."""
    said = error.response.headers if error.response is not None else error.get_headers()
    return {name: value for name, value in said if name in ("Allow", "Retry-After")}


def _pause(error: HTTPException) -> TooMany | None:
    """The limiter's error as one of ours, which says until when."""
    seconds = _kept_headers(error).get("Retry-After")
    return TooMany(float(seconds)) if error.code == 429 and seconds else None


def is_away(error: DBAPIError) -> bool:
    """Whether the database cannot do its work just now, rather than being asked for something wrong.

    PostgreSQL has kinds of its own for a database that is read-only (25006) and for a table that is not there (42P01);
    SQLite says only that there is an error of the database (and no more) when it cannot read its own pages.
    """
    unreadable = type(error) is DatabaseError
    broken = unreadable or isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
    return broken or getattr(error.orig, "sqlstate", None) in ("25006", "42P01")


def load_pages(app: Flask) -> None:
    """Read the templates of the error pages, and what they are made of, while files can be opened."""
    for name in app.jinja_env.list_templates(
        filter_func=lambda name: name.startswith(("errors/", "layouts/", "macros/"))
    ):
        app.jinja_env.get_template(name)
