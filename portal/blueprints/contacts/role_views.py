from flask import render_template, request
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx, notices
from portal.blueprints.contacts import blueprint, refusals, roles_panel, screens
from portal.blueprints.contacts.presenters import contact_url
from portal.blueprints.contacts.roles_panel import Said
from portal.domain.roles import WITHIN_ORGANISATION, Permission, Role
from portal.errors import NotFound
from portal.models import Person
from portal.permissions import confirmed, requires
from portal.services import contacts, organisations, roles
from portal.services.administrators import LastAdministrator
from portal.services.roles import RoleRefused, Scope
from portal.transactions import commits

Answer = str | Response | tuple[str, int]


class _NotUnderstood(Exception):  # noqa: N818 - an answer, not an error
    """A field of the form does not say what it should."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(field)
        self.field, self.text = field, text


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/roles")
@requires(Permission.GRANT_ROLES)
@confirmed
@commits
def change_role(code: str, ess_id: int) -> Answer:
    person = contacts.get_for(current_user, code, ess_id, Permission.GRANT_ROLES)
    sent = roles_panel.fields_of(request.form.items())
    try:
        notice = _change(person)
    except _NotUnderstood as wrong:
        return _answer(person, Said(errors={wrong.field: wrong.text}, typed=sent)), 422
    except RoleRefused as refused:
        return _answer(person, Said(refusal=_why(refused), typed=sent)), 409
    except LastAdministrator as last:
        confirm = {**sent, "confirm": "yes"} if last.may_confirm else None
        return _answer(person, Said(refusal=refusals.last_administrator(last), confirm=confirm)), 409
    if htmx.is_htmx():
        return _answer(person, Said(notice=str(notices.NOTICES[notice].text)))
    return htmx.see_other(contact_url(person.organisation, person.ess_id, screens.wanted(), "roles"), notice)


def _change(person: Person) -> str:
    """Do what the form says; answers the notice of it."""
    known = {role.value: role for role in Role}
    role = known.get(request.form.get("role", ""))
    if role is None:
        raise _NotUnderstood("role", _("Choose a role"))
    scope = _scope(role, person)
    match request.form.get("change"):
        case "grant":
            roles.grant(person.account, role, scope, current_user)
            return "role-granted"
        case "withdraw":
            confirmed_too = request.form.get("confirm") == "yes"
            roles.withdraw(person.account, role, scope, current_user, confirmed=confirmed_too)
            return "role-withdrawn"
    raise _NotUnderstood("role", _("Say whether to grant the role or to withdraw it"))


def _scope(role: Role, person: Person) -> Scope:
    if role in WITHIN_ORGANISATION:
        code = request.form.get("organisation", "").strip()
        try:
            there = organisations.get_for(current_user, code, Permission.GRANT_ROLES) if code else person.organisation
        except NotFound:
            raise _NotUnderstood("organisation", _("None of your organisations has this code")) from None
        return Scope(organisation=there)
    if role is Role.REGIONAL_ACCOUNT_MANAGER:
        try:
            return Scope(region=roles.region_of(request.form.get("region", "")))
        except NotFound:
            raise _NotUnderstood("region", _("Choose the region that the role is for")) from None
    return Scope()


def _why(refused: RoleRefused) -> str:
    return {
        "held": _("This role is held already for that scope."),
        "not-held": _("This role is not held any more."),
        "inactive": _("The account is inactive: make it active first."),
    }[refused.why]


def _answer(person: Person, said: Said) -> str:
    panel = roles_panel.panel(person, current_user, said)
    if htmx.is_htmx():
        return render_template("contacts/_roles.html", roles=panel)
    return screens.chosen(person, roles_said=said)
