"""Where the token of a link stays while its page is open: in a cookie, so that no address holds it (ASVS 14.2.1)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, current_app, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.htmx import see_other

LONGEST_TOKEN = 500


@dataclass(frozen=True)
class LinkCookie:
    """The cookie of one kind of link."""

    name: str

    def token(self) -> str:
        """The token that the browser brings; empty when it brings none."""
        return request.cookies.get(self._full_name(), "")

    def put(self, answer: AnyResponse, token: str, lasts: timedelta) -> None:
        """Give the browser the token, as long as it may be good."""
        answer.set_cookie(self._full_name(), token[:LONGEST_TOKEN], max_age=lasts, **_manners())

    def clear(self, answer: AnyResponse) -> None:
        """The browser forgets the token."""
        answer.delete_cookie(self._full_name(), **_manners())

    def _full_name(self) -> str:
        return f"__Host-{self.name}" if current_app.config["SESSION_COOKIE_SECURE"] else self.name


RECOVERY = LinkCookie("recovery")
ENROLMENT = LinkCookie("enrolment")
VERIFICATION = LinkCookie("verify-email")


def _manners() -> dict[str, Any]:
    return {"httponly": True, "samesite": "Lax", "secure": current_app.config["SESSION_COOKIE_SECURE"], "path": "/"}


def put_away(token: str, cookie: LinkCookie, lasts: timedelta, endpoint: str, notice: str | None = None) -> AnyResponse:
    """The answer to a link: its token goes into ``cookie``, and the browser to the page that uses it."""
    answer = see_other(url_for(endpoint), notice)
    answer.headers["Referrer-Policy"] = "no-referrer"
    cookie.put(answer, token, lasts)
    return answer


def private(page: str, status: int = 200) -> Response:
    """A page that a token opened tells nobody where its reader came from."""
    return Response(page, status, headers={"Referrer-Policy": "no-referrer"})
