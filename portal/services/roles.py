"""Roles, granted and withdrawn. Nobody does either to themselves, above their own rank, or out of their reach."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.domain.account_state import AccountState
from portal.domain.roles import RANK, WITHIN_ORGANISATION, Permission, Role
from portal.errors import NotFound
from portal.extensions import db
from portal.models import Account, Organisation, Person, Region, RoleGrant
from portal.services import accounts, administrators, audit, organisations, outbox
from portal.services.accounts import NotPermitted
from portal.services.sessions import SignedIn


class RoleRefused(Exception):  # noqa: N818 - an answer, not an error
    """The role cannot be granted or withdrawn as things are; ``why`` is ``held``, ``not-held`` or ``inactive``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Scope:
    """What a role is for: an organisation, a region, or (neither) everything."""

    organisation: Organisation | None = None
    region: Region | None = None

    @property
    def name(self) -> str:
        """In the trail and in mails; empty for everything."""
        if self.organisation is not None:
            return f"{self.organisation.code} {self.organisation.name}"
        return self.region.name if self.region is not None else ""


def grantable(by: SignedIn, person: Person) -> list[Role]:
    """The roles that ``by`` may grant to ``person``, or withdraw, the lowest first."""
    here = organisations.roles_in(by, person.organisation)
    if not organisations.may(by, person.organisation, Permission.GRANT_ROLES):
        return []
    highest = max(RANK[role] for role in here)
    return [role for role in sorted(Role, key=lambda role: RANK[role]) if RANK[role] <= highest]


def may_change(by: SignedIn, person: Person, role: Role, scope: Scope) -> bool:
    """Whether ``by`` may grant or withdraw this role for this scope."""
    if role not in grantable(by, person):
        return False
    if role in WITHIN_ORGANISATION:
        there = scope.organisation
        if there is None or not organisations.may(by, there, Permission.GRANT_ROLES):
            return False
        # Elsewhere than in the person's own organisation only by who stands above both.
        return there.id == person.organisation_id or Role.LOCAL_ADMINISTRATOR not in _highest_in(by, there)
    if role is Role.REGIONAL_ACCOUNT_MANAGER:
        return scope.region is not None and (_is_central(by) or any(_is_of(grant, scope.region) for grant in by.grants))
    return _is_central(by)


def grant(account: Account, role: Role, scope: Scope, by: SignedIn) -> None:
    """Grant a role. Raises NotPermitted, and RoleRefused for one that is held already or an account that is closed."""
    account = accounts.for_move(account, by)
    if not may_change(by, account.person, role, scope):
        raise NotPermitted
    if account.state is AccountState.INACTIVE:
        raise RoleRefused("inactive")
    if _held(account, role, scope) is not None:
        raise RoleRefused("held")
    db.session.add(
        RoleGrant(
            account=account,
            role=role,
            organisation_id=scope.organisation.id if scope.organisation else None,
            region_id=scope.region.id if scope.region else None,
            granted_at=clock.now(),
        )
    )
    _tell(account, role, scope, by, granted=True)


def withdraw(account: Account, role: Role, scope: Scope, by: SignedIn, *, confirmed: bool = False) -> None:
    """Withdraw a role: it ends with the holder's next request, and the session goes on.

    Raises NotPermitted, RoleRefused for one that is not held, and LastAdministrator unless that is ``confirmed``.
    """
    account = accounts.for_move(account, by)
    if not may_change(by, account.person, role, scope):
        raise NotPermitted
    held = _held(account, role, scope)
    if held is None:
        raise RoleRefused("not-held")
    if role is Role.LOCAL_ADMINISTRATOR:
        administrators.refuse_to_leave_none(account, by, confirmed=confirmed, only=scope.organisation)
    held.ended_at = clock.now()
    _tell(account, role, scope, by, granted=False)


def tell_of_end(account: Account, grant: RoleGrant, by: SignedIn) -> None:
    """The trail and the holder of a role that ended with something else."""
    _tell(account, grant.role, Scope(grant.organisation, grant.region), by, granted=False)


def region_of(slug: str) -> Region:
    """The region with this slug. Raises NotFound."""
    found = db.session.scalars(select(Region).where(Region.slug == slug)).one_or_none()
    if found is None:
        raise NotFound
    return found


def regions_to_grant(by: SignedIn) -> list[Region]:
    """The regions whose manager ``by`` may appoint, by name."""
    every = select(Region).order_by(Region.name, Region.id)
    if not _is_central(by):
        own = {grant.region_id for grant in by.grants if grant.role is Role.REGIONAL_ACCOUNT_MANAGER}
        every = every.where(Region.id.in_(own))
    return list(db.session.scalars(every))


def _held(account: Account, role: Role, scope: Scope) -> RoleGrant | None:
    organisation_id = scope.organisation.id if scope.organisation else None
    region_id = scope.region.id if scope.region else None
    wanted = (role, organisation_id, region_id)
    return next(
        (each for each in account.roles if each.ended_at is None and _key(each) == wanted),
        None,
    )


def _key(grant: RoleGrant) -> tuple[Role, int | None, int | None]:
    return grant.role, grant.organisation_id, grant.region_id


def _tell(account: Account, role: Role, scope: Scope, by: SignedIn, *, granted: bool) -> None:
    event = "account:role:granted" if granted else "account:role:withdrawn"
    entry = audit.record(event, person=account.person, by=by.account, role=role.value, scope=scope.name)
    facts: dict[str, Any] = {"role": role.value, "scope": scope.name, "granted": granted, "by": by.account.id}
    outbox.queue("role-changed", account=account, entry=entry, **facts)


def _highest_in(by: SignedIn, organisation: Organisation) -> frozenset[Role]:
    here = organisations.roles_in(by, organisation)
    highest = max(RANK[role] for role in here)
    return frozenset(role for role in here if RANK[role] == highest)


def _is_central(by: SignedIn) -> bool:
    return Role.CENTRAL_ADMINISTRATOR in by.roles


def _is_of(grant: RoleGrant, region: Region) -> bool:
    return grant.role is Role.REGIONAL_ACCOUNT_MANAGER and grant.region_id == region.id
