"""The words of each message: one function and three template files a message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app

from portal.domain.brand import DEFAULT_COLOUR
from portal.domain.lockout import Zone
from portal.models import Person


@dataclass(frozen=True)
class Words:
    """A message's subject and its two parts."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Link:
    """A link of one account, good until a moment."""

    username: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Barred:
    """An account that recovery cannot help, by its username or its owner's name, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Helper:
    """An organisation, and the page that says who can help there."""

    organisation: str
    url: str


def registration(person: Person, *, username: str, temporary_password: str, expires_at: datetime, url: str) -> Words:
    """The first temporary password."""
    return _words(
        "registration", person, username=username, temporary_password=temporary_password, expires_at=expires_at, url=url
    )


def re_enrolment(
    person: Person, *, username: str, temporary_password: str, expires_at: datetime, url: str, had_password: bool
) -> Words:
    """A new temporary password; the old password, if there was one, stopped working."""
    return _words(
        "re-enrolment",
        person,
        username=username,
        temporary_password=temporary_password,
        expires_at=expires_at,
        url=url,
        had_password=had_password,
    )


def unlocked(person: Person, *, expires_at: datetime, url: str, recover_url: str) -> Words:
    """An administrator unlocked the account: sign in with the own password in time, or reset it."""
    return _words("unlocked", person, expires_at=expires_at, url=url, recover_url=recover_url)


def locked(person: Person, *, locked_at: datetime, url: str, zone: Zone | None) -> Words:
    """Too many failed sign-ins locked the account; ``zone`` is where the last came from, None where all is one."""
    return _words("locked", person, locked_at=locked_at, url=url, zone=zone)


def password_reset(person: Person, *, links: list[Link], barred: list[Barred], helpers: list[Helper]) -> Words:
    """A link to choose a new password, for each account on the address that one helps; why none helps the others."""
    return _words("password-reset", person, links=links, barred=barred, helpers=helpers)


def password_changed(person: Person, *, changed_at: datetime, url: str, by_owner: bool) -> Words:
    """The password was changed; what to do if it was somebody else.

    ``by_owner``: by somebody signed in, whose browser stays so.
    """
    return _words("password-changed", person, changed_at=changed_at, url=url, by_owner=by_owner)


def in_person(person: Person, *, by: Person, at: datetime, help_url: str) -> Words:
    """A temporary password was given by hand; what to do if it was not to the owner of the account."""
    return _words("in-person", person, by=by, at=at, help_url=help_url)


def role_changed(
    person: Person, *, role: str, scope: str, granted: bool, by: Person, at: datetime, url: str, help_url: str
) -> Words:
    """A role was granted or withdrawn; ``role`` in words, ``scope`` empty for everything."""
    facts: dict[str, Any] = {"role": role, "scope": scope, "granted": granted, "by": by, "at": at}
    return _words("role-changed", person, url=url, help_url=help_url, **facts)


def recovery_help(person: Person, *, barred: list[Barred], sign_in_url: str, helpers: list[Helper]) -> Words:
    """Why recovery cannot help the accounts on an address, and who can; or that a temporary password still works."""
    return _words("recovery-help", person, barred=barred, sign_in_url=sign_in_url, helpers=helpers)


def username_reminder(person: Person, *, usernames: list[str], url: str) -> Words:
    """Every username on the address."""
    return _words("username-reminder", person, usernames=usernames, url=url)


def administrator_notice(
    person: Person, *, about: Person, by: Person | None, what: str, at: datetime, url: str
) -> Words:
    """To an administrator: another one was given a new way in; ``by`` None is the command line."""
    return _words("administrator-notice", person, about=about, by=by, what=what, at=at, url=url)


def verify_email(person: Person, *, address: str, url: str, expires_at: datetime, help_url: str) -> Words:
    """To an address that the owner of an account wants: the link that proves that it is read."""
    return _words("verify-email", person, address=address, url=url, expires_at=expires_at, help_url=help_url)


def email_changed(
    person: Person,
    *,
    changed_at: datetime,
    before: str,
    after: str,
    administrator: Person | None,
    secondary: bool,
    operated: bool,
    url: str,
) -> Words:
    """An address on a record was changed, by its owner if by no ``administrator``; what to do if that was a theft.

    ``operated``: it was done by whoever runs the portal, from a file.
    """
    return _words(
        "email-changed",
        person,
        changed_at=changed_at,
        before=before,
        after=after,
        administrator=administrator,
        secondary=secondary,
        operated=operated,
        url=url,
    )


def _words(message: str, person: Person, **facts: Any) -> Words:
    """The three parts of a message. Line breaks cannot reach its subject."""
    facts |= {
        "person": person,
        "organisation": person.organisation,
        "brand_name": current_app.config["BRAND_NAME"],
        "brand_colour": current_app.config["BRAND_COLOUR"] or DEFAULT_COLOUR,
        "support_email": current_app.config["SUPPORT_EMAIL"],
    }
    parts = (
        current_app.jinja_env.get_template(f"mail/{message}/{part}").render(**facts)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    subject, text, html = parts
    return Words(" ".join(subject.split()), text.strip() + "\n", html)
