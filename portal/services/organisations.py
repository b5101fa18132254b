"""Organisations as administrators and visitors reach them."""

from sqlalchemy import select

from portal.domain.roles import GRANTS, ONLY_WITHOUT_ADMINISTRATOR, Permission, Role
from portal.errors import Forbidden, NotFound
from portal.extensions import db
from portal.models import Organisation, RoleGrant
from portal.services import administrators
from portal.services.sessions import SignedIn


def get(code: str) -> Organisation:
    """The organisation with this code, whatever its case. Raises NotFound."""
    folded = code.strip().casefold().replace("\0", "")  # which PostgreSQL refuses in any text
    found = db.session.scalars(select(Organisation).where(Organisation.code_folded == folded)).one_or_none()
    if found is None:
        raise NotFound
    return found


def get_for(actor: SignedIn, code: str, permission: Permission) -> Organisation:
    """The organisation with this code, when a role of ``actor`` with ``permission`` reaches it.

    Raises NotFound out of reach, and Forbidden where another role reaches it.
    """
    organisation = get(code)
    if may(actor, organisation, permission):
        return organisation
    if may(actor, organisation, Permission.SEE_CONTACTS):
        raise Forbidden
    raise NotFound


def may(actor: SignedIn, organisation: Organisation, permission: Permission) -> bool:
    """Whether a role of ``actor`` with ``permission`` reaches the organisation."""
    roles = {role for role in roles_in(actor, organisation) if permission in GRANTS[role]}
    conditional = {role for role in roles if permission in ONLY_WITHOUT_ADMINISTRATOR.get(role, ())}
    return bool(roles - conditional) or (bool(conditional) and not administrators.usable(organisation.id))


def roles_in(actor: SignedIn, organisation: Organisation) -> frozenset[Role]:
    """The roles of ``actor`` that reach the organisation: what is held elsewhere counts for nothing here."""
    return frozenset(grant.role for grant in actor.grants if _reaches(grant, organisation))


def _reaches(grant: RoleGrant, organisation: Organisation) -> bool:
    role, region_id = grant.role, grant.region_id
    if role is Role.CENTRAL_ADMINISTRATOR:
        return True
    if role is Role.REGIONAL_ACCOUNT_MANAGER:
        return region_id is not None and region_id == organisation.region_id
    return bool(grant.organisation_id == organisation.id)
