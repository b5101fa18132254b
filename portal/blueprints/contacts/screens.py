"""The one screen: the list above, the chosen person's panels below, put together for every view that shows it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx, notices
from portal.blueprints.activity import latest_lines
from portal.blueprints.contacts import roles_panel, self_service
from portal.blueprints.contacts.forms import ContactForm
from portal.blueprints.contacts.list_views import list_view, row_move
from portal.blueprints.contacts.presenters import contact_url, query_of, state_tag
from portal.blueprints.navigation import breadcrumbs
from portal.blueprints.record_words import FIELDS, Difference, changes_text, differences, value_text
from portal.domain.roles import Permission
from portal.models import Organisation, Person
from portal.notices import Notice
from portal.permissions import safe_next
from portal.services import (
    activity,
    contact_filters,
    contact_list,
    contacts,
    organisations,
    password_resets,
    relocation,
)
from portal.services.contact_filters import Wanted
from portal.services.contact_mail import mailed_to
from portal.services.contacts import Conflict


@dataclass(frozen=True)
class Said:
    """What the screen says besides the record: a notice above it or in the panel, a move refused, a conflict."""

    notice: Notice | None = None
    changed: str = ""
    panel_notice: Notice | None = None
    refusal: str | None = None
    confirm_action: str | None = None
    conflict: list[Difference] | None = None


NOTHING = Said()
SHOWN_EVENTS = 5
"""Of the history below the panels; its page has all of it."""
PANEL_NOTICES = ("created", "registered", "unlocked", "re-enrolled", "recovery-mailed", "deactivated", "reactivated")


def wanted() -> Wanted:
    """The list that is in front of who asks."""
    read = htmx.page_query().get
    return contact_filters.read(read, contact_list.ORDERS)


def screen(
    organisation: Organisation,
    person: Person | None,
    form: ContactForm | None,
    said: Said = NOTHING,
    roles_said: roles_panel.Said = roles_panel.NOTHING,
) -> str:
    """The screen with ``person`` chosen, or with an empty ``form``, or with nothing chosen."""
    sees = contacts.sees(current_user, organisation)
    asked = wanted() if sees else _among_everybody(wanted())
    htmx.remember_search(request.path + _question(asked))
    said = said if said is not NOTHING else _left(person)
    here = request.path
    if person is not None:
        here = contact_url(organisation, person.ess_id)
    keeps = contacts.keeps(current_user, organisation)
    found = contact_list.find(organisation, asked, person)
    context = {
        "organisation": organisation,
        "sees": sees,
        "adds": contacts.adds(current_user, organisation),
        "keeps": keeps,
        "list": list_view(organisation, asked, found, here, person, sees, lambda each: _may_act(each, keeps)),
        "chosen": person,
        "form": form,
        "form_action": here + _question(asked),
        "panel": panel_of(person) if person is not None else None,
        "moves_on": person is not None and _may_act(person, keeps) and relocation.may_move(current_user),
        "lines": latest_lines(person, SHOWN_EVENTS) if person is not None and sees else [],
        "roles": roles_panel.panel(person, current_user, roles_said) if person is not None else None,
        "next_url": next_url(person, asked) if person is not None else None,
        "said": said,
        "watch_url": watch_url(person, asked, said) if person is not None else None,
        "breadcrumbs": breadcrumbs(organisation),
        "value_text": value_text,
        "field_labels": FIELDS,
        "details": contacts.details_of(person) if person is not None else None,
    }
    return htmx.render("contacts/page.html", "contacts/_screen.html", **context)


def _among_everybody(asked: Wanted) -> Wanted:
    """The list for who only finds people: everybody, and no more of them than a search says."""
    return Wanted(tab="people", q=asked.q, sort=asked.sort, size=asked.size, page=asked.page)


def chosen(person: Person, said: Said = NOTHING, roles_said: roles_panel.Said = roles_panel.NOTHING) -> str:
    """The screen with ``person`` chosen, the form as the record stands, for who may keep it."""
    form = None
    if contacts.may_change(current_user, person):
        form = ContactForm(person.organisation, person, None, own=contacts.is_own(current_user, person))
    return screen(person.organisation, person, form, said, roles_said)


def saved(person: Person, notice: str) -> str | Response:
    """After Save: the same screen with its notice. HTMX gets it at once: where it would be sent, it is already."""
    if htmx.is_htmx():
        return chosen(person, _with_changes(person, notices.NOTICES[notice]))
    return htmx.see_other(contact_url(person.organisation, person.ess_id, wanted(), "chosen-contact"), notice)


def wanted_with(person: Person) -> Wanted:
    """The list in which a new person stands: without the search, under the tab that holds them."""
    asked = wanted()
    return Wanted(tab="contacts" if person.is_contact else "people", size=asked.size)


def in_conflict(form: ContactForm, conflict: Conflict) -> Said:
    """What somebody else saved meanwhile; the form now goes on from there, with everything that was typed."""
    form.version.data = conflict.version
    form.version.raw_data = None
    return Said(conflict=differences(conflict.details, form.details()))


def move_answer(person: Person, said: Said) -> str:
    """What a move answers to HTMX, at the place where its button was pressed: the list, or the panel."""
    return row_answer(person, said) if htmx.is_for("list-said") else panel_answer(person, said)


def row_answer(person: Person, said: Said) -> str:
    """What the move of a row did, and the row's state and next step beside it."""
    keeps = contacts.keeps(current_user, person.organisation)
    return render_template(
        "contacts/_row_answer.html",
        person=person,
        tag=state_tag(person),
        move=row_move(person, wanted()) if _may_act(person, keeps) else None,
        said=said,
    )


def panel_answer(person: Person, said: Said) -> str:
    """The Self Service Details alone, and the state in the list's row beside it."""
    asked = wanted()
    context: dict[str, Any] = {
        "panel": panel_of(person),
        "next_url": safe_next(request.form.get("next")) or next_url(person, asked),
        "said": said,
        "watch_url": watch_url(person, asked, said),
    }
    return render_template("contacts/_self_service_answer.html", **context)


def watch_url(person: Person, asked: Wanted, said: Said) -> str:
    """Where the panel looks what became of a mail; it goes on saying what it says."""
    code = next((code for code in PANEL_NOTICES if said.panel_notice is notices.NOTICES[code]), None)
    organisation, query = person.organisation.code, query_of(asked)
    return url_for("contacts.self_service", code=organisation, ess_id=person.ess_id, said=code, **query)


def said_before() -> Said:
    """What the panel said when it looked, and goes on saying."""
    code = request.args.get("said")
    return Said(panel_notice=notices.NOTICES[code]) if code in PANEL_NOTICES else NOTHING


def panel_of(person: Person) -> self_service.Panel:
    """The Self Service Details of ``person`` for who is signed in."""
    return self_service.panel(
        person,
        mailed_to(person.account),
        self_service.Reader(
            keeps=contacts.keeps(current_user, person.organisation),
            adds=contacts.adds(current_user, person.organisation),
            resets=organisations.may(current_user, person.organisation, Permission.RESET_PASSWORDS),
            is_operator=password_resets.is_operator(current_user, person),
            own=contacts.is_own(current_user, person),
            below=contacts.is_above(current_user, person),
        ),
    )


def _may_act(person: Person, keeps: bool) -> bool:
    """Whether who is signed in may move the account; ``keeps`` says so of the organisation."""
    return keeps and not contacts.is_own(current_user, person) and not contacts.is_above(current_user, person)


def next_url(person: Person, asked: Wanted) -> str:
    """Where a move comes back to without JavaScript: this person, in this list."""
    return contact_url(person.organisation, person.ess_id, asked, anchor="self-service-details")


def _with_changes(person: Person, notice: Notice) -> Said:
    """After Save: the notice, and what it is that was changed."""
    if notice not in (notices.NOTICES["saved"], notices.NOTICES["saved-and-void"]):
        return Said(notice=notice)
    return Said(notice=notice, changed=changes_text(activity.last_save(person, current_user.account)))


def _left(person: Person | None) -> Said:
    """What the page before left to say, at the place that it is about."""
    left = notices.notice()
    if left is None:
        return NOTHING
    in_panel = any(left is notices.NOTICES[code] for code in PANEL_NOTICES)
    if in_panel:
        return Said(panel_notice=left)
    return _with_changes(person, left) if person is not None else Said(notice=left)


def _question(asked: Wanted) -> str:
    query = query_of(asked)
    return f"?{urlencode(query)}" if query else ""


def breadcrumbs_to(person: Person) -> list[dict[str, str]]:
    """The way to a page about one person."""
    here = {"text": person.full_name, "href": contact_url(person.organisation, person.ess_id)}
    return [*breadcrumbs(person.organisation), here]
