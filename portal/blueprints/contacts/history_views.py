from flask import request
from flask_login import current_user

from portal import htmx
from portal.blueprints import trail_query
from portal.blueprints.activity import trail_view
from portal.blueprints.contacts import blueprint, screens
from portal.domain.roles import Permission
from portal.permissions import requires
from portal.services import activity, contacts


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>/history")
@requires(Permission.SEE_CONTACTS)
def history(code: str, ess_id: int) -> str:
    person = contacts.get_for(current_user, code, ess_id, Permission.SEE_CONTACTS)
    kind, before = trail_query.asked()
    found = activity.of_person(person, kind, before)
    return htmx.render(
        "contacts/history.html",
        "partials/trail.html",
        person=person,
        trail=trail_view(found, kind, before, request.path),
        with_person=False,
        breadcrumbs=screens.breadcrumbs_to(person),
    )
