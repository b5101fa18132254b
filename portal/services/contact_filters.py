"""What of an organisation's people a list is asked for: conditions, and the indexes that know whom they are true of."""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, text

from portal import clock
from portal.domain import expiry, record_terms
from portal.domain.account_state import ORDER, AccountState
from portal.domain.contact_details import CONTACT_TYPES, STATUSES
from portal.models import Account, Organisation, Person, PersonContactType, RoleGrant
from portal.models.account import REGISTRATION_PENDING
from portal.models.person import UNUSABLE_EMAIL
from portal.services import enrolment_links, record_search, temporary_passwords

TABS = ("contacts", "people")
SIZES = (10, 25, 50, 100)
STATES = (
    *(state.value for state in AccountState),
    "registration-expired",
    "expires-today",
    "no-usable-email",
    "holds-role",
)
"""What ``state=`` takes: the states as shown, and what else is asked for most mornings."""
MOST_WORDS = 10
SHORTEST_INSIDE = 3
"""Characters with which a word of a search is looked for inside words too."""
LONGEST_QUERY = 200

S = AccountState


@dataclass(frozen=True)
class Wanted:
    """What of the list is asked for. ``page`` None is the page on which the chosen person stands, or the first."""

    tab: str = TABS[0]
    q: str = ""
    type: str = ""
    status: str = ""
    state: str = ""
    sort: str = "last_name"
    size: int = SIZES[0]
    page: int | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether it asks for less than a whole tab."""
        return bool(self.q or self.type or self.status or self.state)


def read(asked: Callable[[str, str], str], sorts: Container[str]) -> Wanted:
    """From a URL's texts, by their names; what makes no sense is as if it were not there."""
    typed, page, size = asked("q", ""), asked("page", ""), asked("size", "")
    printable = "".join(mark if mark.isprintable() else " " for mark in typed)

    def one_of(name: str, known: Container[str], otherwise: str = "") -> str:
        value = asked(name, "")
        return value if value in known else otherwise

    return Wanted(
        tab=one_of("tab", TABS, TABS[0]),
        q=printable.strip()[:LONGEST_QUERY],
        type=one_of("type", CONTACT_TYPES),
        status=one_of("status", STATUSES),
        state=one_of("state", STATES),
        sort=one_of("sort", sorts, "last_name"),
        size=int(size) if size in map(str, SIZES) else SIZES[0],
        page=max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 10 else None,
    )


@dataclass(frozen=True)
class Filter:
    """One condition on people, of whom ``ids`` are the numbers by an index of its own, where there is one.

    ``in_name_order``: that index has them by name. ``unled``: the condition of whoever is found already, in words that
    lead a database to no index.
    """

    condition: ColumnElement[bool]
    ids: Select[Any] | None
    reads_account: bool = False
    is_search: bool = False
    in_name_order: bool = False
    unled: ColumnElement[bool] | None = None


def filters_of(organisation: Organisation, wanted: Wanted) -> list[Filter]:
    """All that must hold of whom the list shows; the first is that they are the organisation's people."""
    theirs = _people(organisation, Person.organisation_id == organisation.id)
    found = [replace(theirs, unled=Person.organisation_id + 0 == organisation.id)]
    if wanted.tab == "contacts":
        found.append(_people(organisation, Person.is_contact))
    if wanted.type:
        found.append(_of_type(organisation, wanted.type))
    if wanted.status:
        inactive = Account.state_order == ORDER[S.INACTIVE]
        found.append(_account(organisation, inactive if wanted.status == "inactive" else not_(inactive)))
    if wanted.state:
        found.append(_in_state(organisation, wanted.state))
    if wanted.q:
        found.append(_found_by(organisation, record_terms.looked_for(wanted.q, MOST_WORDS)))
    return found


def _people(organisation: Organisation, condition: Any) -> Filter:
    return Filter(condition, select(Person.id).where(Person.organisation_id == organisation.id, condition))


def _account(organisation: Organisation, condition: ColumnElement[bool]) -> Filter:
    ids = select(Account.person_id).where(Account.organisation_id == organisation.id, condition)
    return Filter(condition, ids, reads_account=True)


def _of_type(organisation: Organisation, contact_type: str) -> Filter:
    held = select(PersonContactType.person_id).where(
        PersonContactType.organisation_id == organisation.id, PersonContactType.contact_type == contact_type
    )
    return Filter(held.where(PersonContactType.person_id == Person.id).exists(), held)


def _in_state(organisation: Organisation, state: str) -> Filter:
    if state == "no-usable-email":
        return replace(_people(organisation, text(f"({UNUSABLE_EMAIL})")), in_name_order=True)
    if state == "holds-role":
        holds = Account.id.in_(select(RoleGrant.account_id).where(RoleGrant.ended_at.is_(None)))
        # The number as an expression, of which there is no index: the grants lead, of which there are never many.
        ids = select(Account.person_id).where(holds, Account.organisation_id + 0 == organisation.id)
        return Filter(holds, ids, reads_account=True)
    return _account(organisation, _shown_as(state))


def _shown_as(state: str) -> ColumnElement[bool]:
    """Of an account in the state as shown: an unlock that has expired is a lock."""
    now = clock.now()
    if state in ("registration-expired", "expires-today"):
        pending = text(REGISTRATION_PENDING)
        until, waits = Account.temporary_password_expires_at, _registration_waits(now)
        if state == "registration-expired":
            return and_(pending, not_(waits))
        return and_(pending, waits, until < expiry.end_of_day(now, ZoneInfo(current_app.config["TIME_ZONE"])))
    unlocks = Account.state_order == ORDER[S.UNLOCK_PENDING]
    good = _lasts(Account.unlock_expires_at, timedelta(hours=current_app.config["UNLOCK_HOURS"]), now)
    if state == S.UNLOCK_PENDING:
        return and_(unlocks, good)
    if state == S.LOCKED:
        locked = Account.state_order == ORDER[S.LOCKED]
        # The range first: so an index that holds all of this is read, and no row.
        return and_(Account.state_order.in_((ORDER[S.LOCKED], ORDER[S.UNLOCK_PENDING])), or_(locked, not_(good)))
    return Account.state_order == ORDER[AccountState(state)]


def _registration_waits(now: datetime) -> ColumnElement[bool]:
    """Of a pending registration that may be completed still."""
    until, by_link = Account.temporary_password_expires_at, Account.temporary_password_issue.is_(None)
    return or_(
        and_(by_link, _lasts(until, enrolment_links.LASTS, now)),
        and_(not_(by_link), _lasts(until, temporary_passwords.lasts(), now)),
    )


def _lasts(until: Any, longest: timedelta, now: datetime) -> ColumnElement[bool]:
    """What ``expiry.lasts`` says, of a column."""
    return and_(until.is_not(None), until > now, until <= now + longest + expiry.CLOCKS_APART)


def _found_by(organisation: Organisation, pieces: list[str]) -> Filter:
    """All that is looked for stands in the person's names, addresses or numbers, in any order."""
    condition = and_(*map(_holds, pieces)) if pieces else false()
    candidates = record_search.candidates(organisation, pieces)
    if candidates is None:
        return Filter(condition, None)
    return Filter(condition, select(Person.id).where(candidates, condition), is_search=True)


def _holds(piece: str) -> ColumnElement[bool]:
    """It stands somewhere in the text; what is very short, at the start of a word."""
    if len(piece) >= SHORTEST_INSIDE:
        return Person.search_text.contains(piece, autoescape=True)
    start = Person.search_text.startswith(piece, autoescape=True)
    return or_(start, Person.search_text.contains(f" {piece}", autoescape=True))
