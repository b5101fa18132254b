"""The contacts list as the page shows it: rows, tabs, sizes, and the addresses that keep what was asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from portal.blueprints.contacts.messages import STATES
from portal.blueprints.record_words import STATUSES, types_text
from portal.domain.account_state import AccountState
from portal.filters import number
from portal.models import Account, Organisation, Person
from portal.services import accounts, contact_list, contacts, enrolment_links
from portal.services.administered_organisations import OrganisationPage
from portal.services.contact_list import ContactPage, Wanted

EMPTY = Wanted()


@dataclass(frozen=True)
class Tag:
    """A state as a coloured tag; ``of`` is the person's number."""

    of: int
    text: LazyString
    colour: str


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
    chosen: bool


@dataclass(frozen=True)
class Link:
    """A link of the tabs or of the page sizes."""

    text: str
    href: str
    current: bool
    count: str | None = None


@dataclass(frozen=True)
class ListView:
    """Everything that the list's template says. ``page_url`` answers the address of a page of the same list."""

    wanted: Wanted
    found: ContactPage
    rows: list[Row]
    tabs: list[Link]
    sizes: list[Link]
    search_action: str
    search_in_place: str
    new_href: str
    cancel_href: str
    all_href: str
    people_href: str
    page_url: Callable[[int], str]


def query_of(wanted: Wanted) -> dict[str, Any]:
    """The list's part of a URL: only what is not the default."""
    given = {
        "tab": (wanted.tab, EMPTY.tab),
        "q": (wanted.q, EMPTY.q),
        "size": (wanted.size, EMPTY.size),
        "page": (wanted.page, EMPTY.page),
    }
    return {name: str(value) for name, (value, default) in given.items() if value != default}


def contact_url(organisation: Organisation, ess_id: int, wanted: Wanted = EMPTY, anchor: str | None = None) -> str:
    """The address of the screen with this person chosen. It names no page: the list finds the person's own."""
    query = query_of(replace(wanted, page=None))
    return url_for("contacts.contact", code=organisation.code, ess_id=ess_id, _anchor=anchor, **query)


def list_view(
    organisation: Organisation, wanted: Wanted, found: ContactPage, here: str, chosen: Person | None
) -> ListView:
    """The list under the address ``here``, which paging, searching and tabs keep."""

    def at(**changes: object) -> str:
        query = query_of(replace(wanted, **changes))  # type: ignore[arg-type]
        return f"{here}?{urlencode(query)}" if query else here

    index = url_for("contacts.index", code=organisation.code)
    counts = {"contacts": found.contacts_count, "people": found.people_count}
    names = {"contacts": _("Organisation contacts"), "people": _("All people")}
    return ListView(
        wanted=wanted,
        found=found,
        rows=[_row(organisation, person, wanted, person is chosen) for person in found.people],
        tabs=[Link(names[tab], at(tab=tab, page=None), tab == wanted.tab, number(counts[tab])) for tab in counts],
        sizes=[Link(str(size), at(size=size, page=1), size == wanted.size) for size in contact_list.SIZES],
        search_action=index,
        search_in_place=here,
        new_href=url_for("contacts.new", code=organisation.code, **query_of(wanted)),
        cancel_href=url_for("contacts.index", code=organisation.code, **query_of(wanted)),
        all_href=at(q="", page=None),
        people_href=at(tab="people", page=None),
        page_url=lambda page: at(page=page),
    )


def _row(organisation: Organisation, person: Person, wanted: Wanted, chosen: bool) -> Row:
    return Row(
        ess_id=person.ess_id,
        name=person.full_name,
        href=contact_url(organisation, person.ess_id, wanted, anchor="chosen-contact"),
        status=STATUSES[contacts.status_of(person)],
        email=person.primary_email,
        types=types_text(person.type_names),
        phone=person.primary_phone,
        state=state_tag(person),
        chosen=chosen,
    )


def state_tag(person: Person) -> Tag:
    """The account's state as shown, an expired registration as such."""
    text, colour = STATES[shown_name(person.account)]
    return Tag(person.ess_id, text, colour)


def shown_name(account: Account) -> str:
    """The name of the state as shown: ``registration-expired`` is a pending one whose time has passed."""
    state = accounts.shown_state(account)
    if state is AccountState.REGISTRATION_PENDING and enrolment_links.registration_is_over(account):
        return "registration-expired"
    return state.value


def organisation_rows(found: OrganisationPage, q: str, kind: str) -> dict[str, object]:
    """What the page of organisations says."""
    here = url_for("contacts.organisations")
    query = {name: value for name, value in (("q", q), ("kind", kind)) if value}
    return {
        "found": found,
        "q": q,
        "kind": kind,
        "page_url": lambda page: f"{here}?{urlencode({**query, 'page': page})}",
    }
