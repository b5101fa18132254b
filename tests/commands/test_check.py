"""`portal check`: a line for each thing, and 1 when anything is wrong."""

import socket
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from portal.extensions import db
from portal.models import Counter
from portal.services import demonstration, health, heartbeats, web_processes
from portal.transactions import write
from tests.support.server import Portal


def check(app: Flask) -> Result:
    return app.test_cli_runner().invoke(args=["check"])


def test_says_what_is_right_a_line_each(app: Flask) -> None:
    done = check(app)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert all(line.startswith(("ok     ", "note   ")) for line in lines)
    for subject in ("base URL", "secret key", "instance folder", "database", "mail", "clock", "networks", "brand"):
        assert any(line[7:].startswith(f"{subject}: ") for line in lines), subject
    assert "at the newest migration" in done.output


def test_reads_the_safety_of_sqlite_back(app: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("about SQLite")
    assert "journal_mode wal, synchronous 2, foreign_keys 1" in check(app).output


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SECRET_KEY": "dev"}, "wrong  secret key: too easy to guess"),
        (
            {"BASE_URL": "http://access.trust.example", "BASE_URL_IS_LOOPBACK": False},
            "wrong  base URL: PORTAL_BASE_URL: http://access.trust.example would carry passwords in clear",
        ),
        ({"PRIVATE_NETWORKS": ["10.0.0.0/8", "here"]}, "wrong  networks: PORTAL_PRIVATE_NETWORKS: 'here'"),
        ({"TRUSTED_PROXIES": ["0.0.0.0/0"]}, "wrong  networks: PORTAL_TRUSTED_PROXIES: names every address there is"),
        ({"LOCALE": "fr_FR"}, "wrong  words and times: PORTAL_LOCALE: fr_FR is not known; write en_GB or en_US"),
        ({"TIME_ZONE": "Europe/Atlantis"}, "wrong  words and times: PORTAL_TIME_ZONE: Europe/Atlantis is not known"),
        ({"COUNTRY": "UK"}, "wrong  words and times: PORTAL_COUNTRY: UK is not known"),
        ({"BRAND_COLOUR": "#ffee00"}, "wrong  brand: PORTAL_BRAND_COLOUR: The brand colour #ffee00 has a contrast of"),
        ({"BRAND_LOGO": "https://x.example/l.svg"}, "wrong  brand: PORTAL_BRAND_LOGO: https://x.example/l.svg is not"),
        ({"PASSWORD_MIN_LENGTH": 500}, "wrong  passwords: PORTAL_PASSWORD_MIN_LENGTH: 500 is no length to ask for"),
        ({"MAIL_SERVER": "127.0.0.1", "MAIL_USE_TLS": True, "MAIL_USE_SSL": True}, "exclude each other; set one"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_names_a_senseless_setting(app: Flask, settings: dict[str, Any], words: str) -> None:
    app.config.update(settings)
    done = check(app)
    assert done.exit_code == 1
    assert words in done.output


def test_a_mail_server_that_is_down_is_wrong(app: Flask) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=nobody.getsockname()[1])
        done = check(app)
    assert done.exit_code == 1
    assert "does not answer as a mail server: ConnectionRefusedError" in done.output


def test_a_mail_server_that_answers_is_right(app: Flask, smtp_server: Any) -> None:
    app.config.update(MAIL_SERVER=smtp_server.host, MAIL_PORT=smtp_server.port)
    done = check(app)
    assert done.exit_code == 0
    assert f"ok     mail: {smtp_server.host} port {smtp_server.port} answers" in done.output


def test_without_a_mail_server_it_says_where_mail_is_written(app: Flask) -> None:
    assert f"mail is written to {app.config['INSTANCE_PATH']}/mail" in check(app).output


def test_a_database_of_another_version_is_wrong(app: Flask, of_another_version: None) -> None:
    done = check(app)
    assert done.exit_code == 1
    assert "wrong  database: not at the newest migration; run portal db upgrade" in done.output


def test_the_demonstration_is_wrong_where_others_could_reach_it(app: Flask) -> None:
    with write():
        db.session.add(Counter(name=demonstration.MARK, value=1))
    assert check(app).exit_code == 0
    app.config.update(BASE_URL="https://access.trust.example", BASE_URL_IS_LOOPBACK=False)
    done = check(app)
    assert done.exit_code == 1
    assert "wrong  demonstration: holds the demonstration" in done.output


def test_says_whether_a_worker_is_running(app: Flask, clock: Any) -> None:
    assert "note   worker: none is running" in check(app).output
    heartbeats.beat()
    assert "ok     worker: running" in check(app).output
    clock.shift(timedelta(minutes=2))
    assert "note   worker: none is running" in check(app).output


def test_says_where_rate_limits_are_counted(app: Flask) -> None:
    assert "ok     rate limits: counted by the one web process" in check(app).output
    app.config["RATE_LIMITS"] = False
    assert "note   rate limits: PORTAL_RATE_LIMITS is false: only the lockout slows guessing down" in check(app).output


def test_web_servers_that_may_run_together_without_redis_are_a_note(app: Flask, clock: Any) -> None:
    with write():
        web_processes.note_start(8000, 1)
        web_processes.note_start(8001, 1)
    here = web_processes.machine()
    words = f"note   rate limits: web servers were started on {here} port 8001 (2026-11-16), {here} port 8000"
    assert words in check(app).output
    with write():
        web_processes.note_stop(8001)
    assert "ok     rate limits" in check(app).output
    with write():
        web_processes.note_start(8000, 2)
    done = check(app)
    assert done.exit_code == 1
    assert "wrong  rate limits: 2 web processes count each for itself; set PORTAL_REDIS_URL" in done.output


def test_a_key_file_that_others_can_read_is_wrong(portal: Portal) -> None:
    portal.command("check")
    (portal.instance / "secret_key").chmod(0o644)
    assert "can be read by others; chmod 600 it" in portal.command("check", expect=1).stdout


def test_a_portal_that_can_work_is_ready(app: Flask) -> None:
    assert app.test_client().get("/readyz").data == b"ready\n"


def test_what_keeps_the_portal_from_working_is_what_readyz_says(app: Flask, of_another_version: None) -> None:
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.data) == (503, b"database: not at the newest migration; run portal db upgrade\n")
    assert app.test_client().get("/livez").status_code == 200


def test_a_full_disk_is_not_ready(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2**63)
    assert health.what_is_wrong() == ["instance folder: its disk is full"]
