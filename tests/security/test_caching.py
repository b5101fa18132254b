"""What is kept by whom: personal pages by nobody, fragments never in place of pages, files for ever.

ASVS 14.2.5, 14.3.2.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.answers import STATUSES, broken, failing
from tests.support.client import CheckingClient
from tests.support.crawl import url_of
from tests.support.everybody import Everybody

# What is asked for twice is compared, and a file says when it was made.
pytestmark = pytest.mark.usefixtures("clock")

KEPT = ("static", "operations.brand_css")
FOR_HTMX = {"HX-Request": "true"}
RESTORED = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
TOKEN = re.compile(r"\bI[\w-]{20,}\.[\w-]{6}\.[\w-]{27}\b")
"""A token against forgery; it says when it was made."""


def looks_of(everybody: Everybody) -> Iterator[tuple[str, CheckingClient, str, str]]:
    """Every page's URL with everybody's browser: name, browser, endpoint, URL."""
    for rule in everybody.rules():
        if "GET" in (rule.methods or ()):
            url = url_of(everybody, rule, {"ess_id": 1})
            for name, client in everybody.clients.items():
                yield f"{rule} as {name}", client, rule.endpoint, url


def seen(answer: Any) -> tuple[int, str, str | None]:
    return answer.status_code, TOKEN.sub("", answer.text), answer.location


def test_nothing_but_files_may_be_kept_by_anybody(everybody: Everybody):
    wrong = []
    for name, client, endpoint, url in looks_of(everybody):
        for headers in ({}, FOR_HTMX):
            kept = client.open(url, headers=headers).headers.get("Cache-Control")
            if kept != "no-store" and endpoint not in KEPT:
                wrong.append(f"{name} {headers}: {kept}")
    assert wrong == []


def test_neither_may_an_error_under_the_address_of_a_file(everybody: Everybody):
    """A path that looks like a file's, and shows a page with somebody's name: what cache deception is made of."""
    for url in ("/account/x.css", "/account.css", "/static/account.css", "/static/../account", "/account/%2e%2e/x.js",
                "/organisations/42061/contacts/x.png", "/account;x.css", "/account%3fx.css"):  # fmt: skip
        answer = everybody.clients["local_admin"].open(url)
        assert answer.status_code == 404, url
        assert answer.headers["Cache-Control"] == "no-store", url


def test_whatever_answers_htmx_otherwise_tells_caches_so(everybody: Everybody):
    answering_twice, wrong = set(), []
    for name, client, _endpoint, url in looks_of(everybody):
        page, fragment = client.open(url), client.open(url, headers=FOR_HTMX)
        if seen(page) != seen(fragment):
            answering_twice.add(name.partition(" as ")[0])
            for answer in (page, fragment):
                if not {"hx-request", "hx-history-restore-request"} <= {word.lower() for word in answer.vary}:
                    wrong.append(f"{name}: Vary: {answer.vary}")
    assert len(answering_twice) > 5
    assert wrong == []


def test_a_step_back_in_the_history_gets_the_whole_page(everybody: Everybody):
    for name, client, _endpoint, url in looks_of(everybody):
        page, restored = client.open(url), client.open(url, headers=RESTORED)
        assert seen(restored) == seen(page), name


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_says_too_that_it_answers_twice(everybody: Everybody, status: int):
    with failing(everybody.app, "operations.livez", broken(status)):
        for headers in ({}, FOR_HTMX):
            answer = everybody.clients["local_admin"].open("/livez", headers=headers)
            assert answer.headers["Cache-Control"] == "no-store"
            assert {"hx-request", "hx-history-restore-request"} <= {word.lower() for word in answer.vary}
