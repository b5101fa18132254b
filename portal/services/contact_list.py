"""The contacts list: one page of an organisation's people. The number of queries does not grow with the rows.

Where some condition finds few people, these are looked at and sorted; where none does, the index of the order is walked
until the page is full, and no more is counted than is worth saying.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from portal.extensions import db
from portal.models import Account, Organisation, Person
from portal.models.person import LARGEST_ESS_ID
from portal.services import contact_filters
from portal.services.contact_filters import Filter, Wanted

FEW = 50_000
"""People who are looked at one by one, rather than in the order of an index. In an order by accounts it matters: all
who are in one state may stand at the end of it."""
FEW_BY_NAME = 20_000
"""The same in an order by what the record says, in which people of a state stand here and there."""
TINY = 2_000
"""People whose texts are looked through, rather than asking the search's index, which knows all organisations'."""
MOST_FOUND = 10_000
"""People of a filtered list who are counted, where they are not looked at one by one."""
MOST_COUNTED = 100_000
"""People of a whole tab who are counted; there are more than that beyond."""

SORTS: dict[str, tuple[Any, ...]] = {
    "last_name": (),
    "status": (Account.state_order, Account.unlock_expires_at),
    "primary_email": (Person.primary_email_folded,),
    "types": (Person.sorted_types,),
    "primary_phone": (Person.primary_phone,),
    "state": (Account.state_order, Account.unlock_expires_at),
    "last_sign_in": (Account.sorted_sign_in_at,),
}
"""Each column's order, before the name's and the number's."""
ORDERS = tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))


@dataclass(frozen=True)
class Count:
    """How many there are, or more than so many."""

    number: int
    more: bool = False


@dataclass(frozen=True)
class ContactPage:
    """One page of the list, and what its heading and foot say. ``pages`` is the last that is known of."""

    people: list[Person]
    total: Count
    page: int
    pages: int
    first: int
    last: int
    contacts_count: Count
    people_count: Count
    elsewhere: Count = Count(0)
    """How many people a search finds that found no contact."""


@dataclass(frozen=True)
class _Query:
    """Who is shown, in which order. ``few``: the condition that few fulfil, of whom each is looked at.

    ``total``: how many are shown, where that is known already.
    """

    filters: list[Filter]
    keys: tuple[Any, ...]
    descending: bool
    few: Filter | None = None
    total: Count | None = None

    @property
    def by_account(self) -> bool:
        return any(key.class_ is Account for key in self.keys)

    def select(self, *columns: Any) -> Select[Any]:
        found = select(*columns).select_from(Person)
        others = [each for each in self.filters if each is not self.few]
        if self.by_account or any(each.reads_account for each in others):
            found = found.join(Account, Account.person_id == Person.id)
        if self.few is not None and self.few.ids is not None:
            found = found.where(Person.id.in_(select(self.few.ids.cte("few").prefix_with("MATERIALIZED"))))
            return found.where(*(each.condition if each.unled is None else each.unled for each in others))
        if self.by_account:
            found = found.where(Account.organisation_id == Person.organisation_id)
        return found.where(*(each.condition for each in others))

    @property
    def order(self) -> tuple[Any, ...]:
        """The keys, then the name, unless an account's index is walked, which does not hold it, then the number."""
        if self.few is None and self.by_account:
            return (*self.keys, Account.person_id)
        return (*self.keys, Person.sort_name, Person.id)

    def ids(self) -> Select[Any]:
        ordered = (key.desc() if self.descending else key.asc() for key in self.order)
        return self.select(Person.id).order_by(*ordered)


def find(organisation: Organisation, wanted: Wanted, chosen: Person | None = None) -> ContactPage:
    """The page that is wanted; one past the end is the last one."""
    everybody = contact_filters.filters_of(organisation, Wanted(tab="people"))
    contacts_count = _count(contact_filters.filters_of(organisation, Wanted())[1].ids, MOST_COUNTED)
    people_count = _count(everybody[0].ids, MOST_COUNTED)
    query = _query(organisation, wanted)
    total = people_count if wanted.tab == "people" else contacts_count
    if wanted.is_filtered:
        most = None if query.few is not None else MOST_FOUND
        total = query.total or _count(query.select(Person.id), most)
    page, ids = _page(query, wanted, total, chosen)
    size, first = wanted.size, (page - 1) * wanted.size
    elsewhere = Count(0)
    if wanted.is_filtered and not ids and wanted.tab == "contacts":
        in_all = _query(organisation, replace(wanted, tab="people"))
        elsewhere = _count(in_all.select(Person.id), MOST_FOUND)
    pages = max(-(-total.number // size), 1)
    return ContactPage(
        people=_people(ids[:size]),
        total=total,
        page=page,
        pages=max(pages, page + (len(ids) > size)) if total.more else pages,
        first=first + 1 if ids else 0,
        last=first + len(ids[:size]),
        contacts_count=contacts_count,
        people_count=people_count,
        elsewhere=elsewhere,
    )


def ids(organisation: Organisation, wanted: Wanted, only: Collection[int] | None = None) -> Iterator[int]:
    """The numbers of the rows of everybody whom the list shows, in its order; or of those with the ESS IDs ``only``.

    Whoever was chosen in a list stays chosen, whatever its filters say of them by now.
    """
    if only is None:
        return _streamed(_query(organisation, wanted).ids())
    query = _query(organisation, Wanted(tab="people", sort=wanted.sort))
    return _streamed(query.ids().where(Person.ess_id.in_([number for number in only if number <= LARGEST_ESS_ID])))


def _streamed(numbers: Select[Any]) -> Iterator[int]:
    return iter(db.session.scalars(numbers.execution_options(yield_per=1000)))


def _query(organisation: Organisation, wanted: Wanted) -> _Query:
    filters = contact_filters.filters_of(organisation, wanted)
    name, descending = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    query = _Query(filters, SORTS[name], descending)
    if not wanted.is_filtered and (wanted.tab == "people" or name == "last_name"):
        return query
    most = FEW if query.by_account else min(FEW, FEW_BY_NAME)
    counted: list[tuple[Count, Filter]] = []
    for each in filters:
        if each.ids is not None and not (each.is_search and any(_is_tiny(count) for count, _filter in counted)):
            counted.append((_count(each.ids, MOST_FOUND if each.is_search else most), each))
    few = min((each for each in counted if not each[0].more), key=lambda each: each[0].number, default=None)
    alone = len(filters) == 2 and wanted.tab == "people" and counted[-1][1] is filters[1]
    known = counted[-1][0] if alone else None
    # Contacts have an index by name of their own, which a database might walk instead, to its end.
    if few is None or (few[1].in_name_order and not query.keys and wanted.tab == "people"):
        return replace(query, total=known)
    return replace(query, few=few[1], total=known)


def _is_tiny(count: Count) -> bool:
    """So few that looking at each is quicker than looking for a name in everybody's."""
    return not count.more and count.number <= TINY


def _count(ids: Select[Any] | None, most: int | None) -> Count:
    """How many there are, but no more than ``most`` are counted."""
    if ids is None:
        return Count(0)
    if most is None:
        return Count(db.session.scalar(select(func.count()).select_from(ids.subquery())) or 0)
    number = db.session.scalar(select(func.count()).select_from(ids.limit(most + 1).subquery())) or 0
    return Count(min(number, most), number > most)


def _page(query: _Query, wanted: Wanted, total: Count, chosen: Person | None) -> tuple[int, list[int]]:
    """The number of the page, and the people on it with the first one after it."""
    page = wanted.page or _page_of(query, wanted.size, chosen)
    if not total.more:
        page = min(page, max(-(-total.number // wanted.size), 1))
    found = _ids(query, wanted.size, page)
    if not found and page > 1:
        counted = _count(query.select(Person.id), None)
        page = max(-(-counted.number // wanted.size), 1)
        found = _ids(query, wanted.size, page)
    return page, found


def _ids(query: _Query, size: int, page: int) -> list[int]:
    return list(db.session.scalars(query.ids().limit(size + 1).offset((page - 1) * size)))


def _people(ids: Sequence[int]) -> list[Person]:
    rows = (
        select(Person)
        .where(Person.id.in_(ids))
        .options(joinedload(Person.account).selectinload(Account.roles), selectinload(Person.contact_types))
    )
    found = {person.id: person for person in db.session.scalars(rows)}
    return [found[number] for number in ids if number in found]


def _page_of(query: _Query, size: int, chosen: Person | None) -> int:
    """The page with the chosen person, when the list holds that person at all; otherwise the first."""
    if chosen is None or not _count(query.select(Person.id).where(Person.id == chosen.id), None).number:
        return 1
    earlier = query.select(Person.id).where(_before(query, chosen))
    return _count(earlier, None).number // size + 1


def _before(query: _Query, chosen: Person) -> ColumnElement[bool]:
    """Of whoever stands before the chosen person. Where one of a state has no value for a key, none of it has one."""
    earlier: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for key in query.order:
        value = getattr(chosen if key.class_ is Person else chosen.account, key.key)
        if value is None:
            same.append(key.is_(None))
            continue
        earlier.append(and_(*same, key > value if query.descending else key < value))
        same.append(key == value)
    return or_(*earlier)
