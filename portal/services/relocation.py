"""Moving a person to another organisation: ESS ID, username and history go along, and the roles end."""

from sqlalchemy import update

from portal import clock
from portal.domain.roles import Permission, Role
from portal.extensions import db
from portal.models import Organisation, Person, PersonContactType
from portal.services import accounts, administrators, audit, contacts, organisations, roles
from portal.services.accounts import NotPermitted
from portal.services.sessions import SignedIn


class SameOrganisation(ValueError):  # noqa: N818 - an answer, not an error
    """The person belongs there already."""


def may_move(actor: SignedIn) -> bool:
    """Whether ``actor`` administers more than one organisation, so that there is somewhere to move to."""
    if Role.CENTRAL_ADMINISTRATOR in actor.roles:
        return True
    return len({grant.organisation_id for grant in actor.grants if grant.role is Role.LOCAL_ADMINISTRATOR}) > 1


def move(person: Person, to: Organisation, by: SignedIn, *, confirmed: bool = False) -> None:
    """Move the person; the trail of both organisations says so.

    Raises NotPermitted unless ``by`` administers both, SameOrganisation, and LastAdministrator unless ``confirmed``.
    """
    account = accounts.for_move(person.account, by)
    person = contacts.held(person)
    there = person.organisation
    if not all(organisations.may(by, each, Permission.KEEP_CONTACTS) for each in (there, to)):
        raise NotPermitted
    if there.id == to.id:
        raise SameOrganisation
    administrators.refuse_to_leave_none(account, by, confirmed=confirmed)
    for grant in account.roles:
        if grant.ended_at is None:
            grant.ended_at = clock.now()
            roles.tell_of_end(account, grant, by)
    facts = {"from_organisation": f"{there.code} {there.name}", "to_organisation": f"{to.code} {to.name}"}
    # In the order of the chains, so that two who move people towards each other do not wait in a circle.
    chains = sorted(((there, "person:record:left"), (to, "person:record:arrived")), key=lambda each: each[0].id)
    for organisation, event in chains:
        audit.record(event, person=person, organisation=organisation, by=by.account, **facts)
    person.organisation_id = account.organisation_id = to.id
    person.version += 1
    held = update(PersonContactType).where(PersonContactType.person_id == person.id)
    db.session.execute(held.values(organisation_id=to.id))
