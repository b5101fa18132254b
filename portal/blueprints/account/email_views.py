from datetime import timedelta

from flask import Response, current_app, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.blueprints.account import blueprint
from portal.blueprints.account.forms import EmailForm
from portal.blueprints.account.presenters import email_page
from portal.blueprints.link_cookies import VERIFICATION, private, put_away
from portal.domain.roles import Permission
from portal.htmx import see_other
from portal.permissions import confirmed, held_fields, public, requires
from portal.services import email_changes, own_record
from portal.services.email_changes import AskedTooOften, LinkRefused
from portal.transactions import commits


@blueprint.get("/account/email")
@requires(Permission.OWN_ACCOUNT)
def email() -> str:
    held = held_fields()
    return email_page(EmailForm(current_user.account.person, held), goes_on=held is not None)


@blueprint.post("/account/email")
@requires(Permission.OWN_ACCOUNT)
@confirmed
@commits
def ask_for_email() -> AnyResponse | tuple[str, int]:
    own_record.refuse_unless_amendable(current_user)
    form = EmailForm(current_user.account.person, request.form)
    if form.validate():
        try:
            email_changes.ask(current_user, form.primary_email.data or "")
        except AskedTooOften as refused:
            form.refuse(refused)
        else:
            return see_other(url_for("account.email"), "link-mailed")
    return email_page(form), 422


@blueprint.post("/account/email/again")
@requires(Permission.OWN_ACCOUNT)
@commits
def mail_link_again() -> AnyResponse | tuple[str, int]:
    own_record.refuse_unless_amendable(current_user)
    waiting = email_changes.pending(current_user.account)
    if waiting is None:
        return see_other(url_for("account.email"), "no-link")
    try:
        email_changes.ask(current_user, waiting.address)
    except AskedTooOften as refused:
        form = EmailForm(current_user.account.person, None)
        form.refuse(refused)
        return email_page(form), 422
    return see_other(url_for("account.email"), "link-mailed")


@blueprint.post("/account/email/cancel")
@requires(Permission.OWN_ACCOUNT)
@commits
def cancel_email() -> AnyResponse:
    email_changes.withdraw(current_user)
    return see_other(url_for("account.email"), "address-kept")


@blueprint.get("/verify-email/<token>")
@public
def verify_email(token: str) -> AnyResponse:
    lasts = timedelta(minutes=current_app.config["RESET_LINK_MINUTES"])
    first = None if current_user.is_authenticated else "sign-in-to-confirm"
    return put_away(token, VERIFICATION, lasts, "account.verify", first)


@blueprint.get("/account/email/verify")
@requires(Permission.OWN_ACCOUNT)
def verify() -> Response:
    try:
        change = email_changes.change_of(VERIFICATION.token(), current_user)
    except LinkRefused:
        return _refused()
    return private(render_template("account/verify_email.html", person=current_user.account.person, change=change))


@blueprint.post("/account/email/verify")
@requires(Permission.OWN_ACCOUNT)
@commits
def confirm_email() -> AnyResponse:
    try:
        alone = email_changes.confirm(VERIFICATION.token(), current_user)
    except LinkRefused:
        return _refused()
    answer = see_other(url_for("account.email"), "email-changed" if alone else "email-changed-shared")
    VERIFICATION.clear(answer)
    return answer


def _refused() -> Response:
    return private(render_template("account/email_link_refused.html", person=current_user.account.person), 410)
