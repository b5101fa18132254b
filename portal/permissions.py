"""Who may. A view declares it, one guard decides, and what is not declared is refused."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, abort, current_app, g, request, url_for
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from portal.domain.roles import Permission, permissions_of
from portal.extensions import login_manager
from portal.htmx import is_htmx, leave_for, page_in_front
from portal.services import sessions

P = ParamSpec("P")
T = TypeVar("T")

MARK = "access"
PUBLIC = "public"
ENROLMENT = "enrolment"


def public(view: Callable[P, T]) -> Callable[P, T]:
    """Open to everybody, signed in or not."""
    setattr(view, MARK, PUBLIC)
    return view


def enrolment(view: Callable[P, T]) -> Callable[P, T]:
    """Open to somebody who signed in with a temporary password, to choose their own, and to nobody else."""
    setattr(view, MARK, ENROLMENT)
    return view


def requires(permission: Permission) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Open to those whose roles give ``permission``; the scope is the loader's to decide."""

    def mark(view: Callable[P, T]) -> Callable[P, T]:
        setattr(view, MARK, permission)
        return view

    return mark


def declared_access(endpoint: str) -> str | Permission | None:
    """What the view of an endpoint declares; None when it declares nothing. Static files are public."""
    if endpoint == "static":
        return PUBLIC
    return getattr(current_app.view_functions[endpoint], MARK, None)


def guard() -> Response | None:
    """Before each request: cross-site writes are refused, and so is whatever the view does not open."""
    if request.method not in ("GET", "HEAD", "OPTIONS") and _comes_from_elsewhere():
        abort(403)
    if request.endpoint is None:
        return None
    access = declared_access(request.endpoint)
    if access == PUBLIC:
        return None
    if access is None:
        abort(403)
    if not current_user.is_authenticated:
        return _to_sign_in()
    if access == ENROLMENT:
        return None if current_user.is_enrolling else leave_for(url_for("sign_in.home"))
    if current_user.is_enrolling:
        return leave_for(url_for("sign_in.enrol"))
    if access not in permissions_of(current_user.roles):
        abort(403)
    return None


def signed_out_fragment() -> Response | None:
    """What a call of HTMX gets that the guard would have sent to the sign-in, had its token not been refused first."""
    if not is_htmx() or request.endpoint is None or declared_access(request.endpoint) == PUBLIC:
        return None
    return None if current_user.is_authenticated else _to_sign_in()


def _to_sign_in() -> Response:
    """The way to sign in and back, with a word about what is gone: the session, and what was sent without one."""
    if request.method not in ("GET", "HEAD"):
        return leave_for(url_for("sign_in.sign_in", next=_wanted()), "not-saved")
    return leave_for(url_for("sign_in.sign_in", next=_wanted()), "session-over" if sessions.has_cookie() else None)


def _comes_from_elsewhere() -> bool:
    """Whether the browser says that another site sent this; the pages of mailed links hide their origin ("null")."""
    origin = request.headers.get("Origin", "null")
    if origin != "null" and origin.partition("://")[2] != request.host:
        return True
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _wanted() -> str | None:
    """Where a signed-out person wanted to go, for after the sign-in: the page, or the one that a form was sent from."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    page = urlsplit(page_in_front() or "")
    return safe_next(urlunsplit(("", "", page.path, page.query, ""))) if page.netloc == request.host else None


def safe_next(target: str | None) -> str | None:
    """A path of this site to go on to, or None (ASVS 3.7.2): no host, no scheme, no backslash, no control character."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return None
    if any(ord(character) <= 32 or ord(character) == 127 for character in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


def _load(token: str) -> sessions.SignedIn | None:
    """Flask-Login's loader. The page of an error must come also when the database cannot say who is reading it."""
    try:
        return sessions.load(token)
    except SQLAlchemyError:
        if g.get("error_page"):
            return None
        raise


def init_app(app: Flask) -> None:
    """The guard, and the one way in which a request becomes somebody."""
    login_manager.init_app(app)
    login_manager.user_loader(_load)
    login_manager.session_protection = None  # it would write into the cookie, which holds a token and a CSRF seed
    app.before_request(guard)
