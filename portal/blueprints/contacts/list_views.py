"""The contacts list as the page shows it: rows, columns, tabs, filters, and the addresses that keep all of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from portal.blueprints.contacts.messages import BUTTONS, COLUMNS, FILTERS, MAIN_MOVES
from portal.blueprints.contacts.presenters import Tag, contact_url, query_of, state_tag
from portal.blueprints.record_words import BULK_WORKS, CONTACT_TYPES, STATUSES, types_text
from portal.domain.account_state import AccountAction, possible_actions
from portal.filters import number, time_element
from portal.models import Organisation, Person
from portal.services import accounts, contact_filters, contacts
from portal.services.contact_filters import Wanted
from portal.services.contact_list import ContactPage, Count

FOUND_BY = ("last_name", "primary_email", "state")
"""The columns for who only finds people."""


@dataclass(frozen=True)
class RowMove:
    """The move that a row offers: its button, and the question before it."""

    text: str | LazyString
    action: str
    confirm: str | None


@dataclass(frozen=True)
class Row:
    """One person in the list."""

    ess_id: int
    name: str
    href: str
    status: LazyString
    email: str
    types: str
    phone: str
    state: Tag
    last_sign_in: Markup | str
    move: RowMove | None
    chosen: bool


@dataclass(frozen=True)
class Link:
    """A link of the tabs or of the page sizes."""

    text: str
    href: str
    current: bool
    count: str | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading, which sorts by it."""

    text: str
    href: str
    sort: str
    classes: str


@dataclass(frozen=True)
class Choice:
    """What a list can be narrowed down by: ``options`` are values and words, ``value`` is the chosen one."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str | LazyString]]


@dataclass(frozen=True)
class ListView:
    """Everything that the list's template says. ``page_url`` answers the address of a page of the same list."""

    wanted: Wanted
    found: ContactPage
    total: str
    pages: int | None
    rows: list[Row]
    columns: list[Column]
    orders: list[tuple[str, str]]
    tabs: list[Link]
    sizes: list[Link]
    choices: list[Choice]
    search_action: str
    search_in_place: str
    new_href: str
    cancel_href: str
    bulk_action: str
    bulk_fields: dict[str, Any]
    bulk_works: list[tuple[str, str]]
    excel_href: str
    csv_href: str
    all_href: str
    people_href: str
    elsewhere: str | None
    page_url: Callable[[int], str]


def list_view(
    organisation: Organisation,
    wanted: Wanted,
    found: ContactPage,
    here: str,
    chosen: Person | None,
    sees: bool,
    may_act: Callable[[Person], bool],
) -> ListView:
    """The list under the address ``here``, which paging, sorting, searching and tabs keep.

    ``sees``: the reader may see records, not only find people; ``may_act``: and may move the account of this one.
    """

    def at(**changes: Any) -> str:
        query = query_of(replace(wanted, **changes))
        return f"{here}?{urlencode(query)}" if query else here

    index = url_for("contacts.index", code=organisation.code)
    counts = {"contacts": found.contacts_count, "people": found.people_count}
    names = {"contacts": _("Organisation contacts"), "people": _("All people")}
    nothing = {"q": "", "type": "", "status": "", "state": "", "page": None}
    return ListView(
        wanted=wanted,
        found=found,
        total=count_text(found.total, found.last),
        pages=None if found.total.more else found.pages,
        rows=[_row(organisation, person, wanted, person is chosen, may_act(person)) for person in found.people],
        columns=_columns(wanted, at, COLUMNS if sees else FOUND_BY),
        orders=_orders(COLUMNS if sees else FOUND_BY),
        tabs=[
            Link(names[tab], at(tab=tab, page=None), tab == wanted.tab, count_text(counts[tab]))
            for tab in counts
            if sees
        ],
        sizes=[Link(str(size), at(size=size, page=1), size == wanted.size) for size in contact_filters.SIZES],
        choices=_choices(wanted) if sees else [],
        search_action=index,
        search_in_place=here,
        new_href=url_for("contacts.new", code=organisation.code, **query_of(wanted)),
        cancel_href=url_for("contacts.index", code=organisation.code, **query_of(wanted)),
        bulk_action=url_for("organisation.new_bulk", code=organisation.code),
        bulk_fields=query_of(replace(wanted, page=found.page)),
        bulk_works=[*((name, str(text)) for name, text in BULK_WORKS.items()), ("export", _("Export to Excel"))],
        excel_href=url_for("contacts.export_excel", code=organisation.code, **query_of(replace(wanted, page=None))),
        csv_href=url_for("contacts.export_csv", code=organisation.code, **query_of(replace(wanted, page=None))),
        all_href=at(**nothing),
        people_href=at(tab="people", page=None),
        elsewhere=count_text(found.elsewhere) if found.elsewhere.number else None,
        page_url=lambda page: at(page=page),
    )


def count_text(count: Count, at_least: int = 0) -> str:
    """A count in words, such as 12,507 or more than 10,000; ``at_least`` so many are known of."""
    if not count.more:
        return number(count.number)
    return _("more than %(number)s", number=number(max(count.number, at_least)))


def _columns(wanted: Wanted, at: Callable[..., str], names: Iterable[str]) -> list[Column]:
    found = []
    for name in names:
        text, classes = COLUMNS[name]
        sort = {name: "ascending", f"-{name}": "descending"}.get(wanted.sort, "none")
        following = f"-{name}" if sort == "ascending" else name
        found.append(Column(str(text), at(sort=following, page=1), sort, classes))
    return found


def _orders(names: Iterable[str]) -> list[tuple[str, str]]:
    """The same for a narrow window, whose table has no headings."""
    found = []
    for name in names:
        text, _classes = COLUMNS[name]
        found += [(name, str(text)), (f"-{name}", _("%(column)s, reversed", column=text))]
    return found


def _choices(wanted: Wanted) -> list[Choice]:
    states: list[tuple[str, str | LazyString]] = [(state, FILTERS[state]) for state in contact_filters.STATES]
    types = sorted(CONTACT_TYPES.items(), key=lambda each: str(each[1]))
    return [
        Choice("type", _("Contact Type"), wanted.type, [("", _("All types")), *types]),
        Choice("status", _("Status"), wanted.status, [("", _("All")), *STATUSES.items()]),
        Choice("state", _("Self Service Status"), wanted.state, [("", _("All")), *states]),
    ]


def _row(organisation: Organisation, person: Person, wanted: Wanted, chosen: bool, may_act: bool) -> Row:
    return Row(
        ess_id=person.ess_id,
        name=person.full_name,
        href=contact_url(organisation, person.ess_id, wanted, anchor="chosen-contact"),
        status=STATUSES[contacts.status_of(person)],
        email=person.primary_email,
        types=types_text(person.type_names),
        phone=person.primary_phone,
        state=state_tag(person),
        last_sign_in=time_element(person.account.last_sign_in_at),
        move=row_move(person, wanted) if may_act and not chosen else None,
        chosen=chosen,
    )


def row_move(person: Person, wanted: Wanted) -> RowMove | None:
    """What is most often done next for somebody in this state, where there is such a thing."""
    state = accounts.shown_state(person.account)
    move = MAIN_MOVES.get(state)
    if move is None or move not in possible_actions(state, accounts.circumstances(person.account)):
        return None
    name = move.value.replace("-", "_")
    action = url_for(
        f"contacts.{name}", code=person.organisation.code, ess_id=person.ess_id, **query_of(replace(wanted, page=None))
    )
    return RowMove(BUTTONS[move], action, question(move, person))


def question(move: AccountAction, person: Person) -> str | None:
    """What is asked before a move that takes something away."""
    if move is not AccountAction.RE_ENROL:
        return None
    return _(
        "Re-enrol %(name)s? A new temporary password is e-mailed, the present password stops working and all "
        "sessions end.",
        name=person.full_name,
    )
