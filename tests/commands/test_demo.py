"""``portal demo``: the whole demonstration, once, into an empty database."""

from flask import Flask
from sqlalchemy import func, select

from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, Organisation, Person, RoleGrant
from portal.services import demonstration
from tests import factories
from tests.support.client import CheckingClient


def test_the_whole_demonstration_is_loaded_and_its_sign_in_page_has_a_button_for_each_role(
    app: Flask, client: CheckingClient
):
    result = app.test_cli_runner().invoke(args=["demo"])
    assert result.exit_code == 0, result.output
    db.session.rollback()
    at_trust = select(func.count()).select_from(Person).join(Person.organisation).where(Organisation.code == "HUH")
    assert db.session.scalar(at_trust) == 12_000
    assert db.session.scalar(at_trust.where(Person.is_contact)) < 10
    usable = select(func.count(Account.password_hash.distinct()))
    assert db.session.scalar(usable) == 8, "seven passwords that are known, and one that nobody knows"
    held = select(func.count()).select_from(RoleGrant).where(RoleGrant.role == Role.LOCAL_ADMINISTRATOR)
    assert (db.session.scalar(held) or 0) > 100

    roles = {"Employee", "Local User Password Reset", "Local System Administrator", "Functional Account Manager"}
    page = client.get("/sign-in").page
    assert page.words.count("Use this sign-in") == 5
    assert all(role in page.words for role in roles)
    for entry in demonstration.sign_ins():
        client.get("/sign-in")
        assert client.post("/sign-in", {"username": entry.username, "password": entry.password}).location
        client.delete_cookie("portal", domain="127.0.0.1")


def test_a_database_that_holds_something_is_left_as_it_is(app: Flask):
    factories.organisation()
    result = app.test_cli_runner().invoke(args=["demo"])
    assert result.exit_code == 1
    assert "the database holds data already" in result.stderr
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Organisation)) == 1
