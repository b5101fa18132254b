"""Regions, as files bring them in: made by their names."""

import re

from anyascii import anyascii
from sqlalchemy import insert, or_, select

from portal.domain.search_terms import fold
from portal.extensions import db
from portal.models import Region
from portal.transactions import begin_write

LONGEST_SLUG = 190
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def slug_of(name: str) -> str:
    """The region's name as a piece of a URL: ASCII, small letters, digits and hyphens."""
    return _NOT_SLUG.sub("-", anyascii(fold(name)).lower()).strip("-")[:LONGEST_SLUG].strip("-") or "region"


def known(names: set[str]) -> dict[str, int]:
    """The ids of the regions with these names, whatever their case and accents; one that is not there is left out."""
    slugs = {name: slug_of(name) for name in names}
    rows = db.session.execute(
        select(Region.id, Region.name, Region.slug)
        .where(or_(Region.name.in_(names), Region.slug.in_(slugs.values())))
        .order_by(Region.id)
    ).all()
    exact = {row.name: row.id for row in rows}
    alike = {(row.slug, fold(row.name)): row.id for row in rows}
    found = {name: exact.get(name) or alike.get((slugs[name], fold(name))) for name in names}
    return {name: region_id for name, region_id in found.items() if region_id is not None}


def make(names: list[str]) -> dict[str, int]:
    """Regions with these names, which are not there yet; each gets a slug of its own. Their ids by name."""
    begin_write()
    made: dict[str, int] = {}
    alike: dict[str, int] = {}
    for name in names:
        folded = fold(name)
        if folded not in alike:
            added = insert(Region).values(name=name, slug=_free_slug(slug_of(name))).returning(Region.id)
            alike[folded] = db.session.execute(added).scalar_one()
        made[name] = alike[folded]
    return made


def _free_slug(base: str) -> str:
    taken = set(db.session.scalars(select(Region.slug).where(or_(Region.slug == base, Region.slug.like(f"{base}-%")))))
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
