"""Find Your System Administrator: for everybody, signed in or not."""

from flask import Blueprint

blueprint = Blueprint("find_administrator", __name__)

from portal.blueprints.find_administrator import views  # noqa: F401 - the views register themselves
