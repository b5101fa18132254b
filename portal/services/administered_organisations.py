"""The organisations that somebody signed in looks after: searched by code and name, in pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true

from portal.domain.roles import GRANTS, Permission, Role
from portal.domain.search_terms import words_of
from portal.extensions import db
from portal.models import Organisation, RoleGrant
from portal.services.sessions import SignedIn

SIZE = 50
MOST_WORDS = 10


@dataclass(frozen=True)
class OrganisationPage:
    """One page of organisations, and the kinds that there are among all of them."""

    organisations: Sequence[Organisation]
    kinds: Sequence[str]
    total: int
    page: int
    pages: int
    first: int
    last: int


def find(actor: SignedIn, q: str, kind: str, page: int) -> OrganisationPage:
    """The organisations whose contacts ``actor`` may see; a page past the end is the last one."""
    reach = _reach(actor)
    kinds = db.session.scalars(
        select(Organisation.kind).where(reach, Organisation.kind != "").distinct().order_by(Organisation.kind)
    ).all()
    shown = and_(reach, _matches(q))
    if kind in kinds:
        shown = and_(shown, Organisation.kind == kind)
    total = db.session.scalar(select(func.count()).select_from(Organisation).where(shown)) or 0
    pages = max(-(-total // SIZE), 1)
    page = min(max(page, 1), pages)
    found = db.session.scalars(
        select(Organisation)
        .where(shown)
        .order_by(Organisation.name_folded, Organisation.id)
        .limit(SIZE)
        .offset((page - 1) * SIZE)
    ).all()
    before = (page - 1) * SIZE
    return OrganisationPage(found, kinds, total, page, pages, before + 1 if found else 0, before + len(found))


def _reach(actor: SignedIn) -> ColumnElement[bool]:
    reaches = [_reach_of(grant) for grant in actor.grants if Permission.SEE_CONTACTS in GRANTS[grant.role]]
    return or_(false(), *reaches)


def _reach_of(grant: RoleGrant) -> ColumnElement[bool]:
    if grant.role is Role.CENTRAL_ADMINISTRATOR:
        return true()
    if grant.role is Role.REGIONAL_ACCOUNT_MANAGER:
        return and_(Organisation.region_id.is_not(None), Organisation.region_id == grant.region_id)
    return Organisation.id == grant.organisation_id


def _matches(q: str) -> ColumnElement[bool]:
    words = words_of(q)[:MOST_WORDS]
    if q.strip() and not words:
        return false()
    return and_(
        true(),
        *(
            or_(
                Organisation.name_folded.contains(word, autoescape=True),
                Organisation.code_folded.contains(word, autoescape=True),
            )
            for word in words
        ),
    )
