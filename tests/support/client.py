"""The client that every test uses. It behaves as a browser does, and checks every answer that it sees.

    answer = local_admin_client.get("/organisations/42061/contacts")
    assert answer.page.heading == "Organisation Contact Maintenance"
    answer = local_admin_client.post("/organisations/42061/contacts/7/unlock", expect=303)
    panel = local_admin_client.post("/organisations/42061/contacts/8/unlock", htmx=True, expect=200).page
    client.get("/sign-in")
    client.submit("/sign-in", {"username": "lena", "password": PASSWORD})   # the form of the last page, filled in

``expect`` is the status; without it, 200 for GET and 303 for POST (for HTMX, 200). What is checked is in ``checks.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import pytest
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.models import Person
from portal.services import sessions
from portal.transactions import write
from tests import people
from tests.support.checks import check_answer
from tests.support.html import Page, markup_of

ORIGIN = "http://127.0.0.1:8000"

Fields = Mapping[str, str | Sequence[str]]


class Answer(TestResponse):
    """An answer, with its HTML parsed: ``page`` is a page, or a fragment where one was asked for."""

    url: str
    page: Page

    @property
    def text(self) -> str:
        """The body as text; of a file that is none, whatever of it can be read."""
        return self.get_data().decode("utf-8", "replace")


class CheckingClient(FlaskClient):
    """A browser without JavaScript; with ``htmx=True``, one with it."""

    page: Page | None = None
    """The last whole page that was seen."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Each request in a context of its own: nothing that is kept in ``g`` for one reaches the next, or the test."""
        if has_app_context():
            session = db.session()
            unwritten = [*session.new, *session.dirty, *session.deleted]
            assert not unwritten, f"the test changed rows and did not write them: {unwritten}"
        kwargs.setdefault("base_url", ORIGIN)
        kwargs["buffered"] = True
        try:
            answer = Context().run(super().open, *args, **kwargs)
            answer.request.environ["wsgi.input"].close()  # a large one is a file
            return answer
        finally:
            if has_app_context():
                # The test's next look at its rows sees what the request left.
                db.session.rollback()

    def get(self, url: str, expect: int = 200, *, htmx: bool = False, **kwargs: Any) -> Answer:  # type: ignore[override]
        return self._seen("GET", url, expect, htmx, **kwargs)

    def post(  # type: ignore[override]
        self,
        url: str,
        data: Fields | None = None,
        expect: int | None = None,
        *,
        htmx: bool = False,
        csrf: bool = True,
        **kwargs: Any,
    ) -> Answer:
        """``csrf=False`` leaves the token out, as a forged request would."""
        sent = dict(data or {})
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN, **kwargs.pop("headers", {})}
        if csrf and htmx:
            headers.setdefault("X-CSRFToken", self._token(url))
        elif csrf:
            sent.setdefault("csrf_token", self._token(url))
        wanted = expect if expect is not None else (200 if htmx else 303)
        return self._seen("POST", url, wanted, htmx, data=sent, headers=headers, **kwargs)

    def submit(
        self,
        action: str,
        changes: Fields | None = None,
        expect: int | None = None,
        *,
        htmx: bool = False,
        **kwargs: Any,
    ) -> Answer:
        """Send the form of the last page that goes to ``action``, as it stands but for ``changes``.

        Raises AssertionError when a change names a field that the form does not have.
        """
        assert self.page is not None, "no page has been opened"
        form = self.page.form(action)
        unknown = set(changes or {}) - form.names
        assert not unknown, f"the form {action} has no field {sorted(unknown)}; it has {sorted(form.names)}"
        fields: dict[str, str | Sequence[str]] = {**form.values, **(changes or {})}
        target = urlsplit(form.action)._replace(scheme="", netloc="").geturl()
        if form.method == "get":
            return self.get(target.partition("?")[0], expect or 200, htmx=htmx, query_string=fields, **kwargs)
        return self.post(target, fields, expect, htmx=htmx, **kwargs)

    def follow(self, answer: TestResponse, expect: int = 200) -> Answer:
        """Go where a redirect, or HTMX's, leads."""
        target = answer.headers.get("HX-Redirect") or answer.location
        assert target, "the answer leads nowhere else"
        return self.get(target, expect)

    def ask(self, method: str, url: str, fields: Fields | None = None, *, htmx: bool = False) -> Answer:
        """Any answer, whatever its status, checked; a POST sends ``fields`` and the token."""
        data = {**(fields or {}), "csrf_token": self._token(url)} if method == "POST" else None
        return self._seen(method, url, None, htmx, data=data)

    def is_signed_in(self) -> bool:
        """Whether the cookie carries a session's token."""
        with self.session_transaction(base_url=ORIGIN) as cookie:
            return "_user_id" in cookie

    def assert_fragment_of_page(self, url: str) -> Page:
        """HTMX gets a part of the very page that everybody else gets, and caches are told that there are two.

        Answers the page.
        """
        page, fragment = self.get(url), self.get(url, htmx=True)
        for answer in (page, fragment):
            assert "HX-Request" in answer.vary, f"{url}: caches are not told that HTMX gets something else"
        restored = self.get(url, htmx=False, headers={"HX-History-Restore-Request": "true", "HX-Request": "true"})
        assert restored.page.heading == page.page.heading, f"{url}: a history restore did not get the page"
        self.assert_part_of(page.page, fragment.page)
        return page.page

    def assert_part_of(self, page: Page, fragment: Page) -> None:
        """Each root of ``fragment`` has an id, and stands in ``page`` word for word."""
        roots = [node for node in fragment.tree if isinstance(node.tag, str)]
        assert roots, f"{fragment.url}: the fragment is empty"
        for root in roots:
            name = root.get("id")
            assert name, f"{fragment.url}: the fragment's root <{root.tag}> has no id"
            assert markup_of(root) == markup_of(_named(page, name)), f"{fragment.url}: #{name} is not as on the page"

    def _seen(self, method: str, url: str, expect: int | None, htmx: bool, **kwargs: Any) -> Answer:
        headers = dict(kwargs.pop("headers", {}))
        if htmx:
            headers["HX-Request"] = "true"
            headers.setdefault("HX-Current-URL", ORIGIN + (self.page.url if self.page else "/"))
        if method == "POST" and self.page:
            headers.setdefault("Referer", ORIGIN + self.page.url)
        answer: Any = self.open(url, method=method, headers=headers, **kwargs)
        answer.url = urlsplit(url)._replace(scheme="", netloc="").geturl()
        fragment = htmx and not answer.headers.get("HX-History-Restore-Request")
        answer.page = None
        redirects = 300 <= answer.status_code < 400
        if answer.mimetype == "text/html" and answer.text.strip() and not redirects:
            answer.page = Page(answer.text, answer.url, fragment)
            if not fragment:
                self.page = answer.page
        assert expect in (None, answer.status_code), _unexpected(method, url, expect, answer)
        check_answer(self.application, answer, signed_in=self.is_signed_in())
        return answer

    def _token(self, url: str) -> str:
        """The token that a browser would send: of the last page's form to ``url``, or of any; or else a new one."""
        if self.page is not None:
            forms = self.page.forms
            there = [form for form in forms if urlsplit(form.action).path == urlsplit(url).path]
            for form in there + forms:
                if form.values.get("csrf_token"):
                    return form.values["csrf_token"][0]
        with self.session_transaction(base_url=ORIGIN) as cookie:
            return Context().run(self._new_token, cookie)

    def _new_token(self, cookie: Any) -> str:
        with self.application.test_request_context():
            from flask import session

            session.update(cookie)
            token: str = generate_csrf()
            cookie.update(session)
            return token


def _named(page: Page, name: str) -> Element:
    found = page.all(id=name)
    assert found, f"{page.url}: the page has no #{name}, which the fragment would replace"
    return found[0]


def _unexpected(method: str, url: str, expect: int | None, answer: Answer) -> str:
    said = answer.page.words[:600] if answer.page else answer.text[:600]
    place = answer.headers.get("HX-Redirect") or answer.location or ""
    return f"{method} {url} answered {answer.status_code} {place}, not {expect}: {said}"


@pytest.fixture
def client(app: Flask) -> CheckingClient:
    """A browser that nobody has signed in with."""
    return CheckingClient(app, response_wrapper=Answer, use_cookies=True)


@pytest.fixture
def as_person(app: Flask) -> Callable[[Person | None], CheckingClient]:
    """``as_person(person)`` is a new browser in which that person is signed in; None is nobody.

    The session is made as a sign-in makes it, without its form; what signing in does is the sign-in page's to test.
    """

    def sign_in(person: Person | None, kind: str = "full", address: str = "127.0.0.1") -> CheckingClient:
        browser = CheckingClient(app, response_wrapper=Answer, use_cookies=True)
        browser.environ_base["REMOTE_ADDR"] = address
        if person is not None:
            with app.test_request_context(environ_base={"REMOTE_ADDR": address}), write():
                token = sessions.start(person.account, kind)
            with browser.session_transaction(base_url=ORIGIN) as cookie:
                cookie["_user_id"] = token
        return browser

    return sign_in


def _client_of(name: str) -> Any:
    @pytest.fixture(name=f"{name}_client")
    def signed_in(request: pytest.FixtureRequest, as_person: Any) -> CheckingClient:
        browser: CheckingClient = as_person(request.getfixturevalue(name))
        return browser

    return signed_in


for _name in people.NAMES:
    globals()[f"{_name}_client"] = _client_of(_name)
