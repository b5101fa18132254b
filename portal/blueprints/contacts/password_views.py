from flask import render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import Field, RadioField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from portal.blueprints.contacts import blueprint, moves, refusals, screens
from portal.blueprints.contacts.screens import Said
from portal.domain import identity_check
from portal.domain.account_state import MoveRefused
from portal.domain.contact_details import is_printable, tidy
from portal.domain.identity_check import IdentityCheck
from portal.domain.roles import Permission
from portal.models import Person
from portal.permissions import requires
from portal.services import contacts, password_resets
from portal.services.password_resets import NotAnOperators
from portal.transactions import commits

Answer = str | Response | tuple[str, int]

METHODS = {
    "known": _("The person is known to me"),
    "photo_id": _("I saw a photo ID"),
    "video": _("We spoke in a video call"),
    "other": _("Something else, which I name below"),
}


def _named(form: "IdentityCheckForm", field: Field) -> None:
    """Something else needs its name."""
    if form.method.data == "other" and not field.data:
        raise ValidationError(gettext("Say how you checked who it is"))


class IdentityCheckForm(FlaskForm):
    """How the administrator knows who is in front of them."""

    method = RadioField(
        _("How do you know who it is?"),
        choices=[SelectChoice(value, label) for value, label in METHODS.items()],
        validate_choice=False,
    )
    reference = StringField(_("Reference"), validators=[_named], filters=[lambda text: tidy(text or "")])

    def validate_method(self, field: Field) -> None:
        """There is one."""
        if field.data not in identity_check.METHODS:
            raise ValidationError(gettext("Choose how you checked who it is"))

    def validate_reference(self, field: Field) -> None:
        """It is one line that fits into the trail."""
        if not is_printable(field.data) or len(field.data) > identity_check.LONGEST_REFERENCE:
            most = identity_check.LONGEST_REFERENCE
            raise ValidationError(gettext("Use one line of %(most)s characters or fewer", most=most))


@blueprint.get("/organisations/<code>/contacts/<int:ess_id>/temporary-password")
@requires(Permission.RESET_PASSWORDS)
def temporary_password(code: str, ess_id: int) -> Answer:
    person = contacts.get_for(current_user, code, ess_id, Permission.RESET_PASSWORDS)
    try:
        password_resets.refuse_unless_possible(person.account, current_user)
    except NotAnOperators:
        return screens.chosen(person, Said(refusal=refusals.not_an_operators(person))), 403
    except MoveRefused as refused:
        return screens.chosen(person, Said(refusal=refusals.refusal(refused, person.account))), 409
    return _form_page(person, IdentityCheckForm(None))


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/temporary-password")
@requires(Permission.RESET_PASSWORDS)
@commits
def give_temporary_password(code: str, ess_id: int) -> Answer:
    person = contacts.get_for(current_user, code, ess_id, Permission.RESET_PASSWORDS)
    form = IdentityCheckForm(request.form)
    if not form.validate():
        return _form_page(person, form), 422
    check = IdentityCheck(form.method.data, form.reference.data or "")
    try:
        given = password_resets.give_in_person(person.account, current_user, check)
    except NotAnOperators:
        return screens.chosen(person, Said(refusal=refusals.not_an_operators(person))), 403
    except MoveRefused as refused:
        return screens.chosen(person, Said(refusal=refusals.refusal(refused, person.account))), 409
    back = screens.next_url(person, screens.wanted())
    breadcrumbs = screens.breadcrumbs_to(person)
    sign_in_url = url_for("sign_in.sign_in", _external=True)
    return render_template(
        "contacts/slip.html", person=person, given=given, back=back, breadcrumbs=breadcrumbs, sign_in_url=sign_in_url
    )


@blueprint.post("/organisations/<code>/contacts/<int:ess_id>/recovery-mail")
@requires(Permission.RESET_PASSWORDS)
@commits
def recovery_mail(code: str, ess_id: int) -> Answer:
    return moves.make(code, ess_id, moves.RECOVERY_MAIL, Permission.RESET_PASSWORDS)


def _form_page(person: Person, form: IdentityCheckForm) -> str:
    return render_template(
        "contacts/temporary_password.html",
        person=person,
        form=form,
        back=screens.next_url(person, screens.wanted()),
        breadcrumbs=screens.breadcrumbs_to(person),
    )
