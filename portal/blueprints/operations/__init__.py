"""Operations: health for whoever runs the portal, and the brand's colours as a style sheet."""

from flask import Blueprint

blueprint = Blueprint("operations", __name__)

from portal.blueprints.operations import views  # noqa: F401 - the views register themselves
