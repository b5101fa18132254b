"""The contacts list: one page of an organisation's people. The number of queries does not grow with the rows."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.email_addresses import fold_email
from portal.domain.search_terms import words_of
from portal.extensions import db
from portal.models import Organisation, Person

TABS = ("contacts", "people")
SIZES = (10, 25, 50, 100)
MOST_WORDS = 10
LONGEST_QUERY = 200


@dataclass(frozen=True)
class Wanted:
    """What of the list is asked for. ``page`` None is the page on which the chosen person stands, or the first."""

    tab: str = TABS[0]
    q: str = ""
    size: int = SIZES[0]
    page: int | None = None

    @classmethod
    def read(cls, tab: str, q: str, size: str, page: str) -> "Wanted":
        """From a URL's texts; what makes no sense is as if it were not there."""
        printable = "".join(mark if mark.isprintable() else " " for mark in q)
        return cls(
            tab=tab if tab in TABS else TABS[0],
            q=printable.strip()[:LONGEST_QUERY],
            size=int(size) if size in map(str, SIZES) else SIZES[0],
            page=max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 10 else None,
        )


@dataclass(frozen=True)
class ContactPage:
    """One page of the list, and what its heading and foot say."""

    people: list[Person]
    total: int
    page: int
    pages: int
    first: int
    last: int
    contacts_count: int
    people_count: int
    elsewhere: int = 0
    """How many people a search finds that found no contact."""


def find(organisation: Organisation, wanted: Wanted, chosen: Person | None = None) -> ContactPage:
    """The page that is wanted; one past the end is the last one."""
    everybody = Person.organisation_id == organisation.id
    contacts_count, people_count = _count(everybody, Person.is_contact), _count(everybody)
    shown = and_(everybody, Person.is_contact) if wanted.tab == "contacts" else everybody
    total = people_count if wanted.tab == "people" else contacts_count
    if wanted.q:
        shown = and_(shown, _matches(wanted.q))
        total = _count(shown)
    elsewhere = 0
    if wanted.q and not total and wanted.tab == "contacts":
        elsewhere = _count(everybody, _matches(wanted.q))
    pages = max(-(-total // wanted.size), 1)
    page = min(wanted.page or _page_of(chosen, shown, wanted.size), pages)
    people = list(db.session.scalars(_rows(shown, wanted.size, page)).all())
    first = (page - 1) * wanted.size
    return ContactPage(
        people=people,
        total=total,
        page=page,
        pages=pages,
        first=first + 1 if people else 0,
        last=first + len(people),
        contacts_count=contacts_count,
        people_count=people_count,
        elsewhere=elsewhere,
    )


def _count(*conditions: ColumnElement[bool] | Any) -> int:
    return db.session.scalar(select(func.count()).select_from(Person).where(*conditions)) or 0


def _rows(shown: ColumnElement[bool], size: int, page: int) -> Select[Person]:
    return (
        select(Person)
        .where(shown)
        .order_by(Person.sort_name, Person.id)
        .limit(size)
        .offset((page - 1) * size)
        .options(joinedload(Person.account), selectinload(Person.contact_types))
    )


def _page_of(chosen: Person | None, shown: ColumnElement[bool], size: int) -> int:
    """The page with the chosen person, when the list holds that person at all; otherwise the first."""
    if chosen is None or not _count(shown, Person.id == chosen.id):
        return 1
    earlier = or_(
        Person.sort_name < chosen.sort_name, and_(Person.sort_name == chosen.sort_name, Person.id < chosen.id)
    )
    return _count(shown, earlier) // size + 1


def _matches(q: str) -> ColumnElement[bool]:
    """Every word of the query stands in the person's names or addresses, in any order."""
    found: list[ColumnElement[bool]] = []
    for token in q.split()[:MOST_WORDS]:
        words = [fold_email(token)] if "@" in token else words_of(token)
        found += [Person.search_text.contains(word, autoescape=True) for word in words]
    return and_(*found) if found else Person.id < 0
