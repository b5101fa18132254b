"""The token of a mailed link leaves the address at once, for a cookie that lasts as long as the link (ASVS 14.2.1)."""

from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response

LONGEST = 500


def put(answer: Response, name: str, token: str) -> None:
    """The browser keeps ``token`` under ``name``, and no page's script reads it."""
    minutes = current_app.config["RESET_LINK_MINUTES"]
    answer.set_cookie(_full_name(name), token[:LONGEST], max_age=minutes * 60, **_manners())
    answer.headers["Referrer-Policy"] = "no-referrer"


def read(name: str) -> str:
    """The token that the browser keeps; empty without one."""
    return request.cookies.get(_full_name(name), "")


def forget(answer: Response, name: str) -> None:
    """The token was used."""
    answer.delete_cookie(_full_name(name), **_manners())


def _full_name(name: str) -> str:
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def _manners() -> dict[str, Any]:
    return {"httponly": True, "samesite": "Lax", "secure": current_app.config["SESSION_COOKIE_SECURE"], "path": "/"}
