"""One address against the portal as it runs: a spray is stopped, a shift change is not, and Redis may go away.

OWASP ASVS 2.4.1 and 6.6.3; what counts and what does not is in ``services/test_throttle.py``.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.ctx import RequestContext
from sqlalchemy import func, select

from portal import create_app
from portal.extensions import db
from portal.models import AuditEntry, Organisation, Session
from portal.services import throttle
from tests import factories
from tests.conftest import SETTINGS
from tests.factories import PASSWORD, person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.redis import RedisServer
from tests.support.server import Portal, Started
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

AWAY, BACK = "Redis does not answer", "Redis answers again"


def statuses(visitor: Visitor, names: list[str], password: str = "not the password") -> list[int]:
    visitor.get("/sign-in")
    fields = [{"username": name, "password": password} for name in names]
    return [visitor.send("/sign-in", each, expect=None).status_code for each in fields]


def evaluated() -> int:
    return db.session.scalar(select(func.count()).where(AuditEntry.event == "sign-in:unknown:failed")) or 0


@pytest.fixture
def username(portal: Portal) -> str:
    """Of somebody who may sign in."""
    with portal.database():
        return person(factories.organisation(), "Erin Employee").account.username or ""


@pytest.fixture
def shared(portal: Portal, redis_server: RedisServer) -> Portal:
    """An installation that counts in Redis."""
    portal.settings["REDIS_URL"] = redis_server.url
    return portal


def test_spraying_one_guess_on_each_of_500_names_stops_after_60_whatever_process_answers(
    shared: Portal, redis_server: RedisServer
):
    shared.serve("--workers", "2")
    names = [f"somebody{number}" for number in range(500)]
    answered = []
    for first in range(0, 500, 20):  # each connection is taken by one of the two
        with visiting(shared.url) as sprayer:
            answered += statuses(sprayer, names[first : first + 20])
    assert answered == [422] * 60 + [429] * 440
    with shared.database():
        assert evaluated() == 60


def test_600_right_sign_ins_in_a_row_from_one_address_all_succeed(
    app: Flask, cheap_hashes: None, organisation: Organisation
):
    """A shift change: 60 people ten times each, and every third of them mistypes first, 200 failures in all."""
    usernames = [person(organisation, f"Shift Worker{number}").account.username or "" for number in range(60)]
    db.session.rollback()
    answered: Counter[int] = Counter()
    for number in range(600):
        browser = CheckingClient(app)
        token = browser._token("/sign-in")
        fields = {"username": usernames[number % 60], "csrf_token": token}
        if number % 3 == 0:
            answered[browser.open("/sign-in", method="POST", data={**fields, "password": "wrong"}).status_code] += 1
        answered[browser.open("/sign-in", method="POST", data={**fields, "password": PASSWORD}).status_code] += 1
    assert answered == {303: 600, 422: 200}
    assert db.session.scalar(select(func.count()).select_from(Session)) == 600


@pytest.fixture
def machines(app: Flask, redis_server: RedisServer, tmp_path: Path) -> Iterator[list[Flask]]:
    """Two applications that share a database and a Redis."""
    shared = {**SETTINGS, "SQLALCHEMY_DATABASE_URI": app.config["SQLALCHEMY_DATABASE_URI"]}
    made = [
        create_app({**shared, "INSTANCE_PATH": str(tmp_path / name), "REDIS_URL": redis_server.url}) for name in "ab"
    ]
    yield made
    for machine in made:
        with machine.app_context():
            db.engine.dispose()
    throttle.init_app(app)  # the library's limiter has one storage: that of the application made last


def asked_at(machine: Flask, address: str = "203.0.113.7") -> RequestContext:
    return machine.test_request_context(environ_base={"REMOTE_ADDR": address})


def test_two_machines_count_together_in_redis(machines: list[Flask]):
    for number in range(60):
        with asked_at(machines[number % 2]):
            throttle.admit_sign_in()
            throttle.note_failure(number if number % 3 else None, "nobody")
            throttle.admit_recovery(f"somebody{number}")
    for machine in machines:
        with asked_at(machine):
            for admit in (throttle.admit_sign_in, lambda: throttle.admit_recovery("one more")):
                with pytest.raises(throttle.TooMany) as refused:
                    admit()
                assert 290 < int(refused.value.headers["Retry-After"]) <= 300
            throttle.admit_recovery(" SOMEBODY7")
        with asked_at(machine, "203.0.113.8"):
            throttle.admit_sign_in()
    with asked_at(machines[0]):
        throttle.note_success(1)
    with asked_at(machines[1]):
        throttle.admit_sign_in()


def test_nobody_is_named_in_redis(machines: list[Flask], redis_server: RedisServer):
    with asked_at(machines[0]):
        throttle.note_failure(None, "canary-name")
        throttle.note_failure(4711, "canary-name")
        throttle.admit_recovery("canary@coe.example")
    machines[0].test_client().get(
        "/find-administrator.json?q=canary", base_url=ORIGIN, environ_base={"REMOTE_ADDR": "203.0.113.7"}
    )
    kept = redis_server.everything()
    assert all(name in kept for name in ("gatehouse:sign-in:", "gatehouse:recovery:", "/search/"))
    assert not any(word in kept for word in ("canary", "203.0.113", "coe.example", "4711"))


def test_while_redis_is_away_people_sign_in_and_each_process_counts_for_itself(
    shared: Portal, redis_server: RedisServer, username: str
):
    web = shared.serve()
    with visiting(shared.url) as sprayer:
        assert set(statuses(sprayer, [f"before{number}" for number in range(60)])) == {422}
        assert statuses(sprayer, ["before"]) == [429]
        redis_server.kill()
        with visiting(shared.url) as owner:
            began = time.monotonic()
            assert statuses(owner, [username], PASSWORD) == [303]
            assert time.monotonic() - began < 3
            owner.get("/find-administrator?q=norwich")
            owner.get("/find-administrator")
            owner.send("/sign-out")
            assert statuses(sprayer, [f"during{number}" for number in range(61)]) == [422] * 60 + [429]
            assert statuses(owner, [username], PASSWORD) == [303], "a known browser does not wait"
        assert statuses(sprayer, [username], PASSWORD) == [429]
        redis_server.start()
        assert counted_in_redis_again(web, sprayer)
    assert (web.said.count(AWAY), web.said.count(BACK)) == (1, 1)
    assert "Traceback" not in web.said
    assert '"status": 500' not in web.said
    assert web.stop() == 0


def counted_in_redis_again(web: Started, visitor: Visitor) -> bool:
    """It came back empty: what this process refused a moment ago is let through, up to sixty times."""

    def back() -> bool:
        return statuses(visitor, ["after"]) == [422]

    wait_until(back, "Redis is asked again", 15)
    return statuses(visitor, [f"after{number}" for number in range(60)]) == [422] * 59 + [429]


def test_several_processes_without_redis_are_warned_of_and_wrong(portal: Portal):
    web = portal.serve("--workers", "2")
    assert "2 processes without PORTAL_REDIS_URL: each counts the rate limits for itself" in web.said
    checked = portal.command("check", expect=1).stdout
    assert "wrong  rate limits: 2 web processes count each for itself; set PORTAL_REDIS_URL" in checked
    assert web.stop() == 0
    assert "ok     rate limits: counted by the one web process" in portal.command("check").stdout
    web = portal.serve()
    assert "PORTAL_REDIS_URL" not in web.said
    assert "ok     rate limits" in portal.command("check").stdout


def test_several_processes_with_redis_are_right(shared: Portal, redis_server: RedisServer):
    web = shared.serve("--workers", "2")
    assert "PORTAL_REDIS_URL" not in web.said
    assert "ok     rate limits: counted in Redis, for all" in shared.command("check").stdout
    redis_server.kill()
    checked = shared.command("check", expect=1).stdout
    assert "wrong  rate limits: Redis does not take what is counted (ConnectionError)" in checked
