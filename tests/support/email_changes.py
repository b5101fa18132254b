"""Changes of an e-mail address as tests make them: signed in, asked for, and the link as it arrives."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, has_app_context
from sqlalchemy import select

from portal.extensions import db
from portal.models import EmailChange, Person
from portal.services import email_changes, sessions, tokens
from portal.services.sessions import SignedIn
from portal.transactions import write

NEW = "erin.new@home.example"


@contextmanager
def signed_in_as(app: Flask, person: Person) -> Iterator[SignedIn]:
    """``person``, signed in, inside a request."""
    account = person.account
    if has_app_context():
        db.session.rollback()
    with app.test_request_context():
        with write():
            token = sessions.start(account, "full")
        loaded = sessions.load(token)
        assert loaded is not None
        yield loaded


def ask(app: Flask, person: Person, address: str = NEW) -> str:
    """Ask for an address; answers the token that is mailed to it."""
    with signed_in_as(app, person) as by, write():
        email_changes.ask(by, address)
    return token_of(newest())


def confirm(app: Flask, person: Person, token: str) -> None:
    """Bring the link back. Raises LinkRefused."""
    with signed_in_as(app, person) as by, write():
        email_changes.confirm(token, by)


def newest() -> EmailChange:
    """The change that was asked for last."""
    return db.session.scalars(select(EmailChange).order_by(EmailChange.id.desc()).limit(1)).one()


def token_of(change: EmailChange) -> str:
    """The token as the mail carries it."""
    return tokens.email_token(change.issue, change.account_id, change.credential_version, change.key)
