"""Which web servers were started on this database, with how many processes: without Redis each counts for itself."""

import socket
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from portal import clock
from portal.extensions import db
from portal.models import Heartbeat
from portal.transactions import begin_write

KIND = "web"
LONGEST_NAME = 24
"""Of a machine's name: the row's own has 40 characters, with the port and the number of processes before it."""


@dataclass(frozen=True)
class WebServer:
    """A web server that was started and not stopped; one that was killed stands here until it is started again."""

    machine: str
    port: int
    processes: int
    started_at: datetime


def machine() -> str:
    """The name of this machine, as rows have it."""
    return socket.gethostname()[:LONGEST_NAME]


def note_start(port: int, processes: int) -> None:
    """This machine's web server on a port starts, with so many processes."""
    note_stop(port)
    db.session.add(Heartbeat(name=f"{KIND}:{port}:{processes}:{machine()}", at=clock.now()))


def note_stop(port: int) -> None:
    """It is over."""
    begin_write()
    for name, server in _rows().items():
        if (server.machine, server.port) == (machine(), port):
            db.session.execute(delete(Heartbeat).where(Heartbeat.name == name))


def known() -> list[WebServer]:
    """The web servers that were started, the newest first."""
    return sorted(_rows().values(), key=lambda server: (server.started_at, server.port), reverse=True)


def _rows() -> dict[str, WebServer]:
    found = {}
    for row in db.session.execute(
        select(Heartbeat.name, Heartbeat.at).where(Heartbeat.name.startswith(f"{KIND}:", autoescape=True))
    ):
        _, port, processes, name = row.name.split(":", 3)
        found[row.name] = WebServer(name, int(port), int(processes), row.at)
    return found
