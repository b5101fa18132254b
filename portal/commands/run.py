"""What ``make run`` starts: the demonstration on one's own machine, web and worker in one go."""

import json
import multiprocessing
import multiprocessing.process
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click
import flask_migrate
from dotenv import dotenv_values
from flask import current_app
from flask.cli import with_appcontext

from portal.commands.serve import listen
from portal.extensions import db
from portal.services import demonstration
from portal.transactions import commits

HOST = "127.0.0.1"
READY_SECONDS = 30
STOP_SECONDS = 40
LINES_SHOWN = 15

# A private network without this machine: the browser here stands in the internet, and the zones can be seen.
PRIVATE_NETWORKS = ["10.0.0.0/8"]


Child = multiprocessing.process.BaseProcess


class Stopped(Exception):  # noqa: N818 - it is no error
    """Somebody asked the demonstration to stop."""


@click.command("demonstration-run", hidden=True)
@click.option("--port", default=8000, type=click.IntRange(1, 65535))
@with_appcontext
def demonstration_run(port: int) -> None:
    """Make the database and its demonstration data, then run web and worker until stopped."""
    instance = Path(current_app.config["INSTANCE_PATH"])
    listen(HOST, port, f"make run PORT={port + 1} takes another").close()
    flask_migrate.upgrade()
    load_once()
    db.session.remove()
    db.engine.dispose()
    environment = environment_for(port)
    commands = {"web server": ["serve", "--host", HOST, "--port", str(port)], "worker": ["worker"]}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    children: dict[str, Child] = {}
    try:
        for name, arguments in commands.items():
            children[name] = _start(arguments, environment, _log_file(instance, name))
        _wait_until_ready(f"http://{HOST}:{port}/readyz", children, instance)
        click.echo(greeting(environment["PORTAL_BASE_URL"], instance))
        _wait_for_an_end(children, instance)
    except Stopped:
        click.echo("\nStopping.")
    finally:
        _end(children)


def load_once() -> None:
    """Load the demonstration data into a database that holds nothing; any other stays as it is."""
    if demonstration.database_is_empty():
        loaded = commits(demonstration.load)()
        click.echo(f"Loaded the demonstration: {loaded.organisations} organisations, {loaded.people} people.")


def environment_for(port: int) -> dict[str, str]:
    """The children's environment: what the demonstration needs, unless it is set in the environment or ``.env``."""
    set_already = {**dotenv_values(".env"), **os.environ}
    wanted = {
        "PORTAL_BASE_URL": f"http://{HOST}:{port}",
        "PORTAL_PRIVATE_NETWORKS": json.dumps(PRIVATE_NETWORKS),
    }
    return {**os.environ, **{name: set_already.get(name) or text for name, text in wanted.items()}}


def greeting(address: str, instance: Path) -> str:
    """What a newcomer needs to know."""
    server = current_app.config["MAIL_SERVER"]
    mail = (
        f"Mail goes to {server}."
        if server
        else f"Mail is shown at {address}/demonstration/mail and kept in {instance / 'mail'}."
    )
    return (
        f"\nGatehouse is running at {address}/sign-in\n\n"
        "  The sign-in page offers a sign-in for each role.\n"
        f"  {mail}\n"
        f"  What web and worker have to say: {instance / 'web-server.log'}, {instance / 'worker.log'}\n\n"
        "Press Ctrl+C to stop."
    )


def _log_file(instance: Path, name: str) -> Path:
    return instance / f"{name.replace(' ', '-')}.log"


def _start(arguments: list[str], environment: dict[str, str], log: Path) -> Child:
    child = multiprocessing.get_context("fork").Process(target=_be, args=(arguments, environment, log))
    child.start()
    return child


def _be(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """In the forked child, where everything is loaded already: the command, as if it were called on its own."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("wb") as said:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(said.fileno(), stream.fileno())
    os.environ.update(environment)
    from portal.commands import main

    sys.argv[1:] = arguments
    main()


def _wait_until_ready(address: str, children: dict[str, Child], instance: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        _refuse_dead(children, instance)
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=2):  # noqa: S310
            return
        time.sleep(0.1)
    raise click.ClickException(
        f"the web server was not ready within {READY_SECONDS} seconds\n{_last_words(instance, 'web server')}"
    )


def _wait_for_an_end(children: dict[str, Child], instance: Path) -> None:
    while True:
        _refuse_dead(children, instance)
        time.sleep(0.3)


def _refuse_dead(children: dict[str, Child], instance: Path) -> None:
    for name, child in children.items():
        if not child.is_alive():
            ending = f"the {name} ended by itself (exit code {child.exitcode}); the rest is stopped"
            raise click.ClickException(f"{ending}\n{_last_words(instance, name)}")


def _last_words(instance: Path, name: str) -> str:
    said = _log_file(instance, name).read_text(errors="replace").splitlines()[-LINES_SHOWN:]
    return "\n".join(f"  {line}" for line in said)


def _end(children: dict[str, Child]) -> None:
    for child in children.values():
        child.terminate()
    for child in children.values():
        child.join(STOP_SECONDS)
        if child.is_alive():
            child.kill()
            child.join()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


commands: list[click.Command] = [demonstration_run]
