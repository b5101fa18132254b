"""The first central administrator, made on the command line: there is no account that comes with the product.

NIST SP 800-63B-4 3.1.1; ASVS 6.3.2, 13.2.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import current_app
from sqlalchemy import ColumnElement, exists, select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.contact_details import ContactDetails
from portal.domain.email_addresses import fold_email
from portal.domain.roles import Role
from portal.domain.search_terms import fold, initial_of
from portal.domain.usernames import code_prefix
from portal.extensions import db, insert_into
from portal.models import Account, Organisation, Person, RoleGrant
from portal.services import accounts, administrator_notices, audit, contacts, enrolment_links, passwords, registration
from portal.transactions import begin_write

CODE, NAME = "CENTRAL", "Central administration"


class AlreadyEnrolled(Exception):  # noqa: N818 - an answer, not an error
    """A central administrator has chosen a password: whoever else is to be one is made there."""


class AddressTaken(Exception):  # noqa: N818 - an answer, not an error
    """A central administrator who has chosen a password has this address: two of them could not sign in with it."""

    def __init__(self, username: str) -> None:
        super().__init__(username)
        self.username = username


@dataclass(frozen=True)
class Issued:
    """The token of a link, whose it is, and until when it is good."""

    token: str
    username: str
    expires_at: datetime


def issue(address: str, *, another: bool = False) -> Issued:
    """A link for the central administrator with this e-mail address, who is made unless one is waiting still.

    As long as none has completed the registration there is one person, whose address the last call is right about;
    ``another`` makes a further one for each address. Raises AlreadyEnrolled where only that would do, and AddressTaken.
    """
    begin_write()
    centre = _locked_centre()
    waiting = _waiting(centre)
    if not another and _has_one_who_completed():
        raise AlreadyEnrolled
    meant = [account for account in waiting if fold_email(account.person.primary_email) == fold_email(address)]
    found = meant or ([] if another else waiting)
    if found:
        return _replace_link(found[0], address)
    _refuse_where_taken(address)
    return _make(centre, address)


def url_of(token: str) -> str:
    """The address of a link."""
    return f"{current_app.config['BASE_URL']}/enrol/{token}"


def complete(token: str, password: str) -> tuple[Account, str]:
    """Choose the first password with a link, once; answers the account and the token of the session that this opens.

    Raises EnrolmentLinkRefused.
    """
    account_id = enrolment_links.of(token).account_id
    hashed = passwords.hash_of(password)
    account = accounts.locked(account_id)
    link = enrolment_links.of(token)
    session_token = registration.finish(account, hashed)
    link.ended_at = clock.now()
    return account, session_token


def _locked_centre() -> Organisation:
    """The organisation of the central administrators, made if it is not there; its lock lets one call in at a time."""
    made = {"code": CODE, "code_folded": CODE.casefold(), "code_bare": code_prefix(CODE)}
    named = {"name": NAME, "name_folded": fold(NAME), "initial": initial_of(NAME), "kind": NAME}
    added = insert_into(Organisation).values(**made, **named).on_conflict_do_nothing().returning(Organisation.id)
    if db.session.scalar(added) is not None:
        audit.record("organisation:record:created", code=CODE)
    known = select(Organisation).where(Organisation.code_folded == CODE.casefold())
    return db.session.scalars(known.with_for_update(key_share=True)).one()


def _holds_the_role() -> ColumnElement[bool]:
    return exists().where(
        RoleGrant.account_id == Account.id, RoleGrant.role == Role.CENTRAL_ADMINISTRATOR, RoleGrant.ended_at.is_(None)
    )


def _waiting(centre: Organisation) -> Sequence[Account]:
    """Central administrators who have never chosen a password, each held: nobody completes a registration meanwhile."""
    return db.session.scalars(
        select(Account)
        .join(Account.person)
        .where(
            Person.organisation_id == centre.id,
            Account.state == AccountState.REGISTRATION_PENDING,
            Account.password_changed_at.is_(None),
            _holds_the_role(),
        )
        .order_by(Account.id)
        .with_for_update(of=Account, key_share=True)
    ).all()


def _has_one_who_completed() -> bool:
    completed = select(Account.id).where(Account.password_changed_at.is_not(None), _holds_the_role()).limit(1)
    return db.session.scalar(completed) is not None


def _refuse_where_taken(address: str) -> None:
    theirs = select(Account.username, Person.primary_email).join(Account.person).where(_holds_the_role())
    for username, email in db.session.execute(theirs.where(Account.state != AccountState.INACTIVE)):
        if fold_email(email) == fold_email(address):
            raise AddressTaken(username or "")


def _replace_link(account: Account, address: str) -> Issued:
    correct_address(account.person, address)
    return _with_link(account, enrolment_links.put(account))


def _make(centre: Organisation, address: str) -> Issued:
    details = ContactDetails("Central", "Administrator", primary_email=address)
    person = contacts.create(centre, details, None, allow_duplicate=True)
    account = accounts.locked(person.account.id)
    accounts.begin_registration(account, None, clock.now() + enrolment_links.LASTS)
    token = enrolment_links.put(account)
    db.session.add(RoleGrant(account=account, role=Role.CENTRAL_ADMINISTRATOR, granted_at=clock.now()))
    audit.record("account:role:granted", person=person, role=Role.CENTRAL_ADMINISTRATOR.value, scope="")
    return _with_link(account, token)


def _with_link(account: Account, token: str) -> Issued:
    """What is written down of a link, and told to the central administrators that there are."""
    expires_at = enrolment_links.of(token).expires_at
    entry = audit.record("account:enrolment-link:issued", person=account.person, expires_at=expires_at.isoformat())
    accounts.note(account, "enrolment-link-issued")
    administrator_notices.tell_the_others(account, "enrolment-link", None, entry)
    return Issued(token, account.username or "", expires_at)


def correct_address(person: Person, address: str) -> None:
    """Another primary e-mail address, by the word of whoever runs the portal; what the earlier one led to is dead."""
    person = contacts.held(person)
    present = contacts.details_of(person)
    details = replace(present, primary_email=address, has_no_email=False)
    changes = details.changes_from(present)
    if not changes:
        return
    person.email_bounced_at = None
    accounts.leave_address(person.account)
    contacts.rewrite(person, details)
    audit.record("person:record:changed", person=person, changes=changes)
