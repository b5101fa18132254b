"""The public search: 3,000 a minute for one address, the page and its JSON together."""

from typing import Any

import pytest
from flask import Flask
from limits import parse

from portal.domain.throttling import SEARCHES
from portal.extensions import limiter
from portal.services import throttle
from tests.support.client import CheckingClient

HERE, ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}, {"REMOTE_ADDR": "203.0.113.8"}


@pytest.fixture
def all_but_two(app: Flask, clock: Any) -> None:
    """This minute, ``HERE`` has searched 2,998 times."""
    with app.test_request_context("/find-administrator", environ_base=HERE):
        assert limiter.limiter.hit(parse(SEARCHES), throttle._address(), "search", cost=2998)


@pytest.mark.usefixtures("all_but_two")
def test_the_page_and_its_json_count_together_and_the_minute_passes(client: CheckingClient, clock: Any):
    client.get("/find-administrator?q=norwich", environ_base=HERE)
    client.get("/find-administrator.json?q=norwich", environ_base=HERE)
    answer = client.get("/find-administrator?q=norwich", expect=429, environ_base=HERE)
    assert answer.page.heading == "Too many attempts"
    assert "You can try again at 09:0" in answer.page.words
    assert client.get("/find-administrator.json", expect=429, environ_base=HERE).headers["Retry-After"] in ("60", "61")
    fragment = client.get("/find-administrator?q=nor", expect=429, htmx=True, environ_base=HERE)
    assert "There were too many attempts. You can try again at 09:0" in fragment.page.words
    client.get("/find-administrator?q=norwich", environ_base=ELSEWHERE)
    clock.shift(int(answer.headers["Retry-After"]))
    client.get("/find-administrator?q=norwich", environ_base=HERE)


@pytest.mark.usefixtures("all_but_two")
def test_switched_off_nothing_waits(app: Flask, client: CheckingClient):
    app.config["RATE_LIMITS"] = False
    for _ in range(4):
        client.get("/find-administrator?q=norwich", environ_base=HERE)
