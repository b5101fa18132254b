"""Where the present piece of work comes from: the request's address, zone and browser, or the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from flask import current_app, has_request_context, request

from portal.domain.lockout import Zone
from portal.network import client_address, networks, zone_of

COMMAND_LINE = "command"
"""Stands for the address of what no request asked for."""


@dataclass(frozen=True)
class Origin:
    """An address, its zone, and the browser's name of itself (cut to what a row holds)."""

    address: str
    zone: Zone
    browser: str


_asked_from: ContextVar[Origin | None] = ContextVar("asked_from", default=None)


@contextmanager
def asked_from(address: str, zone: Zone) -> Iterator[None]:
    """The worker does what a request asked for that is over by now; the audit trail names where that came from."""
    token = _asked_from.set(Origin(address, zone, ""))
    try:
        yield
    finally:
        _asked_from.reset(token)


def origin() -> Origin:
    """The origin of the request; COMMAND_LINE for what no request asked for."""
    asked = _asked_from.get()
    if asked is not None:
        return asked
    if not has_request_context():
        return Origin(COMMAND_LINE, Zone.PRIVATE, "")
    address = client_address(
        request.remote_addr or "",
        request.headers.getlist("X-Forwarded-For"),
        networks(current_app.config["TRUSTED_PROXIES"]),
    )
    zone = zone_of(address, networks(current_app.config["PRIVATE_NETWORKS"]))
    return Origin(address[:60], zone, request.user_agent.string.replace("\0", "")[:300])
