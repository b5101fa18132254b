from typing import Any

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.blueprints.account import blueprint, presenters
from portal.blueprints.account.forms import ChangePasswordForm, ConfirmForm
from portal.blueprints.activity import own_lines
from portal.blueprints.browser_list import browser_list
from portal.blueprints.passwords import lockout_rule, show, show_verdict
from portal.domain.roles import Permission
from portal.htmx import see_other
from portal.permissions import aside, confirmed, requires, safe_next
from portal.services import known_browsers, own_password, sessions, signed_in_browsers
from portal.services.own_password import Renewed
from portal.transactions import commits

Page = str | Response | tuple[str, int]


@blueprint.context_processor
def navigation() -> dict[str, Any]:
    return {"account_pages": presenters.pages, "account_is_locked": presenters.account_is_locked}


@blueprint.get("/account")
@requires(Permission.OWN_ACCOUNT)
def index() -> str:
    account = current_user.account
    return render_template(
        "account/index.html",
        organisation=account.person.organisation,
        ones_own=presenters.ones_own(account),
        safety=presenters.safety(account),
        lines=own_lines(account.person),
    )


@blueprint.get("/account/confirm")
@requires(Permission.OWN_ACCOUNT)
def confirm() -> str:
    asked = request.args
    form = ConfirmForm(formdata=None, next=safe_next(asked.get("next")) or "", held=asked.get("held", ""))
    return _confirm_page(form)


@blueprint.post("/account/confirm")
@requires(Permission.OWN_ACCOUNT)
@commits
def confirm_post() -> Page:
    form = ConfirmForm()
    if not form.validate():
        return _confirm_page(form), 422
    key = form.held.data or ""
    renewed = own_password.confirm(current_user, form.password.data or "", known_browsers.presented(), key)
    if renewed is None:
        return _confirm_page(form, failed=True), 422
    notice = ("goes-on" if renewed.goes_on else "type-again") if key else None
    return _renewed(renewed, safe_next(form.next.data) or url_for("account.index"), notice)


def _confirm_page(form: ConfirmForm, failed: bool = False) -> str:
    return render_template("account/confirm.html", form=form, failed=failed, lockout_rule=lockout_rule())


def _renewed(renewed: Renewed, target: str, notice: str | None) -> Response:
    sessions.put_renewed_into_cookie(renewed.token)
    answer = see_other(target, notice)
    known_browsers.put_into_cookie(answer, renewed.browser_tokens)
    return answer


@blueprint.get("/account/password")
@requires(Permission.OWN_ACCOUNT)
@confirmed
def password() -> str:
    return _password_page(ChangePasswordForm(current_user.account.person))


@blueprint.post("/account/password")
@requires(Permission.OWN_ACCOUNT)
@confirmed
@commits
def password_post() -> Page:
    form = ChangePasswordForm(current_user.account.person)
    if form.suggest.data:
        return _password_page(form.with_words())
    if not form.validate():
        return _password_page(form), 422
    current, new = form.current_password.data or "", form.password.data or ""
    renewed = own_password.change(current_user, current, new, known_browsers.presented())
    if renewed is None:
        form.refuse_current()
        return _password_page(form), 422
    return _renewed(renewed, url_for("account.index"), "password-changed")


def _password_page(form: ChangePasswordForm) -> str:
    return show("account/password.html", form, lockout_rule=lockout_rule())


@blueprint.post("/account/password/check")
@requires(Permission.OWN_ACCOUNT)
@aside
@commits
def password_check() -> str:
    form = ChangePasswordForm(current_user.account.person)
    return show_verdict("account/password.html", form, lockout_rule=lockout_rule())


@blueprint.get("/account/sessions", endpoint="sessions")
@requires(Permission.OWN_ACCOUNT)
def session_list() -> str:
    found = signed_in_browsers.of(current_user.account)
    return render_template("account/sessions.html", browsers=browser_list(found, current_user))


@blueprint.post("/account/sessions")
@requires(Permission.OWN_ACCOUNT)
@commits
def end_session() -> Response:
    signed_in_browsers.end_own(current_user, request.form.get("session", 0, type=int))
    return see_other(url_for("account.sessions"), "browser-signed-out")


@blueprint.post("/account/sessions/others")
@requires(Permission.OWN_ACCOUNT)
@commits
def end_other_sessions() -> Response:
    signed_in_browsers.end_others(current_user, known_browsers.presented())
    return see_other(url_for("account.sessions"), "others-signed-out")
