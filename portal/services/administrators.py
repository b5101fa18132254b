"""An organisation's usable administrators: the role held, the account active, the password good for signing in.

There should be two of them, and no path leaves none, unless whoever stands above the organisation says so.
"""

from sqlalchemy import Select, select

from portal.domain.account_state import AccountState
from portal.domain.lockout import FAILURES_THAT_DISABLE
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, Organisation, Person, RoleGrant
from portal.services.sessions import SignedIn
from portal.transactions import begin_write

MOST_NAMED = 5


class LastAdministrator(Exception):  # noqa: N818 - an answer, not an error
    """It would leave ``organisation`` without a usable administrator; ``may_confirm`` says whether ``by`` may do so."""

    def __init__(self, organisation: Organisation, may_confirm: bool) -> None:
        super().__init__(f"{organisation.code} would have no usable administrator")
        self.organisation = organisation
        self.may_confirm = may_confirm


def usable(organisation_id: int) -> frozenset[int]:
    """The accounts of the organisation's usable administrators."""
    return frozenset(db.session.scalars(_usable(organisation_id)))


def named(organisation: Organisation) -> list[str]:
    """Who can help where others may not: the names of its usable administrators, the first few."""
    people = select(Person).join(Account).where(Account.id.in_(_usable(organisation.id)))
    found = db.session.scalars(people.order_by(Person.sort_name, Person.id).limit(MOST_NAMED))
    return [person.full_name for person in found]


def look_for_another(account: Account) -> None:
    """Raises LastAdministrator when ``account`` is the only usable administrator somewhere, as things are now."""
    for grant in account.roles:
        held = grant.ended_at is None and grant.role is Role.LOCAL_ADMINISTRATOR
        if held and grant.organisation is not None and usable(grant.organisation.id) == {account.id}:
            raise LastAdministrator(grant.organisation, may_confirm=False)


def refuse_to_leave_none(
    account: Account, by: SignedIn | None, *, confirmed: bool = False, only: Organisation | None = None
) -> None:
    """Raises LastAdministrator when ``account`` is the only usable administrator somewhere, or of ``only``.

    Whoever stands above the organisation may have ``confirmed`` it. Each organisation is held from here on, so that
    two who go at once do not both find the other. ``account`` must come from ``accounts.for_move``.
    """
    begin_write()
    for grant in account.roles:
        if grant.ended_at is not None or grant.role is not Role.LOCAL_ADMINISTRATOR:
            continue
        organisation = db.session.scalars(
            select(Organisation).where(Organisation.id == grant.organisation_id).with_for_update(key_share=True)
        ).one()
        if only not in (None, organisation) or usable(organisation.id) != {account.id}:
            continue
        above = by is not None and _stands_above(by, organisation)
        if not (above and confirmed):
            raise LastAdministrator(organisation, above)


def _usable(organisation_id: int) -> Select[int]:
    return (
        select(Account.id)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(
            RoleGrant.role == Role.LOCAL_ADMINISTRATOR,
            RoleGrant.organisation_id == organisation_id,
            RoleGrant.ended_at.is_(None),
            Account.state == AccountState.ACTIVE,
            Account.failures_since_success < FAILURES_THAT_DISABLE,
        )
    )


def _stands_above(by: SignedIn, organisation: Organisation) -> bool:
    for grant in by.grants:
        if grant.role is Role.CENTRAL_ADMINISTRATOR:
            return True
        if grant.role is Role.REGIONAL_ACCOUNT_MANAGER and None is not grant.region_id == organisation.region_id:
            return True
    return False
