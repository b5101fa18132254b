from datetime import timedelta
from typing import Any

from flask import current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.blueprints.link_cookies import RECOVERY, private, put_away
from portal.blueprints.passwords import NewPasswordForm, lockout_rule, show, show_verdict
from portal.blueprints.sign_in import blueprint
from portal.blueprints.sign_in.forms import RecoverForm, SignInForm, UnsureRecoverForm
from portal.blueprints.sign_in.presenters import recover_heading
from portal.domain.roles import Role
from portal.errors import NotFound
from portal.extensions import csrf
from portal.htmx import is_htmx, leave_for, see_other
from portal.models import Account
from portal.permissions import aside, enrolment, public, safe_next
from portal.services import demonstration, known_browsers, listings, organisations, recovery, registration, sessions
from portal.services import sign_in as signing_in
from portal.services.recovery import LinkRefused, Need
from portal.services.registration import EnrolmentOver
from portal.transactions import commits


@blueprint.get("/")
@public
def home() -> AnyResponse:
    if not current_user.is_authenticated:
        return redirect(url_for("sign_in.sign_in"), 303)
    return redirect(landing_page(), 303)


def landing_page() -> str:
    """Where somebody who is signed in starts: an administrator at the contacts, an employee at My account."""
    if current_user.is_enrolling:
        return url_for("sign_in.enrol")
    for grant in current_user.grants:
        if grant.role is Role.LOCAL_ADMINISTRATOR:
            return url_for("contacts.index", code=grant.organisation.code)
    if current_user.is_administrator:
        return url_for("contacts.organisations")
    return url_for("account.index")


@blueprint.get("/sign-in", endpoint="sign_in")
@public
def sign_in_page() -> AnyResponse | str:
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")) or landing_page(), 303)
    form = SignInForm(formdata=None, next=safe_next(request.args.get("next")) or "")
    return _sign_in_page(form)


@blueprint.post("/sign-in", endpoint="sign_in_post")
@csrf.exempt
@public
@commits
def sign_in_post() -> AnyResponse | tuple[str, int]:
    form = SignInForm()
    if not form.validate():
        status = 403 if form.is_stale() else 422
        return _sign_in_page(form), status
    known_tokens = known_browsers.presented()
    admitted = signing_in.attempt(form.username.data or "", form.password.data or "", known_tokens)
    if admitted is None:
        return _sign_in_page(form, failed=True), 422
    if current_user.is_authenticated:
        sessions.end(current_user)
    sessions.put_into_cookie(admitted.token)
    target = url_for("sign_in.enrol") if admitted.enrolling else safe_next(form.next.data) or url_for("sign_in.home")
    answer = see_other(target)
    if admitted.browser_tokens:
        known_browsers.put_into_cookie(answer, admitted.browser_tokens)
    return answer


def _sign_in_page(form: SignInForm, failed: bool = False) -> str:
    return render_template(
        "sign_in/sign_in.html",
        form=form,
        failed=failed,
        lockout_rule=lockout_rule(),
        sign_ins=demonstration.sign_ins(),
    )


@blueprint.post("/sign-out")
@public
@commits
def sign_out() -> AnyResponse:
    if current_user.is_authenticated:
        sessions.end(current_user)
    sessions.clear_cookie()
    answer = see_other(url_for("sign_in.sign_in"), notice="signed-out")
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@blueprint.get("/enrol")
@enrolment
def enrol() -> str:
    return show("sign_in/enrol.html", _enrolment_form())


def _enrolment_form() -> NewPasswordForm:
    return NewPasswordForm(current_user.account.person, "sign_in.enrol")


@blueprint.post("/enrol/check")
@enrolment
@aside
@commits
def enrol_check() -> str:
    return show_verdict("sign_in/enrol.html", _enrolment_form())


@blueprint.post("/enrol")
@enrolment
@commits
def enrol_post() -> AnyResponse | str | tuple[str, int]:
    form = _enrolment_form()
    if form.suggest.data:
        return show("sign_in/enrol.html", form.with_words())
    if not form.validate():
        return show("sign_in/enrol.html", form), 422
    try:
        token = registration.complete(current_user, form.password.data or "")
    except EnrolmentOver:
        return see_other(url_for("sign_in.home"))
    return welcome(current_user.account, token)


def welcome(account: Account, token: str) -> AnyResponse:
    """Who has chosen a first password is signed in, with a new session, from a browser that is known from now on."""
    browser_tokens = known_browsers.remember(account, known_browsers.presented())
    sessions.put_into_cookie(token)
    answer = see_other(url_for("sign_in.home"), notice="password-chosen")
    known_browsers.put_into_cookie(answer, browser_tokens)
    return answer


@blueprint.get("/recover")
@public
def recover() -> str:
    form = _recover_form(request.args.get("need", ""), formdata=None)
    return render_template("sign_in/recover.html", form=form, heading=recover_heading(form.need.data))


@blueprint.post("/recover")
@csrf.exempt
@public
@commits
def recover_post() -> AnyResponse | tuple[str, int]:
    form = _recover_form(request.form.get("need", ""))
    if not form.validate():
        status = 403 if form.is_stale() else 422
        return render_template("sign_in/recover.html", form=form, heading=recover_heading(form.need.data)), status
    pointed_to = listings.organisation_for_typed_text(form.identifier.data or "")
    code = pointed_to.code if pointed_to else None
    recovery.ask(form.identifier.data or "", Need(form.need.data or ""))
    return see_other(url_for("sign_in.recover_sent", organisation=code))


def _recover_form(need: str, **given: Any) -> RecoverForm | UnsureRecoverForm:
    """The form for what is needed; one that asks when the address does not say, or says something else."""
    known = need in {choice.value for choice in Need}
    return RecoverForm(**given, **({"need": need} if given else {})) if known else UnsureRecoverForm(**given)


@blueprint.get("/recover/sent")
@public
def recover_sent() -> str:
    listing, code = None, request.args.get("organisation")
    if code:
        try:
            listing = listings.published(organisations.get(code))
        except NotFound:
            listing = None
    return render_template("sign_in/recover_sent.html", listing=listing)


@blueprint.get("/recover/<token>")
@public
def recover_token(token: str) -> AnyResponse:
    lasts = timedelta(minutes=current_app.config["RESET_LINK_MINUTES"])
    return put_away(token, RECOVERY, lasts, "sign_in.new_password")


@blueprint.get("/recover/new-password")
@public
def new_password() -> AnyResponse:
    try:
        return private(show("sign_in/new_password.html", _recovery_form(RECOVERY.token())))
    except LinkRefused:
        return _link_refused()


def _recovery_form(token: str) -> NewPasswordForm:
    return NewPasswordForm(recovery.link_of(token).account.person, "sign_in.new_password")


def _link_refused() -> AnyResponse:
    """The page that says so; HTMX is sent to it."""
    if is_htmx():
        return leave_for(url_for("sign_in.new_password"))
    return private(render_template("sign_in/link_refused.html"), 410)


@blueprint.post("/recover/new-password/check")
@public
@commits
def new_password_check() -> AnyResponse:
    try:
        return private(show_verdict("sign_in/new_password.html", _recovery_form(RECOVERY.token())))
    except LinkRefused:
        return _link_refused()


@blueprint.post("/recover/new-password")
@public
@commits
def new_password_post() -> AnyResponse:
    try:
        form = _recovery_form(RECOVERY.token())
        if form.suggest.data:
            return private(show("sign_in/new_password.html", form.with_words()))
        if not form.validate():
            return private(show("sign_in/new_password.html", form), 422)
        recovery.reset_password(RECOVERY.token(), form.password.data or "")
    except LinkRefused:
        return _link_refused()
    answer = see_other(url_for("sign_in.sign_in"), notice="password-reset")
    RECOVERY.clear(answer)
    return answer


@blueprint.get("/login")
@public
def login() -> AnyResponse:
    return redirect(url_for("sign_in.sign_in"), 303)


@blueprint.get("/forgot")
@public
def forgot() -> AnyResponse:
    return redirect(url_for("sign_in.recover", need=Need.PASSWORD.value), 303)


@blueprint.get("/unlock")
@public
def unlock() -> AnyResponse:
    return redirect(url_for("sign_in.recover", need=Need.UNLOCK.value), 303)
