"""Organisation Contact Maintenance: the screen an administrator works in."""

from flask import Blueprint

blueprint = Blueprint("contacts", __name__)

from portal.blueprints.contacts import export_views, history_views, move_views, password_views, role_views, views  # noqa: F401 - the views register themselves
