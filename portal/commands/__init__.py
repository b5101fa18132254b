"""The ``portal`` command line: Flask's own commands and ours, one file a group."""

import gc
import sys

from flask import Flask
from flask.cli import FlaskGroup

from portal.commands import (
    audit,
    backup,
    central_administrator,
    check,
    demo,
    mail,
    organisations,
    people,
    run,
    serve,
    worker,
)
from portal.config import ConfigurationError


def init_app(app: Flask) -> None:
    """Add our commands to Flask's."""
    for group in (audit, backup, central_administrator, check, demo, mail, organisations, people, run, serve, worker):
        for command in group.commands:
            app.cli.add_command(command)


def _create_app() -> Flask:
    from portal import create_app

    return create_app()


def main() -> None:
    """The console script. What it has loaded is in use to the end: no search for garbage goes through it again."""
    gc.freeze()
    try:
        FlaskGroup(create_app=_create_app, name="portal", help="Gatehouse, the access portal.")()
    except ConfigurationError as error:
        print(f"portal: {error}", file=sys.stderr)
        sys.exit(1)
