"""Who may. A view declares it, one guard decides, and what is not declared is refused."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, abort, current_app, g, request, url_for
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal.domain.roles import Permission, permissions_of
from portal.extensions import login_manager
from portal.htmx import is_htmx, leave_for, page_in_front, see_other
from portal.services import held_forms, own_password, sessions
from portal.transactions import write

P = ParamSpec("P")
T = TypeVar("T")

MARK = "access"
CONFIRMED = "confirmed"
POLLED = "polled"
ASIDE = "aside"
FILES = "files"
PUBLIC = "public"
ENROLMENT = "enrolment"
LONGEST_NEXT = 1000
"""Characters of an address to go on to: the form that carries it has room for no more."""


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


def confirmed(view: Callable[P, T]) -> Callable[P, T]:
    """Wants a password that was given within the hour (ASVS 7.5.1, 7.5.3); nothing is done until it was given again."""
    setattr(view, CONFIRMED, True)
    return view


def polled(view: Callable[P, T]) -> Callable[P, T]:
    """Asked for by the page itself, again and again: no use of the session, which such calls keep alive no longer."""
    setattr(view, POLLED, True)
    return view


def aside(view: Callable[P, T]) -> Callable[P, T]:
    """Asked for while somebody types: where the session is over, they learn it when they send what they typed."""
    setattr(view, ASIDE, True)
    return view


def is_polled(endpoint: str | None) -> bool:
    """Whether the view of an endpoint is marked so."""
    return endpoint is not None and hasattr(current_app.view_functions[endpoint], POLLED)


def declared_access(endpoint: str) -> str | Permission | None:
    """What the view of an endpoint declares; None when it declares nothing. Static files are public."""
    if endpoint == "static":
        return PUBLIC
    return getattr(current_app.view_functions[endpoint], MARK, None)


def takes_files(view: Callable[P, T]) -> Callable[P, T]:
    """May be sent as much as a file has, by who is signed in; anything else no more than a form."""
    setattr(view, FILES, True)
    return view


def make_room() -> None:
    """Before anything reads the request: how much it may hold."""
    view = current_app.view_functions.get(request.endpoint or "")
    if hasattr(view, FILES) and sessions.has_cookie():
        request.max_content_length = current_app.config["UPLOAD_BYTES"]


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
    return password_first() if hasattr(current_app.view_functions[request.endpoint], CONFIRMED) else None


def signed_out_fragment() -> Response | None:
    """What a call of HTMX gets that the guard would have sent to the sign-in, had its token not been refused first."""
    if not is_htmx() or request.endpoint is None or declared_access(request.endpoint) == PUBLIC:
        return None
    return None if current_user.is_authenticated else _to_sign_in()


def _to_sign_in() -> Response:
    """The way to sign in and back, with a word about what is gone: the session, and what was sent without one."""
    if is_htmx() and hasattr(current_app.view_functions[request.endpoint or ""], ASIDE):
        return Response(status=401)
    if request.method not in ("GET", "HEAD"):
        return leave_for(url_for("sign_in.sign_in", next=_wanted()), "not-saved")
    return leave_for(url_for("sign_in.sign_in", next=_wanted()), "session-over" if sessions.has_cookie() else None)


def password_first() -> Response | None:
    """The way to give the password again and back, with what was sent held meanwhile; None when it was given lately.

    For a view whose form only sometimes changes what a password is asked for; ``confirmed`` marks the others.
    """
    sent = request.method not in ("GET", "HEAD")
    if own_password.is_fresh(current_user):
        if sent and current_user.session.held_form is not None:
            with write():
                held_forms.use_up(current_user)
        return None
    key = None
    if sent:
        with write():
            key = held_forms.hold(current_user, request.path, request.form.items(multi=True))
    return see_other(url_for("account.confirm", next=_page_of_what_was_asked(), held=key))


def _page_of_what_was_asked() -> str:
    """The page to come back to: this address, or, where it is no page, the one that the form was sent from."""
    adapter = current_app.create_url_adapter(request)
    if adapter is not None and adapter.test(method="GET"):
        return request.full_path.rstrip("?")
    return _wanted() or url_for("sign_in.home")


def held_fields(path: str | None = None) -> MultiDict[str, str] | None:
    """What was sent to ``path`` (this address, if None) before the password was given again; None when nothing was.

    A page fills its form with it, and marks the form with ``data-go-on``: it goes on by itself.
    """
    fields = held_forms.held_for(current_user, path or request.path)
    return None if fields is None else MultiDict(fields)


def _comes_from_elsewhere() -> bool:
    """Whether the browser says that another site sent this; the pages of mailed links hide their origin ("null").

    A page that came without TLS is another site, when ours come with it: whoever is in between may have written it.
    """
    origin = request.headers.get("Origin", "null")
    if origin not in ("null", f"https://{request.host}", f"{request.scheme}://{request.host}"):
        return True
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")


def _wanted() -> str | None:
    """Where a signed-out person wanted to go, for after the sign-in: the page, or the one that a form was sent from."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    page = urlsplit(page_in_front() or "")
    return safe_next(urlunsplit(("", "", page.path, page.query, ""))) if page.netloc == request.host else None


def safe_next(target: str | None) -> str | None:
    """A path of this site to go on to, or None (ASVS 3.7.2): no host, no scheme, no backslash, nothing but plain signs.

    Other letters are percent-encoded in an address; as they are they fit into no header.
    """
    if (
        not target
        or len(target) > LONGEST_NEXT
        or not target.startswith("/")
        or target.startswith(("//", "/\\"))
        or "\\" in target
    ):
        return None
    if any(not "!" <= character <= "~" for character in target):
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
