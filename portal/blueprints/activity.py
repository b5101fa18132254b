"""What the audit trail says, in sentences: an entry in the words of its event, and its details in words too."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from portal.blueprints.record_words import BULK_WORKS, EVENT_KINDS, IDENTITY_CHECKS, changes_text
from portal.blueprints.role_words import ROLES
from portal.domain.account_state import AccountState
from portal.domain.audit_events import EVENTS, Event
from portal.domain.lockout import Zone
from portal.filters import moment, number
from portal.models import AuditEntry, Person
from portal.services import activity
from portal.services.activity import Happening, Refusals, Trail
from portal.services.origin import COMMAND_LINE

STATES: dict[str, LazyString] = {
    AccountState.NOT_REGISTERED: lazy_gettext("not registered"),
    AccountState.REGISTRATION_PENDING: lazy_gettext("registration pending"),
    "registration-expired": lazy_gettext("registration expired"),
    "enrolment-link": lazy_gettext("a link to enrol waits to be used"),
    AccountState.ACTIVE: lazy_gettext("active"),
    AccountState.LOCKED: lazy_gettext("locked"),
    AccountState.UNLOCK_PENDING: lazy_gettext("unlock pending"),
    AccountState.INACTIVE: lazy_gettext("inactive"),
}
"""An account's states within a sentence."""


@dataclass(frozen=True)
class Line:
    """One thing that happened: when, what, and from where; ``person`` is whom it happened to, if we know."""

    at: datetime
    sentence: str
    origin: str
    person: Person | None = None


@dataclass(frozen=True)
class TrailView:
    """A page of a trail as its template says it; ``newest_url`` and ``older_url`` where there is more."""

    lines: list[Line]
    count: str
    kind: str
    kinds: list[tuple[str, str]]
    newest_url: str | None
    older_url: str | None


def trail_view(trail: Trail, kind: str, before: int | None, here: str) -> TrailView:
    """A page of what happened, for administrators: each line with its whole origin."""

    def at(**query: object) -> str:
        asked = {name: value for name, value in query.items() if value}
        return f"{here}?{urlencode(asked)}" if asked else here

    more = trail.count > activity.MOST_COUNTED
    count = number(min(trail.count, activity.MOST_COUNTED))
    return TrailView(
        lines=[_line(happening) for happening in trail.happenings],
        count=_("More than %(count)s events", count=count)
        if more
        else ngettext("%(count)s event", "%(count)s events", trail.count, count=count),
        kind=kind,
        kinds=[("", _("Everything")), *((name, str(text)) for name, text in EVENT_KINDS.items())],
        newest_url=at(kind=kind) if before is not None else None,
        older_url=at(kind=kind, before=trail.older) if trail.older is not None else None,
    )


def latest_lines(person: Person, limit: int) -> list[Line]:
    """The last things that happened to ``person``, for an administrator."""
    return [_line(happening) for happening in activity.recent(person, limit)]


def _line(happening: Happening) -> Line:
    return Line(happening.entry.at, sentence(happening), _place(happening.entry), happening.person)


def own_lines(person: Person, limit: int = 20) -> list[Line]:
    """The last things that happened to ``person``, as they are told of them; the newest first.

    Attempts at an account that is locked are one line, however many there were.
    """
    happenings = activity.recent(person, limit)
    lines = [Line(happening.entry.at, sentence(happening, own=True), _origin(happening)) for happening in happenings]
    oldest = happenings[-1].entry.id if len(happenings) == limit else 0
    refusals = activity.refusals(person, since=oldest)
    if refusals is not None:
        lines.append(_refused(person, refusals))
    return sorted(lines, key=lambda line: line.at, reverse=True)


def _refused(person: Person, refusals: Refusals) -> Line:
    happening = Happening(refusals.last, person, None)
    said = sentence(happening, own=True)
    if refusals.count > 1:
        count = number(refusals.count) + ("+" if refusals.count == activity.MOST_COUNTED else "")
        said = _("%(sentence)s. So it went %(count)s times, this was the last", sentence=said, count=count)
    return Line(refusals.last.at, said, _origin(happening))


def sentence(happening: Happening, *, own: bool = False) -> str:
    """What happened, for whoever reads the trail; with ``own``, for the person whom it happened to.

    An event that this version does not know is named as it stands; a detail that is not there is said to be unknown.
    """
    entry = happening.entry
    event = EVENTS.get(entry.event, Event(entry.event.replace("%", "%%")))
    oneself = own and happening.actor is not None and happening.actor == happening.person
    text = event.sentence
    if own:
        text = (event.oneself if oneself else "") or event.own or text
    words: dict[str, str] = defaultdict(lambda: _("unknown"))
    words.update({name: _in_words(name, value) for name, value in entry.details.items()})
    words["actor"] = _("You") if oneself else _actor(happening)
    words["person"] = happening.person.full_name if happening.person else _("nobody")
    return str(_(text) % words)


def _actor(happening: Happening) -> str:
    """Who did it; mails and locks are the portal's own doing."""
    if happening.actor is not None:
        return happening.actor.full_name
    return _("The command line") if happening.entry.address == COMMAND_LINE else _("The portal")


def _origin(happening: Happening) -> str:
    """Where it came from; where an administrator sits is not the person's business."""
    entry: AuditEntry = happening.entry
    if happening.actor is not None and happening.actor != happening.person:
        return _("an administrator's browser")
    return _place(entry)


def _place(entry: AuditEntry) -> str:
    """Where it came from, in full."""
    if entry.address == COMMAND_LINE:
        return _("the command line")
    if not current_app.config["PRIVATE_NETWORKS"]:
        return entry.address
    if entry.zone == Zone.INTERNET:
        return _("%(address)s, the internet", address=entry.address)
    return _("%(address)s, your organisation's network", address=entry.address)


def _in_words(name: str, value: Any) -> str:
    """A detail as its sentence says it."""
    if name in _READERS:
        return _READERS[name](value)
    if isinstance(value, int):
        return number(value)
    return str(value) if value else _("none")


def _moment(value: Any) -> str:
    try:
        return moment(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return str(value or _("unknown"))


def _state(value: Any) -> str:
    return str(STATES.get(value, value))


def _role(value: Any) -> str:
    return str(ROLES.get(value, value))


def _scope(value: Any) -> str:
    return str(value) if value else _("everything")


def _work(value: Any) -> str:
    return str(BULK_WORKS.get(value, value))


def _per_day(value: Any) -> str:
    return number(value) if value else _("all at once")


def _method(value: Any) -> str:
    return str(IDENTITY_CHECKS.get(value, value))


def _lost(value: Any) -> str:
    """Which entries of which chains a restored database has lost; None where there was nothing to compare it with."""
    if value is None:
        return _("unknown")
    said = [
        _(
            "%(chain)s, entries %(first)s to %(last)s",
            chain=code or _("what belongs to no organisation"),
            first=number(first),
            last=number(last),
        )
        for code, first, last in value["chains"]
    ]
    if value["more"]:
        said.append(_("organisations beside these: %(count)s", count=number(value["more"])))
    return "; ".join(said) or _("nothing")


_READERS: dict[str, Callable[[Any], str]] = {
    "expires_at": _moment,
    "taken_at": _moment,
    "state": _state,
    "why": _state,
    "role": _role,
    "scope": _scope,
    "method": _method,
    "work": _work,
    "per_day": _per_day,
    "changes": changes_text,
    "lost": _lost,
}
