from flask import render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField

from portal import htmx
from portal.blueprints import record_checks
from portal.blueprints.contacts import blueprint, refusals, screens
from portal.blueprints.contacts.forms import Tick
from portal.blueprints.contacts.presenters import contact_url
from portal.domain.contact_details import tidy
from portal.domain.roles import Permission
from portal.errors import Forbidden, NotFound
from portal.models import Person
from portal.permissions import requires
from portal.services import contacts, organisations, relocation
from portal.services.administrators import LastAdministrator
from portal.services.relocation import SameOrganisation
from portal.transactions import commits

Answer = str | Response | tuple[str, int]


class MoveForm(FlaskForm):
    """Where to."""

    organisation = StringField(_("Code of the other organisation"), filters=[lambda text: tidy(text or "")])
    confirm = Tick(_("Yes, leave the organisation without an administrator"))
    asks_to_confirm = False


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>/move")
@requires(Permission.KEEP_CONTACTS)
def move(code: str, ess_id: int) -> str:
    return _page(contacts.get_to_act_on(current_user, code, ess_id), MoveForm(None))


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/move")
@requires(Permission.KEEP_CONTACTS)
@commits
def move_there(code: str, ess_id: int) -> Answer:
    person = contacts.get_to_act_on(current_user, code, ess_id)
    form = MoveForm(request.form)
    try:
        there = organisations.get_for(current_user, form.organisation.data or "", Permission.KEEP_CONTACTS)
        relocation.move(person, there, current_user, confirmed=form.confirm.data)
    except (NotFound, Forbidden):
        record_checks.add_error(form.organisation, gettext("None of your organisations has this code"))
    except SameOrganisation:
        record_checks.add_error(form.organisation, gettext("The person belongs to this organisation already"))
    except LastAdministrator as last:
        form.asks_to_confirm = last.may_confirm
        record_checks.add_error(form.organisation, refusals.last_administrator(last))
        return _page(person, form), 409
    else:
        return htmx.see_other(contact_url(there, person.ess_id, screens.wanted_with(person)), "moved")
    return _page(person, form), 422


def _page(person: Person, form: MoveForm) -> str:
    back, crumbs = contact_url(person.organisation, person.ess_id), screens.breadcrumbs_to(person)
    return render_template("contacts/move.html", person=person, form=form, back=back, breadcrumbs=crumbs)
