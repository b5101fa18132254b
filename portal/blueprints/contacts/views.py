from collections.abc import Mapping

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx
from portal.blueprints.browser_list import browser_list
from portal.blueprints.contacts import blueprint, moves, screens
from portal.blueprints.contacts.forms import ContactForm
from portal.blueprints.contacts.presenters import contact_url, organisation_rows
from portal.domain.account_state import AccountState
from portal.domain.roles import Permission
from portal.models import Person
from portal.permissions import polled, requires
from portal.services import administered_organisations, contacts, organisations, signed_in_browsers
from portal.services.administrators import LastAdministrator
from portal.services.contacts import Conflict, DuplicateAddress
from portal.transactions import commits

Answer = str | Response | tuple[str, int]


@blueprint.get("/organisations", endpoint="organisations")
@requires(Permission.SEE_CONTACTS)
def organisation_list() -> str:
    q, kind = request.args.get("q", "").strip(), request.args.get("kind", "")
    page = request.args.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 1
    htmx.remember_search()
    found = administered_organisations.find(current_user, q, kind, number)
    return htmx.render(
        "contacts/organisations.html", "contacts/_organisations.html", **organisation_rows(found, q, kind)
    )


@blueprint.get("/organisations/<code>")
@requires(Permission.SEE_CONTACTS)
def organisation(code: str) -> Response:
    found = organisations.get_for(current_user, code, Permission.SEE_CONTACTS)
    return htmx.see_other(url_for("contacts.index", code=found.code))


@blueprint.get("/organisations/<code>/contacts")
@requires(Permission.FIND_PEOPLE)
def index(code: str) -> str:
    found = organisations.get_for(current_user, code, Permission.FIND_PEOPLE)
    return screens.screen(found, None, None)


@blueprint.get("/organisations/<code>/contacts/new")
@requires(Permission.ADD_CONTACTS)
def new(code: str) -> str:
    found = organisations.get_for(current_user, code, Permission.ADD_CONTACTS)
    return screens.screen(found, None, ContactForm(found, None, None))


@blueprint.post("/organisations/<code>/contacts/new")
@requires(Permission.ADD_CONTACTS)
@commits
def create(code: str) -> Answer:
    found = organisations.get_for(current_user, code, Permission.ADD_CONTACTS)
    form = ContactForm(found, None, request.form)
    if form.validate():
        try:
            person = contacts.create(found, form.details(), current_user, allow_duplicate=form.allow_duplicate.data)
        except DuplicateAddress as duplicate:
            form.show_duplicates(duplicate.people)
        else:
            asked = screens.wanted_with(person)
            return htmx.see_other(contact_url(found, person.ess_id, asked, "self-service-details"), "created")
    return screens.screen(found, None, form), 422


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>")
@requires(Permission.FIND_PEOPLE)
def contact(code: str, ess_id: int) -> str:
    person = contacts.get_for(current_user, code, ess_id, Permission.FIND_PEOPLE)
    return screens.chosen(person)


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>/self-service")
@requires(Permission.FIND_PEOPLE)
@polled
def self_service(code: str, ess_id: int) -> Answer:
    person = contacts.get_for(current_user, code, ess_id, Permission.FIND_PEOPLE)
    if htmx.is_htmx():
        return screens.panel_answer(person, screens.said_before())
    return htmx.see_other(screens.next_url(person, screens.wanted()))


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>/sessions")
@requires(Permission.KEEP_CONTACTS)
def sessions(code: str, ess_id: int) -> str:
    person = contacts.get_to_act_on(current_user, code, ess_id)
    browsers = browser_list(signed_in_browsers.of(person.account), current_user)
    return render_template(
        "contacts/sessions.html", person=person, browsers=browsers, breadcrumbs=screens.breadcrumbs_to(person)
    )


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/sessions")
@requires(Permission.KEEP_CONTACTS)
@commits
def end_session(code: str, ess_id: int) -> Response:
    person = contacts.get_to_act_on(current_user, code, ess_id)
    signed_in_browsers.end(person.account, request.form.get("session", 0, type=int), current_user)
    return htmx.see_other(url_for("contacts.sessions", code=code, ess_id=ess_id), "browser-signed-out")


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/sessions/all")
@requires(Permission.KEEP_CONTACTS)
@commits
def end_all_sessions(code: str, ess_id: int) -> Response:
    person = contacts.get_to_act_on(current_user, code, ess_id)
    signed_in_browsers.end_all(person.account, current_user)
    return htmx.see_other(url_for("contacts.sessions", code=code, ess_id=ess_id), "all-signed-out")


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>")
@requires(Permission.KEEP_CONTACTS)
@commits
def save(code: str, ess_id: int) -> Answer:
    person = contacts.get_to_change(current_user, code, ess_id)
    form = ContactForm(person.organisation, person, request.form, own=contacts.is_own(current_user, person))
    decided = {"allow_duplicate": form.allow_duplicate.data, "confirmed": form.confirm.data}
    try:
        contacts.check_version(person, form.version.data)
        if form.validate():
            changes = contacts.save(person, form.details(), current_user, version=form.version.data, **decided)
            return screens.saved(person, _notice_of(person, changes))
    except DuplicateAddress as duplicate:
        form.show_duplicates(duplicate.people)
    except LastAdministrator as last:
        form.ask_about_last(last)
        return screens.screen(person.organisation, person, form), 409
    except Conflict as conflict:
        return screens.screen(person.organisation, person, form, screens.in_conflict(form, conflict)), 409
    return screens.screen(person.organisation, person, form), 422


def _notice_of(person: Person, changes: Mapping[str, object]) -> str:
    """What Save has done; whoever waits for a temporary password does so in vain when the address changed."""
    if not changes:
        return "unchanged"
    waits = person.account.state is AccountState.REGISTRATION_PENDING
    return "saved-and-void" if waits and "primary_email" in changes else "saved"


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/register")
@requires(Permission.ADD_CONTACTS)
@commits
def register(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.REGISTER, Permission.ADD_CONTACTS)


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/unlock")
@requires(Permission.KEEP_CONTACTS)
@commits
def unlock(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.UNLOCK)


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/re-enrol")
@requires(Permission.KEEP_CONTACTS)
@commits
def re_enrol(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.RE_ENROL)


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/deactivate")
@requires(Permission.KEEP_CONTACTS)
@commits
def deactivate(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.DEACTIVATE)


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/reactivate")
@requires(Permission.KEEP_CONTACTS)
@commits
def reactivate(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.REACTIVATE)
