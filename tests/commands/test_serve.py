"""`portal serve`: what it refuses, what it says, how it stops."""

import json
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from flask import Flask

from portal import create_app
from portal.extensions import db
from portal.models import Counter
from portal.services import demonstration
from portal.transactions import write
from tests.conftest import SETTINGS
from tests.support.server import Portal


def refusal(app: Flask, *arguments: str) -> str:
    """What `portal serve` says when it does not start."""
    done = app.test_cli_runner().invoke(args=["serve", *arguments])
    assert done.exit_code == 1
    return done.output


@pytest.mark.parametrize("key", ["dev", "short-but-random-8f3a", "a" * 64])
def test_refuses_a_key_that_can_be_guessed(app: Flask, key: str) -> None:
    app.config["SECRET_KEY"] = key
    assert "PORTAL_SECRET_KEY: too easy to guess" in refusal(app)


def test_refuses_an_easy_key_among_the_older_ones(app: Flask) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = ["dev"]
    assert "PORTAL_SECRET_KEY_FALLBACKS: too easy to guess" in refusal(app)


def test_refuses_a_database_without_tables(tmp_path: Path) -> None:
    empty = create_app({**SETTINGS, "INSTANCE_PATH": str(tmp_path)})
    assert "database: has no tables; run portal db upgrade" in refusal(empty)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_refuses_a_database_of_another_version(app: Flask, command: str, of_another_version: None) -> None:
    done = app.test_cli_runner().invoke(args=[command])
    assert (done.exit_code, done.output) == (1, "Error: database: not at the newest migration; run portal db upgrade\n")


def test_refuses_the_demonstration_where_others_could_reach_it(app: Flask) -> None:
    with write():
        db.session.add(Counter(name=demonstration.MARK, value=1))
    app.config.update(BASE_URL="https://access.trust.example", BASE_URL_IS_LOOPBACK=False)
    assert "holds the demonstration" in refusal(app)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.9", "access.trust.example"])
def test_refuses_to_show_the_demonstration_to_other_machines(app: Flask, host: str) -> None:
    with write():
        db.session.add(Counter(name=demonstration.MARK, value=1))
    assert f"not on {host}, where others could reach it" in refusal(app, "--host", host)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_refuses_a_setting_that_makes_no_sense(app: Flask, command: str) -> None:
    app.config["TRUSTED_PROXIES"] = ["the one in the cellar"]
    done = app.test_cli_runner().invoke(args=[command])
    assert done.exit_code == 1
    assert "PORTAL_TRUSTED_PROXIES: 'the one in the cellar'" in done.output


def test_refuses_a_port_that_is_taken(app: Flask) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"cannot listen on 127.0.0.1 port {port}" in refusal(app, "--port", str(port))


def test_names_every_setting_that_cannot_be_read(portal: Portal) -> None:
    portal.settings.update(MAIL_PORT="often", PRIVATE_NETWORKS="10.0.0.0/8")
    said = portal.command("serve", expect=1).stderr
    assert "PORTAL_MAIL_PORT: " in said
    assert "PORTAL_PRIVATE_NETWORKS: " in said


def test_stops_cleanly_with_every_process_it_started(portal: Portal) -> None:
    web = portal.serve("--workers", "2")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(web.pid)], capture_output=True, text=True)
    assert len(children.stdout.split()) == 2
    with httpx.Client(base_url=portal.url, trust_env=False) as idle:
        assert idle.get("/readyz").text == "ready\n"
        assert web.stop() == 0
    for child in children.stdout.split():
        gone = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True)
        assert gone.stdout.strip() in ("", "Z")
    assert "Traceback" not in web.said


def test_finishes_the_request_in_hand_before_it_stops(portal: Portal) -> None:
    web = portal.serve()
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 6\r\n\r\na=")
        time.sleep(0.3)
        web.process.terminate()
        time.sleep(0.3)
        connection.sendall(b"bcde")
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert web.process.wait(20) == 0


def test_what_it_logs_is_one_json_line_an_event_and_holds_nothing_that_was_typed(portal: Portal) -> None:
    web = portal.serve()
    with httpx.Client(base_url=portal.url, trust_env=False) as visitor:
        visitor.get("/recover/canary-token-1?canary=2")
        visitor.get("/canary-path-3")
        visitor.get("/sign-in?next=/canary-4", headers={"User-Agent": 'x"\\n{"event": "canary-5"}'})
        visitor.post("/sign-in", data={"username": 'canary-6\x1b[31m\r\n{"event": "ok"}', "password": "canary-7"})
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        connection.sendall(
            b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\x1b[31m\r\nConnection: close\r\n\r\n"
        )
        connection.recv(65536)
    web.stop()
    lines = [json.loads(line) for line in web.said.splitlines()]
    assert "canary" not in web.said
    assert "\x1b" not in web.said
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["rule"]) for line in requests] == [
        ("GET", "/recover/<token>"),
        ("GET", None),
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
    ]
    assert all(line["address"] == "127.0.0.1" and line["ms"] > 0 and line["status"] for line in requests)
