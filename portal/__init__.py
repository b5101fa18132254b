"""Gatehouse: a self-hosted access portal."""

from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, g, request
from flask_login import current_user
from jinja2 import StrictUndefined

from portal import (
    blueprints,
    commands,
    config,
    errors,
    extensions,
    filters,
    headers,
    htmx,
    notices,
    permissions,
    static_files,
)
from portal.services import sessions, throttle

ROOT = Path(__file__).resolve().parent.parent
HEALTH = ("/livez", "/readyz")


class PortalRequest(Request):
    """A request whose host must be a trusted one, but for its health: probes ask by address, whatever it is."""

    _trusted: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The hosts that this request may name; None for any."""
        return None if self.path in HEALTH else self._trusted

    @trusted_hosts.setter
    def trusted_hosts(self, hosts: list[str] | None) -> None:
        self._trusted = hosts


def create_app(settings: dict[str, Any] | None = None) -> Flask:
    """The application. ``settings`` take the place of single settings of the environment.

    Raises ConfigurationError for settings that make no sense.
    """
    app = Flask(__name__)
    app.request_class = PortalRequest
    read = {**config.from_environment(), **(settings or {})}
    app.config.from_mapping(config.complete(read, ROOT))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = extensions.engine_options(app.config["SQLALCHEMY_DATABASE_URI"])
    extensions.db.init_app(app)
    extensions.migrate.init_app(app, directory=str(ROOT / "migrations"))
    extensions.babel.init_app(app)
    extensions.mail.init_app(app)
    app.before_request(permissions.make_room)  # before the form is read to look for its token
    extensions.csrf.init_app(app)
    with app.app_context():
        extensions.prepare_engine(extensions.db.engine)

    for part in (headers, permissions, throttle, filters, static_files, blueprints):
        part.init_app(app)
    errors.init_app(app, htmx.retarget_to_notice, htmx.is_htmx, permissions.signed_out_fragment)
    commands.init_app(app)
    htmx.init_app(app)
    app.after_request(notices.use_up)
    app.after_request(_note_session_use)
    return app


def _note_session_use(answer: Response) -> Response:
    unused = request.endpoint == "static" or permissions.is_polled(request.endpoint) or g.get("error_page")
    if not unused and current_user.is_authenticated:
        sessions.note_use(current_user)
    return answer
