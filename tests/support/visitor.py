"""A browser without JavaScript at a started portal, over HTTP.

lena = Visitor(portal.url)
lena.sign_in("42061ladministrator1", PASSWORD)
lena.send("/organisations/42061/contacts/7/register", expect=303)
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

TOKEN = re.compile(r'"X-CSRFToken": "([^"]+)"')


class Visitor:
    """One browser: its cookies, and the token of its session against forgery. ``way`` is how it gets to the portal."""

    def __init__(self, url: str, seconds: float = 30.0, way: httpx.BaseTransport | None = None) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=seconds, transport=way, verify=False)
        self.token = ""

    def get(self, path: str, expect: int = 200) -> httpx.Response:
        """A page, and the token that it carries."""
        answer = self.http.get(path)
        assert answer.status_code == expect, f"GET {path} answered {answer.status_code}:\n{answer.text[:2000]}"
        found = TOKEN.search(answer.text)
        if found:
            self.token = found.group(1)
        return answer

    def send(self, path: str, fields: Mapping[str, str] | None = None, expect: int | None = 303) -> httpx.Response:
        """A form with the token that was seen last; ``expect=None`` takes any answer."""
        answer = self.http.post(path, data={**(fields or {}), "csrf_token": self.token})
        assert expect in (None, answer.status_code), f"POST {path} answered {answer.status_code}:\n{answer.text[:2000]}"
        return answer

    def try_to_sign_in(self, username: str, password: str, expect: int | None = 303) -> httpx.Response:
        """The sign-in form, opened, filled in and sent."""
        self.get("/sign-in")
        return self.send("/sign-in", {"username": username, "password": password}, expect=expect)

    def sign_in(self, username: str, password: str) -> None:
        """In, with a token for what comes next."""
        answer = self.try_to_sign_in(username, password)
        self.get(answer.headers["Location"], expect=303)
        self.get("/find-administrator")

    def close(self) -> None:
        self.http.close()


@contextmanager
def visiting(url: str, **options: Any) -> Iterator[Visitor]:
    """A browser that is closed afterwards."""
    visitor = Visitor(url, **options)
    try:
        yield visitor
    finally:
        visitor.close()
