"""What a page says once, after the change that led to it: a code in a short-lived cookie, a fixed text on the page."""

from flask import current_app, g, request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

COOKIE = "notice"
SECONDS = 60

TEXTS: dict[str, LazyString] = {
    "signed-out": _("You have signed out."),
    "password-chosen": _("Your password has been set. You are signed in."),
    "password-reset": _("Your password has been changed. Sign in with the new one."),
    "saved": _("The changes have been saved."),
    "unchanged": _("Nothing was different, so nothing was changed."),
    "created": _("The contact has been created. They are not registered yet."),
    "registered": _("The contact has been registered."),
    "unlocked": _("The account has been unlocked."),
    "re-enrolled": _("The contact has been re-enrolled."),
    "deactivated": _("The contact has been made inactive."),
    "reactivated": _("The contact has been made active again. They are not registered yet."),
    "delivered": _("What was due has been delivered."),
}


def put_into_cookie(answer: Response, code: str) -> None:
    """Leave ``code`` for the page that follows; an empty one takes away what was left."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    age = SECONDS if code else 0
    answer.set_cookie(_cookie_name(), code, max_age=age, httponly=True, samesite="Lax", secure=secure, path="/")


def _cookie_name() -> str:
    return f"__Host-{COOKIE}" if current_app.config["SESSION_COOKIE_SECURE"] else COOKIE


def notice() -> LazyString | None:
    """The text that the page before left, if any; showing it uses it up."""
    code = request.cookies.get(_cookie_name())
    if code is None:
        return None
    g.notice_shown = True
    return TEXTS.get(code)


def use_up(answer: Response) -> Response:
    """A notice that was shown is not shown again."""
    if g.get("notice_shown"):
        put_into_cookie(answer, "")
    return answer
