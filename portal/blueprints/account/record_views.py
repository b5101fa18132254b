from dataclasses import asdict, replace

from flask import request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.blueprints.account import blueprint
from portal.blueprints.account.forms import RecordForm
from portal.blueprints.account.presenters import record_page
from portal.blueprints.record_words import differences
from portal.domain.roles import Permission
from portal.htmx import see_other
from portal.permissions import held_fields, password_first, requires
from portal.services import contacts, own_record
from portal.services.contacts import Conflict
from portal.transactions import commits


@blueprint.get("/account/record")
@requires(Permission.OWN_ACCOUNT)
def record() -> str:
    held = held_fields()
    return record_page(RecordForm(current_user.account.person, held), goes_on=held is not None)


@blueprint.post("/account/record")
@requires(Permission.OWN_ACCOUNT)
@commits
def save_record() -> Response | tuple[str, int]:
    own_record.refuse_unless_amendable(current_user)
    person = current_user.account.person
    form = RecordForm(person, request.form)
    try:
        contacts.check_version(person, form.version.data)
        if form.validate():
            if form.changes_address() and (first := password_first()) is not None:
                return first
            changes = own_record.save(current_user, form.details(), version=form.version.data)
            return see_other(url_for("account.record"), "saved" if changes else "unchanged")
    except Conflict as conflict:
        form.go_on_from(conflict.version)
        typed = replace(conflict.details, **asdict(form.details()))
        return record_page(form, differences(conflict.details, typed)), 409
    return record_page(form), 422
