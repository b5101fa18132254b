"""HTMX's part of requests and answers; nobody else reads or writes ``HX-*`` headers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from portal import notices


def is_htmx() -> bool:
    """Whether a part of the page is asked for; a history restore wants the whole page.

    Whoever looks answers in two ways, and caches are told.
    """
    g.varies_by_htmx = True
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def is_for(place: str) -> bool:
    """Whether the answer goes into the element with the id ``place``."""
    return is_htmx() and request.headers.get("HX-Target", "").rpartition("#")[2] == place


def render(page: str, fragment: str, **context: Any) -> str:
    """The fragment alone to HTMX, the page that includes it to everybody else: one URL, the same context."""
    return render_template(fragment if is_htmx() else page, **context)


def page_query() -> Mapping[str, str]:
    """The query of the page in front of somebody: HTMX posts from it to addresses that may be older than its list."""
    if request.method == "GET" or not is_htmx():
        return request.args
    return dict(parse_qsl(urlsplit(page_in_front() or "").query))


def remember_search(url: str | None = None) -> None:
    """A search while typing is one step of the history: its first results are a new entry, and the next replace it.

    ``url`` is the shortest address of what is shown, where the form's own is longer.
    """
    if not is_htmx() or not request.headers.get("HX-Source", "").endswith(("#q", "-search", "-sort")):
        return
    before, now = urlsplit(request.headers.get("HX-Current-URL", "")), url or request.full_path.rstrip("?")
    typed, typed_now = (dict(parse_qsl(query)) for query in (before.query, urlsplit(now).query))
    again = before.path == request.path and bool(typed.get("q")) and _but_words(typed) == _but_words(typed_now)
    g.history = ("HX-Replace-Url" if again else "HX-Push-Url", now)


def _but_words(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value and name not in ("q", "page")}


def see_other(url: str, notice: str | None = None) -> AnyResponse:
    """303 to ``url``; HTMX is told to go there, because it would follow a 303 into the fragment.

    ``notice`` names one of the fixed texts of ``portal.notices``, shown once on the page that follows.
    """
    answer: AnyResponse = Response(status=204, headers={"HX-Redirect": url}) if is_htmx() else redirect(url, 303)
    if notice:
        notices.put_into_cookie(answer, notice)
    return answer


def leave_for(url: str, notice: str | None = None) -> AnyResponse:
    """A signed-out HTMX call is sent to ``url`` as a whole page, never into a cell; other requests get a 303."""
    answer: AnyResponse = Response(status=401, headers={"HX-Redirect": url}) if is_htmx() else redirect(url, 303)
    if notice:
        notices.put_into_cookie(answer, notice)
    return answer


def page_in_front() -> str | None:
    """The address of the page that a form was sent from, when the browser says so; it may be anybody's."""
    return request.headers.get("HX-Current-URL") or request.referrer


def retarget_to_notice(answer: Response) -> Response:
    """An error's fragment goes to the page's notice, not into the panel that was asked for."""
    answer.headers["HX-Retarget"] = "#page-notice"
    answer.headers["HX-Reswap"] = "innerHTML"
    return answer


def _vary(answer: Response) -> Response:
    """Caches keep pages and fragments apart."""
    if g.get("varies_by_htmx"):
        answer.vary.update(("HX-Request", "HX-History-Restore-Request"))
    return answer


def _write_history(answer: Response) -> Response:
    """Tell HTMX whether the search that this answers is a step of its own."""
    if "history" in g and answer.status_code == 200:
        header, url = g.history
        answer.headers[header] = url
    return answer


def init_app(app: Flask) -> None:
    """What HTMX and caches are told with each answer."""
    app.after_request(_vary)
    app.after_request(_write_history)
