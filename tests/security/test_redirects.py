"""No page, header or field leads anybody to another site: ``next``, HX-Current-URL, the referrer, the path itself.

ASVS 3.7.2; WSTG-CLNT-04.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from tests.factories import PASSWORD
from tests.support.client import ORIGIN, CheckingClient
from tests.support.crawl import mutators, url_of
from tests.support.everybody import Everybody

pytestmark = pytest.mark.usefixtures("cheap_hashes")

EVIL = [
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "/\\/evil.example", "\\\\evil.example",
    "\\/evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example", "https://evil.example",
    "HTTPS://EVIL.EXAMPLE", "http://127.0.0.1:8000.evil.example", "http://127.0.0.1:8000@evil.example", "@evil.example",
    "//127.0.0.1:8000@evil.example", "/%09//evil.example", "%09//evil.example", "/\t/evil.example", "\t//evil.example",
    "/\n/evil.example", "/\r\n/evil.example", "/\r\nSet-Cookie: a=b", "/%0d%0aSet-Cookie: a=b", "\x00//evil.example",
    "/\x00/evil.example", " //evil.example", "/ /evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "/／evil.example", "／／evil.example", "/⁄evil.example",
    "/∕evil.example", "/＼evil.example", "/\u200b/evil.example", "/\x85/evil.example", "/\u2028/evil.example",
    "evil.example", ".evil.example", "/.//evil.example", "/..//evil.example", "/account/..//evil.example",
    "/;//evil.example", "?//evil.example", "#//evil.example", "[::1]", "//[::1]/", "/account\\..\\..\\evil",
    "//evil%E3%80%82example", "/%2f/evil.example", "/%5cevil.example", "//%65vil.example", "", "/", "//", "/\\", "\\",
]  # fmt: skip

# A path of this site, as every browser reads it: one slash, then neither a second one nor a backslash anywhere.
WITHIN = re.compile(r"/(?![/\\])[\x21-\x7e]*")


def leads_within(target: str | None) -> bool:
    """Whether a browser that follows ``target`` stays."""
    return target is None or (bool(WITHIN.fullmatch(target)) and "\\" not in target)


AS_IT_IS = "/:@\\?#[]%;. =&"


def written(field: str) -> str:
    """What a form holds, as an address holds it."""
    return quote(field, safe=AS_IT_IS) or "/"


def targets(answer: Any) -> list[str | None]:
    return [answer.headers.get(name) for name in ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url",
                                                  "HX-Replace-Url", "Refresh", "Content-Location")]  # fmt: skip


def assert_stays(answer: Any, of: object) -> None:
    assert answer.status_code < 500, of
    assert all(leads_within(target) for target in targets(answer)), f"{of!r}: {targets(answer)}"
    assert "a=b" not in answer.headers.get("Set-Cookie", ""), of


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "HTMX"])
def test_nobody_is_led_elsewhere_by_signing_in(everybody: Everybody, client: CheckingClient, htmx: bool):
    employee = everybody.persons["employee"]
    assert employee is not None
    token = client.get("/sign-in").page.form("/sign-in").values["csrf_token"][0]
    fields = {"username": employee.account.username or "", "password": PASSWORD, "csrf_token": token}
    headers = {"HX-Request": "true"} if htmx else {}
    for target in EVIL:
        page = client.get("/sign-in", query_string={"next": target}).page
        assert leads_within(written(page.form("/sign-in").values["next"][0])), target
        fields["csrf_token"] = page.form("/sign-in").values["csrf_token"][0]
        answer = client.open("/sign-in", method="POST", data={**fields, "next": target}, headers=headers)
        assert answer.status_code in (204, 200, 303)
        assert_stays(answer, target)
        again = client.open("/sign-in", query_string={"next": target})
        assert again.status_code == 303
        assert_stays(again, target)
        client.delete_cookie("portal", domain="127.0.0.1")


FIELDS = ("next", "url", "redirect", "return_to", "continue")
WORST = ("//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example")


@pytest.mark.parametrize("target", WORST)
def test_nobody_is_led_elsewhere_by_any_form_or_page(everybody: Everybody, target: str):
    """No route trusts what it is told, in its address or in its form."""
    told = dict.fromkeys(FIELDS, target)
    for rule in everybody.rules():
        url = url_of(everybody, rule, {"ess_id": 1})
        for htmx in ({}, {"HX-Request": "true"}):
            answer = everybody.clients["local_admin"].open(url, query_string=told, headers=htmx)
            assert_stays(answer, str(rule))
    for rule, method in mutators(everybody):
        client = everybody.clients["central_admin"]
        data = {**told, "csrf_token": client._token("/")}
        if rule.endpoint != "sign_in.sign_out":
            assert_stays(client.open(url_of(everybody, rule, {}), method=method, data=data), str(rule))


@pytest.mark.parametrize("header", ["HX-Current-URL", "Referer"])
def test_the_page_that_a_browser_says_it_came_from_leads_nobody_elsewhere(everybody: Everybody, header: str):
    """A browser that is signed out is sent to the sign-in page, and from there back to where it says it was."""
    stranger = everybody.clients["stranger"]
    token = stranger._token("/")
    closed = [url for rule, method in mutators(everybody) if (url := url_of(everybody, rule, {"ess_id": 1}))]
    for number, target in enumerate(EVIL):
        for url in (target, f"{ORIGIN}{target}", f"{ORIGIN}/{target}"):
            headers = {"HX-Request": "true", header: quote(url, safe=AS_IT_IS), "X-CSRFToken": token}
            answer = stranger.open(closed[number % len(closed)], method="POST", headers=headers)
            assert_stays(answer, url)
            told = answer.headers.get("HX-Redirect", "")
            assert leads_within(dict(parse_qsl(urlsplit(told).query)).get("next")), url
            if told.startswith("/sign-in?"):
                wanted = stranger.get(told).page.form("/sign-in").values["next"][0]
                assert leads_within(written(wanted)), url


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "//evil.example/account", "///evil.example/sign-in", "/sign-in//evil.example", "/\\evil.example",
     "//evil.example/%2e%2e", "/account//", "/.//evil.example", "/%2f/evil.example"],
)  # fmt: skip
def test_neither_does_the_path(everybody: Everybody, path: str):
    """Slashes in a row are made one by a redirect, which is of this host."""
    for name in ("stranger", "employee"):
        answer = everybody.clients[name].open(path)
        assert answer.status_code < 500
        location = (answer.location or "").removeprefix(ORIGIN)
        assert not location or leads_within(location), answer.location


@pytest.mark.parametrize("target", EVIL)
def test_the_judge_lets_no_way_out_pass(target: str):
    ours = {"/", "/;//evil.example", "/%2f/evil.example", "/%5cevil.example", "/%09//evil.example", "/.//evil.example",
            "/..//evil.example", "/account/..//evil.example", "/%0d%0aSet-Cookie: a=b"}  # fmt: skip
    assert leads_within(target) is (target in ours - {"/%0d%0aSet-Cookie: a=b"})
