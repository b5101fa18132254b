"""An organisation's own pages, beside its contacts: what happened in it, and what files are put into it."""

from flask import Blueprint

blueprint = Blueprint("organisation", __name__)

from portal.blueprints.organisation import activity_views, bulk_views, upload_views  # noqa: F401 - the views register themselves
