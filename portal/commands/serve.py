"""``portal serve``: the production web server."""

import ctypes
import gc
import logging
import mmap
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from sqlalchemy.exc import SQLAlchemyError

from portal import errors, listening, logs
from portal.compression import Compressed
from portal.extensions import db
from portal.gateway import Gateway
from portal.network import is_loopback, networks
from portal.services import health, surroundings, web_processes
from portal.static_files import StaticFiles
from portal.transactions import write

# Most of a sign-in is its hash, which two threads on two cores do best; the others are for pages meanwhile.
THREADS = 4
LARGEST_HEADERS = 16 * 1024
HEADER_SECONDS = 15
STOP_SECONDS = 30
M_ARENA_MAX = -8

log = logging.getLogger("portal.serve")


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="How many processes.")
@click.option("--drain", default=0, show_default=True, type=click.IntRange(0, 60), help="Stop after so many seconds.")
@with_appcontext
def serve(host: str, port: int, workers: int, drain: int) -> None:
    """Run the production web server. It stops on SIGTERM, when the requests in hand are answered.

    With --drain it goes on for so many seconds before that, while /readyz says that it is stopping.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    refused = [*surroundings.senseless_settings(), *health.unsafe_settings(), *health.what_is_wrong()]
    if refused:
        raise click.ClickException("\n".join(refused))
    passed_on = listening.passed_on()
    host = passed_on.getsockname()[0] if passed_on is not None else host
    if health.holds_demonstration() and not is_loopback(host):
        raise click.ClickException(f"the database holds the demonstration: not on {host}, where others could reach it")
    _serve(app, passed_on or listen(host, port), workers, drain)


def _serve(app: Flask, listener: socket.socket, workers: int, drain: int) -> None:
    """Run on a socket, which stands among the web servers of this database meanwhile."""
    port = listener.getsockname()[1]
    with write():
        web_processes.note_start(port, workers)
    _let_go_of_the_database()
    errors.load_pages(app)
    logs.configure()
    if workers > 1 and app.config["RATE_LIMITS"] and not app.config["REDIS_URL"]:
        log.warning("%d processes without PORTAL_REDIS_URL: each counts the rate limits for itself", workers)
    app.extensions[health.STOPPING] = stopping = mmap.mmap(-1, 1)
    try:
        run(partial(_gateway, app), listener, stopping, workers, drain)
    finally:
        with suppress(SQLAlchemyError), write():
            web_processes.note_stop(port)
        _let_go_of_the_database()


def _let_go_of_the_database() -> None:
    db.session.remove()
    db.engine.dispose()


def run(
    target_loader: Callable[[], Gateway], listener: socket.socket, stopping: mmap.mmap, workers: int = 1, drain: int = 0
) -> None:
    """Run the server until it is stopped; each of its processes serves what ``target_loader`` makes there."""
    logs.configure()
    server = listening.ServerOn(
        listener,
        drain,
        stopping,
        target="portal",
        interface=Interfaces.RSGI,
        workers=workers,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(max_buffer_size=LARGEST_HEADERS, header_read_timeout=HEADER_SECONDS * 1000),
        log_level=LogLevels.warning,
        log_dictconfig=_server_log(),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    host, port = listener.getsockname()[:2]
    server.on_startup(partial(log.info, "listening", extra={"fields": {"host": host, "port": port}}))
    server.on_shutdown(partial(log.info, "stopped"))
    _share_memory_between_threads()
    # What is loaded by now is shared with the processes that are forked from this one.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=target_loader, wrap_loader=False)


def _share_memory_between_threads() -> None:
    """Two heaps for all threads: with one each, every thread keeps the 19 MiB of a hash for itself (glibc)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _gateway(app: Flask) -> Gateway:
    """What each process serves; made in the process itself, which has its own threads and its own log."""
    logs.configure()
    return gateway(app)


def gateway(app: Flask) -> Gateway:
    """The application with its static files, compression and the log of its requests, for the server."""
    trusted = networks(app.config["TRUSTED_PROXIES"])
    served = logs.Requests(app, Compressed(StaticFiles(app, app)), trusted)
    return Gateway(
        served,
        app.config["PREFERRED_URL_SCHEME"],
        app.config["MAX_CONTENT_LENGTH"],
        app.config["UPLOAD_BYTES"],
        THREADS,
    )


def listen(host: str, port: int, advice: str = "") -> socket.socket:
    """Where the server listens; whoever starts it is told when somebody else does so already."""
    try:
        return listening.listen(host, port)
    except OSError as error:
        message = f"cannot listen on {host} port {port}: {error.strerror}"
        raise click.ClickException(f"{message}; {advice}" if advice else message) from None


def _server_log() -> dict[str, Any]:
    """The server's own lines in the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"generic": {"()": logs.JsonLines}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": sys.stderr}},
        "loggers": {"_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
    }


commands: list[click.Command] = [serve]
