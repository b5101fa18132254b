"""The demonstration's mailbox, and nothing else."""

from flask import Blueprint

blueprint = Blueprint("demonstration", __name__)

from portal.blueprints.demonstration import views  # noqa: F401 - the views register themselves
