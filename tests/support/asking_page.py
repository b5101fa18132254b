"""A page of the tests' own whose change asks for the password again: what any page owes to whoever is asked.

It stands in a second application on the same database, so that nothing of it reaches the product.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Blueprint, Flask, render_template_string, request
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField, StringField

from portal import create_app
from portal.domain.roles import Permission
from portal.extensions import db
from portal.htmx import see_other
from portal.models import Person
from portal.permissions import confirmed, held_fields, requires
from portal.services import sessions
from portal.transactions import begin_write, commits, write
from tests.support.client import ORIGIN, Answer, CheckingClient

PAGE = "/asking"
ELSEWHERE = "/asking/elsewhere"

TEMPLATE = """{% extends "layouts/administration.html" %}
{% from "macros/csrf_field.html" import csrf_field %}
{% block title %}Asking{% endblock %}{% block heading %}Asking{% endblock %}
{% block content %}
<form method="post" action="/asking"{{ " data-go-on" if goes_on }}>{{ csrf_field() }}
  {{ form.job_title.label }}{{ form.job_title }} {{ form.words.label }}{{ form.words }}
  <button>Save</button>
</form>
{% endblock %}"""

asking = Blueprint("asking", __name__)


class _Form(FlaskForm):
    job_title = StringField("Job title")
    words = SelectMultipleField("Words", choices=[])

    def __init__(self, formdata: object) -> None:
        super().__init__(formdata)
        self.words.choices = ["one", "two", "three"]


@asking.get(PAGE)
@requires(Permission.OWN_ACCOUNT)
def page() -> str:
    held = held_fields()
    return render_template_string(TEMPLATE, form=_Form(held), goes_on=held is not None)


@asking.post(PAGE)
@requires(Permission.OWN_ACCOUNT)
@confirmed
@commits
def save() -> Response:
    begin_write()
    current_user.account.person.job_title = " ".join([request.form["job_title"], *request.form.getlist("words")])
    return see_other(PAGE)


@asking.post(ELSEWHERE)
@requires(Permission.OWN_ACCOUNT)
@commits
@confirmed
def save_elsewhere() -> Response:
    return save()


@pytest.fixture
def asking_app(app: Flask) -> Iterator[Flask]:
    """The application with that page; what a test sets in ``app.config`` beforehand is set here too."""
    other = create_app({**app.config, "SESSION_IDLE_MINUTES": 24 * 60, "SESSION_HOURS": 48})
    other.register_blueprint(asking)
    yield other
    with other.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def asked_person(asking_app: Flask) -> Callable[[Person], CheckingClient]:
    """``asked_person(person)`` is a new browser in which that person is signed in to it."""

    def sign_in(person: Person) -> CheckingClient:
        browser = CheckingClient(asking_app, response_wrapper=Answer, use_cookies=True)
        with asking_app.test_request_context(), write():
            token = sessions.start(person.account, "full")
        with browser.session_transaction(base_url=ORIGIN) as cookie:
            cookie["_user_id"] = token
        return browser

    return sign_in
