from flask import render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.blueprints.link_cookies import ENROLMENT, private, put_away
from portal.blueprints.passwords import NewPasswordForm, show, show_verdict
from portal.blueprints.sign_in import blueprint
from portal.blueprints.sign_in.views import welcome
from portal.htmx import is_htmx, leave_for
from portal.permissions import public
from portal.services import enrolment_links, first_administrator, sessions
from portal.services.enrolment_links import EnrolmentLinkRefused
from portal.transactions import commits

PAGE = "sign_in/first_password.html"


@blueprint.get("/enrol/<token>")
@public
def enrolment_link(token: str) -> AnyResponse:
    return put_away(token, ENROLMENT, enrolment_links.LASTS, "sign_in.first_password")


@blueprint.post("/enrol/<token>")
@public
@commits
def enrolment_link_post(token: str) -> AnyResponse:
    answer = _choose(token)
    if answer.status_code in (200, 422):
        ENROLMENT.put(answer, token, enrolment_links.LASTS)  # the page that comes back goes on from there
    return answer


@blueprint.get("/enrol/central-administrator")
@public
def first_password() -> AnyResponse:
    try:
        return private(show(PAGE, _form(ENROLMENT.token())))
    except EnrolmentLinkRefused:
        return _link_refused()


@blueprint.post("/enrol/central-administrator/check")
@public
@commits
def first_password_check() -> AnyResponse:
    try:
        return private(show_verdict(PAGE, _form(ENROLMENT.token())))
    except EnrolmentLinkRefused:
        return _link_refused()


@blueprint.post("/enrol/central-administrator")
@public
@commits
def first_password_post() -> AnyResponse:
    return _choose(ENROLMENT.token())


def _form(token: str) -> NewPasswordForm:
    return NewPasswordForm(enrolment_links.of(token).account.person, "sign_in.first_password")


def _choose(token: str) -> AnyResponse:
    """What the form leads to, wherever its token stands."""
    try:
        form = _form(token)
        if form.suggest.data:
            return private(show(PAGE, form.with_words()))
        if not form.validate():
            return private(show(PAGE, form), 422)
        account, session_token = first_administrator.complete(token, form.password.data or "")
    except EnrolmentLinkRefused:
        return _link_refused()
    if current_user.is_authenticated:
        sessions.end(current_user)
    answer = welcome(account, session_token)
    ENROLMENT.clear(answer)
    return answer


def _link_refused() -> AnyResponse:
    """The page that says so; HTMX is sent to it."""
    if is_htmx():
        return leave_for(url_for("sign_in.first_password"))
    return private(render_template("sign_in/enrolment_link_refused.html"), 410)
