"""Work on many people as its pages say it: who was chosen for what, how far it is, and what became of each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from portal.blueprints.activity import STATES
from portal.blueprints.record_words import BULK_WORKS
from portal.filters import moment, number
from portal.models import BulkItem, BulkWork, Organisation
from portal.services import bulk, contact_filters, contact_list
from portal.services.contact_filters import Wanted

EMPTY = Wanted()
MOST_A_DAY = 100_000


@dataclass
class Chosen:
    """What is to be done to whom, as a form says it. ``errors`` are by field."""

    organisation: Organisation
    work: str
    whom: str
    wanted: Wanted
    only: list[int] | None
    per_day: str
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_somebody(self) -> bool:
        """Whether anybody is meant: those who are named, or all that match."""
        return self.only is None or bool(self.only)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What says the same again: the list, and the people who are named."""
        query = _query_of(replace(self.wanted, page=None))
        named = [("person", str(ess_id)) for ess_id in self.only or ()]
        return [*query.items(), ("whom", "all" if self.only is None else "chosen"), ("work", self.work), *named]

    def export_query(self) -> dict[str, Any]:
        """The same for an export."""
        named = {} if self.only is None else {"only": [str(ess_id) for ess_id in self.only]}
        return {**_query_of(replace(self.wanted, page=None)), **named}

    def read_per_day(self) -> int | None:
        """How many a day, None for all at once; an error where that is no number of people."""
        text = self.per_day.strip()
        if not text:
            return None
        if text.isascii() and text.isdigit() and 0 < int(text[:7]) <= MOST_A_DAY:
            return int(text)
        self.errors["per_day"] = _("Enter a whole number of people from 1, or leave it empty for all at once")
        return None


def chosen(organisation: Organisation, sent: MultiDict[str, str]) -> Chosen:
    """What a form of the list, or of the page that asks once more, says."""
    wanted = contact_filters.read(lambda name, otherwise: sent.get(name, otherwise), contact_list.ORDERS)
    whom = sent.get("whom", "chosen")
    only = None if whom == "all" else list(dict.fromkeys(sent.getlist("person", type=int)))[:100]
    if whom == "page":
        only = [person.ess_id for person in contact_list.find(organisation, wanted).people]
    return Chosen(organisation, sent.get("work", ""), whom, wanted, only, sent.get("per_day", ""))


def _query_of(wanted: Wanted) -> dict[str, Any]:
    return {name: str(value) for name, value in asdict(wanted).items() if value != getattr(EMPTY, name)}


@dataclass(frozen=True)
class Question:
    """The page that asks once more."""

    heading: str
    said: list[str]
    count: int
    offers_days: bool
    button: str
    back: str


def too_many() -> str:
    """More than are done at once."""
    return _("That is more than %(most)s people. Narrow the list down first.", most=number(bulk.MOST_PEOPLE))


def question(asked: Chosen, count: int) -> Question:
    """To how many it would be done, and what that means for them."""
    people = str(ngettext("%(count)s person", "%(count)s people", count, count=number(count)))
    work = str(BULK_WORKS.get(asked.work, ""))
    meaning = {
        "register": _("Each is e-mailed a temporary password. Who is registered already, or has no address, is left."),
        "re-enrol": _("Each is e-mailed a new temporary password; present passwords stop working and sessions end."),
        "make-active": _("Whoever is inactive is made active again, and is not registered yet."),
        "make-inactive": _("Their accounts are closed: sessions end and passwords are erased."),
    }
    said = [meaning[asked.work]] if asked.work in meaning and count else []
    if not asked.work:
        said.append(_("Choose what to do."))
    if not count and "whom" not in asked.errors:
        said.append(_("Nobody was chosen. Go back and tick somebody, or choose everybody on the page."))
    query = _query_of(asked.wanted)
    return Question(
        heading=_("%(work)s: %(people)s", work=work, people=people) if work else _("Many people at once"),
        said=said,
        count=count if asked.work in bulk.WORKS and "whom" not in asked.errors else 0,
        offers_days=asked.work in ("register", "re-enrol"),
        button=work,
        back=url_for("contacts.index", code=asked.organisation.code, **query),
    )


@dataclass(frozen=True)
class Progress:
    """How far a work is."""

    work: BulkWork
    heading: str
    tried: int
    said: str
    href: str
    is_over: bool


def progress(work: BulkWork) -> Progress:
    """A work, with how far it is."""
    tried = work.done + work.refused
    over = tried >= work.total or work.stopped_at is not None or work.state in ("failed", "dropped")
    facts = {"done": number(work.done), "total": number(work.total), "refused": number(work.refused)}
    if work.stopped_at is not None:
        said = _("Stopped. Done: %(done)s of %(total)s; not possible: %(refused)s", **facts)
    elif over:
        said = _("Finished. Done: %(done)s of %(total)s; not possible: %(refused)s", **facts)
    else:
        said = _("Done: %(done)s of %(total)s; not possible so far: %(refused)s", **facts)
    people = ngettext("%(count)s person", "%(count)s people", work.total, count=number(work.total))
    return Progress(
        work=work,
        heading=_("%(work)s: %(people)s", work=BULK_WORKS.get(work.kind, work.kind), people=people),
        tried=tried,
        said=said,
        href=url_for("organisation.bulk_work", code=work.organisation.code, number=work.id),
        is_over=over,
    )


@dataclass(frozen=True)
class WorkPage:
    """A work with what became of each person."""

    progress: Progress
    asked: str
    rows: list[tuple[BulkItem, str]]
    page: int
    pages: int
    page_url: Callable[[int], str]
    progress_url: str
    stop_url: str


def work_page(work: BulkWork, page: int) -> WorkPage:
    """Everything that the page of one work says."""
    found = bulk.results(work, page)
    here: dict[str, Any] = {"code": work.organisation.code, "number": work.id}
    facts = {"name": work.account.person.full_name, "at": moment(work.created_at)}
    asked = _("Asked for by %(name)s on %(at)s.", **facts)
    if work.per_day:
        asked += " " + _("%(count)s a day.", count=number(work.per_day))
    return WorkPage(
        progress=progress(work),
        asked=asked,
        rows=[(item, result_words(item.result)) for item in found.items],
        page=found.page,
        pages=found.pages,
        page_url=lambda number: url_for("organisation.bulk_work", page=number, **here),
        progress_url=url_for("organisation.bulk_progress", **here),
        stop_url=url_for("organisation.stop_bulk", **here),
    )


def result_words(result: str) -> str:
    """What became of one person."""
    kind, _colon, state = result.partition(":")
    words = {
        "": _("waits"),
        "done": _("done"),
        "stopped": _("left alone: the work was stopped"),
        "state": _("not possible: the account is %(state)s", state=STATES.get(state, state)),
        "no-email": _("not possible: there is no e-mail address"),
        "not-permitted": _("not permitted: it is the account of who asked, or holds a higher role"),
        "last-administrator": _("not possible: nobody would be left who administers the organisation"),
        "moved": _("left alone: the person belongs to another organisation by now"),
    }
    return words.get(kind, result)
