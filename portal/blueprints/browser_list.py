"""The browsers that somebody is signed in with, in words: for their own page, and for an administrator's."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from portal.domain.browsers import named
from portal.domain.lockout import Zone
from portal.filters import number, time_element
from portal.models import Session
from portal.services.sessions import SignedIn
from portal.services.signed_in_browsers import Browsers


@dataclass(frozen=True)
class Row:
    """One browser; ``number`` is what its form sends to sign it out."""

    number: int
    name: str
    address: Markup
    zone: str | None
    started: Markup
    used: Markup
    is_this: bool


@dataclass(frozen=True)
class BrowserList:
    """Everything that the list's template says; ``has_zones``: whether where a browser is makes a difference."""

    rows: Sequence[Row]
    count: str
    more: str | None
    has_zones: bool


def browser_list(browsers: Browsers, reader: SignedIn) -> BrowserList:
    """The list for ``reader``, whose own browser is marked and comes first."""
    has_zones = bool(current_app.config["PRIVATE_NETWORKS"])
    shown = len(browsers.sessions)
    more = _("The %(shown)s that were used last are shown.", shown=number(shown)) if shown < browsers.count else None
    rows = [_row(session, session.id == reader.session.id, has_zones) for session in browsers.sessions]
    return BrowserList(
        rows=sorted(rows, key=lambda row: not row.is_this),
        count=browsers_in_words(browsers.count),
        more=more,
        has_zones=has_zones,
    )


def browsers_in_words(count: int) -> str:
    """How many, such as 2 browsers."""
    return str(ngettext("%(count)s browser", "%(count)s browsers", count, count=number(count)))


def browser_in_words(user_agent: str) -> str:
    """What a browser is called, such as Chrome on Windows."""
    name = named(user_agent)
    if name.browser and name.system:
        return _("%(browser)s on %(system)s", browser=name.browser, system=name.system)
    if name.system:
        return _("Unknown browser on %(system)s", system=name.system)
    return name.browser or _("Unknown browser")


def _row(session: Session, is_this: bool, has_zones: bool) -> Row:
    zones = {Zone.INTERNET.value: _("Internet"), Zone.PRIVATE.value: _("Your organisation's network")}
    return Row(
        number=session.id,
        name=browser_in_words(session.browser),
        address=Markup(":<wbr>").join(session.address.split(":")),
        zone=zones.get(session.zone, session.zone) if has_zones else None,
        started=time_element(session.started_at),
        used=time_element(session.last_used_at),
        is_this=is_this,
    )
