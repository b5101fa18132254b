"""Organisations as administrators and visitors reach them."""

from sqlalchemy import select

from portal.domain.roles import GRANTS, Permission, Role
from portal.errors import NotFound
from portal.extensions import db
from portal.models import Organisation, RoleGrant
from portal.services.sessions import SignedIn


def get(code: str) -> Organisation:
    """The organisation with this code, whatever its case. Raises NotFound."""
    folded = code.strip().casefold().replace("\0", "")  # which PostgreSQL refuses in any text
    found = db.session.scalars(select(Organisation).where(Organisation.code_folded == folded)).one_or_none()
    if found is None:
        raise NotFound
    return found


def get_for(actor: SignedIn, code: str, permission: Permission) -> Organisation:
    """The organisation with this code, when a role of ``actor`` with ``permission`` reaches it. Raises NotFound."""
    organisation = get(code)
    if not may(actor, organisation, permission):
        raise NotFound
    return organisation


def may(actor: SignedIn, organisation: Organisation, permission: Permission) -> bool:
    """Whether a role of ``actor`` with ``permission`` reaches the organisation."""
    return any(_reaches(grant, organisation) and permission in GRANTS[grant.role] for grant in actor.grants)


def _reaches(grant: RoleGrant, organisation: Organisation) -> bool:
    role, region_id = grant.role, grant.region_id
    if role is Role.CENTRAL_ADMINISTRATOR:
        return True
    if role is Role.REGIONAL_ACCOUNT_MANAGER:
        return region_id is not None and region_id == organisation.region_id
    return bool(grant.organisation_id == organisation.id)
