"""``portal worker``: the background worker."""

import logging
import signal
from threading import Event

import click
from flask.cli import with_appcontext

from portal import logs
from portal import worker as loop
from portal.services import health, surroundings

log = logging.getLogger("portal.worker")


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Send the mail that is due and do what else is due. It stops on SIGTERM, when the piece in hand is done."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    refused = [*surroundings.senseless_settings(), *health.unsafe_settings(), *health.what_is_wrong()]
    if refused:
        raise click.ClickException("\n".join(refused))
    logs.configure()
    log.info("started")
    loop.run(stop)
    log.info("stopped")


commands: list[click.Command] = [worker]
