"""Somebody with a browser that knows no scripts: it reads pages, follows links, fills in forms, and keeps cookies."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from tests.support.html import Page, text_of

Typed = str | list[str]


@dataclass
class Answer:
    """What came back, after the redirects that a browser follows."""

    response: httpx.Response
    page: Page

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def first_status(self) -> int:
        """The status before any redirect was followed."""
        return [*self.response.history, self.response][0].status_code

    @property
    def path(self) -> str:
        return self.response.url.path

    @property
    def said(self) -> dict[str, str]:
        """The Self Service Details: what each of the fields says, by its name, without its note."""
        pairs = [pair for pair in self.page.all("div") if pair.get("data-name")]
        values = {}
        for pair in pairs:
            value = next(node for node in pair.iter("dd"))
            notes = [node for node in value.iter("span") if "app-definitions__note" in node.get("class", "")]
            whole, note = text_of(value), " ".join(map(text_of, notes))
            values[str(pair.get("data-name"))] = whole.removesuffix(note).strip()
        return values

    @property
    def state(self) -> str:
        """The state of the chosen contact's account, as scripts read it."""
        return self.page.by_id("self-service-details").get("data-account-state", "")

    @property
    def buttons(self) -> set[str]:
        """The moves that the chosen contact's panel offers."""
        panel = {id(node) for node in self.page.by_id("self-service-details").iter()}
        forms = [form for form in self.page.forms if id(form.element) in panel]
        return {urlsplit(form.action).path.rpartition("/")[2] for form in forms}


class Visitor:
    """One browser, at ``address`` as far as the trusted proxy in front of the portal says."""

    def __init__(self, url: str, address: str = "203.0.113.9") -> None:
        self.http = httpx.Client(
            base_url=url, trust_env=False, timeout=30, headers={"X-Forwarded-For": address}, follow_redirects=True
        )

    def get(self, path: str) -> Answer:
        return self._read(self.http.get(path))

    def send(self, answer: Answer, action: str, **typed: Typed) -> Answer:
        """Fill in and send the first form of a page that goes to ``action``; the rest of it is sent as it stands."""
        form = next(form for form in answer.page.forms if urlsplit(form.action).path == action)
        strangers = set(typed) - form.names
        assert not strangers, f"the form to {action} has no fields {strangers}"
        return self._read(self.http.post(form.action, data={**form.values, **typed}))

    def swap(self, answer: Answer, action: str) -> httpx.Response:
        """Press a form's button as htmx does: the answer as it came."""
        form = answer.page.form(action)
        return self.http.post(form.action, data=form.values, headers={"HX-Request": "true"}, follow_redirects=False)

    def sign_in(self, username: str, password: str) -> Answer:
        """Through the form of the sign-in page."""
        return self.send(self.get("/sign-in"), "/sign-in", username=username, password=password)

    def sign_out(self, answer: Answer) -> Answer:
        return self.send(answer, "/sign-out")

    def choose_password(self, answer: Answer, password: str) -> Answer:
        """On a page that asks for a new password twice."""
        return self.send(answer, answer.path, password=password, password_again=password)

    def _read(self, response: httpx.Response) -> Answer:
        return Answer(response, Page(response.text, str(response.url), fragment=False))
