"""Nothing but the portal's own pages is served: no debugger, no listing, no file of the installation.

ASVS 13.4.1 to 13.4.7; Werkzeug GHSA-2g68-c3qc-8985. What is asked for here is what scanners ask for first.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import Portal, Started
from tests.support.source import ROOT, modules
from tests.support.visitor import visiting

NOTHING_THERE = (
    "/console", "/.git/HEAD", "/.git/config", "/.env", "/.env.local", "/.svn/entries", "/.DS_Store", "/.htaccess",
    "/.well-known/security.txt.bak", "/static/", "/static", "/static/js/", "/static/vendor/", "/static/.git/HEAD",
    "/static/../wsgi.py", "/static/%2e%2e/wsgi.py", "/static/..%2fwsgi.py", "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
    "/static//etc/passwd", "/static/%5c..%5cwsgi.py", "/wsgi.py", "/pyproject.toml", "/requirements.lock", "/Makefile",
    "/README.md", "/portal/config.py", "/instance/secret_key", "/instance/portal.sqlite3", "/secret_key",
    "/portal.sqlite3", "/backup.zip", "/dump.sql", "/admin", "/admin/", "/administrator", "/wp-login.php",
    "/phpmyadmin/", "/server-status", "/actuator", "/actuator/env", "/debug", "/debug/pprof/", "/_debug_toolbar/",
    "/swagger.json", "/openapi.json", "/api", "/graphql", "/metrics", "/health", "/status", "/info", "/trace",
    "/robots.txt~", "/index.php", "/cgi-bin/test.cgi", "/.aws/credentials", "/id_rsa", "/static/vendor/VERSIONS~",
)  # fmt: skip
DEBUGGER = (
    "/?__debugger__=yes&cmd=resource&f=debugger.js", "/sign-in?__debugger__=yes&cmd=resource&f=style.css",
    "/sign-in?__debugger__=yes&cmd=pinauth&pin=1&s=x", "/console?__debugger__=yes&cmd=printpin&s=x",
    "/no-such-page?__debugger__=yes&frm=0&cmd=1",
)  # fmt: skip
WORDS = r"werkzeug|traceback|debugger|flask|jinja|sqlalchemy|index of|python|granian|\.py\b"
TELLTALE = re.compile(f"{WORDS}|{re.escape(tempfile.gettempdir())}/", re.I)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Started]]:
    """Somebody has left the development settings in the environment."""
    portal = Portal(tmp_path_factory.mktemp("installed"))
    portal.migrate()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FLASK_DEBUG", "1")
        environment.setenv("FLASK_ENV", "development")
        web = portal.serve()
    yield portal, web
    portal.end()


@pytest.mark.parametrize("path", NOTHING_THERE)
def test_there_is_nothing_for_scanners_to_find(installed: tuple[Portal, Started], path: str):
    answer = raw_get(installed[0], path)
    assert answer.status_code in (403, 404, 308), path
    if answer.status_code == 308:
        answer = raw_get(installed[0], str(httpx.URL(answer.headers["Location"]).raw_path.decode()))
        assert answer.status_code in (403, 404), path
    assert not TELLTALE.search(answer.text), path


def raw_get(portal: Portal, path: str) -> httpx.Response:
    """The path as it is written: dots are not taken out."""
    with httpx.Client(trust_env=False) as client:
        request = client.build_request("GET", portal.url)
        request.url = request.url.copy_with(raw_path=path.encode())
        return client.send(request)


@pytest.mark.parametrize("path", DEBUGGER)
def test_there_is_no_debugger(installed: tuple[Portal, Started], path: str):
    answer = raw_get(installed[0], path)
    plain = raw_get(installed[0], path.partition("?")[0])
    assert answer.status_code == plain.status_code
    assert not TELLTALE.search(answer.text)
    assert "PIN" not in answer.text


def test_an_error_that_nobody_foresaw_shows_nothing_but_its_number(installed: tuple[Portal, Started]):
    portal, web = installed
    with portal.database():
        from portal.extensions import db

        with db.engine.connect().execution_options(writes=True) as connection:
            connection.exec_driver_sql("CREATE TRIGGER fault BEFORE INSERT ON sign_in_reservations "
                                       "BEGIN SELECT RAISE(ABORT, 'canary of a fault'); END")  # fmt: skip
            connection.commit()
    with visiting(portal.url) as visitor:
        answer = visitor.try_to_sign_in("canary-name", "canary-password", expect=500)
    number = re.search(r'app-error-id">([0-9a-f]{8})<', answer.text)
    assert number
    assert not TELLTALE.search(answer.text)
    assert "canary" not in answer.text
    assert f"error {number[1]}: " in web.said, "whoever looks after the portal finds it by the number"
    assert "canary" not in web.said


def test_health_says_whether_and_no_more(installed: tuple[Portal, Started]):
    for path, words in (("/livez", "ok\n"), ("/readyz", "ready\n")):
        assert raw_get(installed[0], path).text == words


def test_no_module_switches_a_debugger_on():
    for name, file in modules().items():
        text = file.read_text()
        assert not re.search(r"DebuggedApplication|debug\s*=\s*True|use_debugger|run_simple|app\.run\(", text), name
    assert "debug" not in (ROOT / "wsgi.py").read_text().lower()
    assert not Path(ROOT / ".flaskenv").exists()
