"""One's own record: always to be seen, and to be changed in part where the organisation lets its people do so."""

from dataclasses import asdict, replace

from portal.domain.contact_details import OwnDetails
from portal.errors import Forbidden
from portal.services import address_notices, audit, contacts
from portal.services.sessions import SignedIn


class NotAmendable(Forbidden):
    """The organisation keeps the records of its people itself."""


def may_amend(by: SignedIn) -> bool:
    """Whether the organisation of who is signed in lets its people change their own records."""
    return by.account.person.organisation.own_record_amendable


def refuse_unless_amendable(by: SignedIn) -> None:
    """Raises NotAmendable where the administrators alone change records."""
    if not may_amend(by):
        raise NotAmendable


def save(by: SignedIn, own: OwnDetails, *, version: int | None) -> dict[str, list[object]]:
    """Keep what the owner says, and nothing else; answers what changed, nothing when nothing did.

    Raises NotAmendable, and contacts.Conflict when the record is no longer at ``version``.
    """
    person = contacts.held(by.account.person)
    refuse_unless_amendable(by)
    contacts.check_version(person, version)
    present = contacts.details_of(person)
    details = replace(present, **asdict(own))
    changes = details.changes_from(present)
    if changes:
        contacts.rewrite(person, details)
        entry = audit.record("person:record:changed", person=person, by=by.account, changes=changes)
        if present.secondary_email != own.secondary_email:
            address_notices.tell_of_secondary(person.account, present.secondary_email, by, entry)
    return changes
