"""What the maintenance screen's parts share: states as tags, and the addresses that keep what was asked for."""

from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel.speaklater import LazyString

from portal.blueprints.contacts.messages import STATES
from portal.domain.account_state import AccountState
from portal.models import Account, Organisation, Person
from portal.services import accounts, enrolment_links
from portal.services.administered_organisations import OrganisationPage
from portal.services.contact_filters import Wanted

EMPTY = Wanted()


@dataclass(frozen=True)
class Tag:
    """A state as a coloured tag; ``of`` is the person's number."""

    of: int
    text: LazyString
    colour: str


def query_of(wanted: Wanted) -> dict[str, Any]:
    """The list's part of a URL: only what is not the default."""
    return {name: str(value) for name, value in asdict(wanted).items() if value != getattr(EMPTY, name)}


def contact_url(organisation: Organisation, ess_id: int, wanted: Wanted = EMPTY, anchor: str | None = None) -> str:
    """The address of the screen with this person chosen. It names no page: the list finds the person's own."""
    query = query_of(replace(wanted, page=None))
    return url_for("contacts.contact", code=organisation.code, ess_id=ess_id, _anchor=anchor, **query)


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
