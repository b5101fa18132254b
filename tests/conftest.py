"""The test house: one application, a fresh database for each test, and a clock that tests move.

Fixtures live in files named for what they know: the databases in ``support/databases.py``, the checking client in
``support/client.py``, the people in ``people.py``, mail in ``support/smtp.py``, processes in ``support/server.py``.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from portal import config, create_app
from portal.extensions import db
from portal.services import throttle
from tests.support.databases import Databases, chosen_databases
from tests.support.spread import Spread

pytest_plugins = [
    "tests.people",
    "tests.support.passwords",
    "tests.support.guesses",
    "tests.support.client",
    "tests.support.everybody",
    "tests.support.asking_page",
    "tests.support.smtp",
    "tests.support.server",
    "tests.support.intruder",
    "tests.support.redis",
    "tests.support.embedded",
    "tests.support.queries",
]

SECRET_KEY = "a key for the tests alone, long enough to sign"

SETTINGS: dict[str, Any] = {
    **{setting.name: setting.default for setting in config.SETTINGS},
    "SECRET_KEY": SECRET_KEY,
    "BASE_URL": "http://127.0.0.1:8000",
    "TESTING": True,
    # An exception that nobody foresaw fails the test that met it; a test of the 500 page sets this to False.
    "PROPAGATE_EXCEPTIONS": True,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default=None,
        help="which database the tests run on; TEST_DATABASE_URL names a PostgreSQL that is there already",
    )


WITH_PROCESSES = (
    "story",
    "reliability",
    "deployment",
    "security",
    "model",
    "commands/test_run.py",
    "commands/test_serve.py",
    "commands/test_worker.py",
    "migrations/test_kills.py",
)

WHATEVER_THE_DATABASE = (
    "blueprints/account",
    "blueprints/demonstration",
    "blueprints/sign_in",
    "blueprints/test_activity.py",
    "commands/test_organisations_import_refusals.py",
    "commands/test_run.py",
    "commands/test_serve.py",
    "deployment",
    "domain",
    "house_rules",
    "mail",
    "reliability/test_mail_server_down.py",
    "reliability/test_pages_without_mail.py",
    "security/test_caching.py",
    "security/test_csrf.py",
    "security/test_debug_off.py",
    "security/test_dependencies.py",
    "security/test_escalation.py",
    "security/test_headers.py",
    "security/test_host.py",
    "security/test_htmx_errors.py",
    "security/test_injection.py",
    "security/test_log_lines.py",
    "security/test_mail_headers.py",
    "security/test_mass_assignment.py",
    "security/test_methods_and_cors.py",
    "security/test_no_questions.py",
    "security/test_one_answer.py",
    "security/test_organisations_apart.py",
    "security/test_password_policy.py",
    "security/test_rate_limits.py",
    "security/test_redirects.py",
    "security/test_shared_cache.py",
    "services/test_demonstration.py",
    "services/test_password_suggestions.py",
    "templates",
)
"""What says nothing of a database."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts processes, or comes out alike on every database, is marked so, for a run that leaves it out.

    What takes its time comes first, so that no worker ends long after the others.
    """
    for item in items:
        if place_of(item).startswith(WITH_PROCESSES):
            item.add_marker("processes")
        if place_of(item).startswith(WHATEVER_THE_DATABASE):
            item.add_marker("any_database")
    items.sort(key=lambda item: not place_of(item).startswith(("browser", *WITH_PROCESSES)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    return Spread(config, log)


def place_of(item: pytest.Item) -> str:
    """Its file, from this folder on."""
    return item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The kind of database that this run is on, and where fresh ones come from."""
    with chosen_databases(pytestconfig.getoption("--database"), tmp_path_factory.mktemp("databases")) as chosen:
        yield chosen


@pytest.fixture(scope="session")
def house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application, made once; tests use ``app``."""
    instance = tmp_path_factory.mktemp("instance")
    built = create_app({**SETTINGS, "INSTANCE_PATH": str(instance), "SQLALCHEMY_DATABASE_URI": databases.uri})
    databases.migrate(built)
    return built


@pytest.fixture
def app(house: Flask, databases: Databases, tmp_path: Path) -> Iterator[Flask]:
    """The application on an empty, migrated database, in an application context of the test's own.

    What a test changes in ``app.config`` is as before afterwards. Requests of the client run in contexts of their own.
    """
    before = dict(house.config)
    house.config["INSTANCE_PATH"] = str(tmp_path)
    databases.empty(house)
    throttle.init_app(house)
    with house.app_context():
        yield house
        db.session.remove()
        db.engine.dispose()
    house.config.clear()
    house.config.update(before)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved: ``clock.shift(timedelta(hours=24))``, ``clock.move_to(moment)``."""
    with time_machine.travel("2026-11-16T09:00:00+00:00", tick=False) as stopped:
        yield stopped


@pytest.fixture(autouse=True)
def _quiet_loggers() -> Iterator[None]:
    """A start of the migrations or a command may set levels; the next test finds them as they were."""
    levels = {name: logging.getLogger(name).level for name in (None, "alembic", "portal")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # import-linter silences every logger that is there
