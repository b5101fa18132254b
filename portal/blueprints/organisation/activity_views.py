from flask import request
from flask_login import current_user

from portal import htmx
from portal.blueprints import trail_query
from portal.blueprints.activity import trail_view
from portal.blueprints.navigation import breadcrumbs
from portal.blueprints.organisation import blueprint
from portal.domain.roles import Permission
from portal.permissions import requires
from portal.services import activity as trails
from portal.services import organisations


@blueprint.get("/organisations/<code>/activity")
@requires(Permission.SEE_CONTACTS)
def activity(code: str) -> str:
    organisation = organisations.get_for(current_user, code, Permission.SEE_CONTACTS)
    kind, before = trail_query.asked()
    found = trails.of_organisation(organisation, kind, before)
    return htmx.render(
        "organisation/activity.html",
        "partials/trail.html",
        organisation=organisation,
        trail=trail_view(found, kind, before, request.path),
        with_person=True,
        breadcrumbs=breadcrumbs(organisation),
    )
