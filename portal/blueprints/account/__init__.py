"""My account: what an employee looks after."""

from flask import Blueprint

blueprint = Blueprint("account", __name__)

from portal.blueprints.account import views  # noqa: F401 - the views register themselves
