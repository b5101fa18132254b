"""The pages of My account: the way between them, and what the first one says of each."""

from flask import request, url_for
from flask_babel import gettext as _

from portal.blueprints.browser_list import browsers_in_words
from portal.filters import time_element
from portal.models import Account
from portal.services import signed_in_browsers

Entry = dict[str, object]


def pages() -> list[Entry]:
    """The pages of My account, in their order; the present one says so."""
    listed = [
        (_("Overview"), url_for("account.index")),
        (_("Password"), url_for("account.password")),
        (_("Where you are signed in"), url_for("account.sessions")),
    ]
    return [{"text": text, "href": href, "current": request.path == href} for text, href in listed]


def ones_own(account: Account) -> list[Entry]:
    """Who this is, as the portal knows them."""
    person = account.person
    return [
        {"key": _("Full Name"), "value": person.full_name},
        {"key": _("User Name"), "value": account.username},
        {"key": _("Organisation"), "value": f"{person.organisation.code} {person.organisation.name}"},
        {"key": _("Primary Email Address"), "value": person.primary_email or _("None")},
        {"key": _("Primary Phone Number"), "value": person.primary_phone or _("None")},
    ]


def safety(account: Account) -> list[Entry]:
    """What keeps others out, each with the page on which it is looked after."""
    here = _("in %(browsers)s", browsers=browsers_in_words(signed_in_browsers.count(account)))
    never = _("None")
    return [
        _entry(
            _("Password Last Changed"),
            time_element(account.password_changed_at) or never,
            {"text": _("Change"), "hidden": _("your password"), "href": url_for("account.password")},
        ),
        _entry(
            _("Signed in"),
            here,
            {"text": _("Look"), "hidden": _("where you are signed in"), "href": url_for("account.sessions")},
        ),
        _entry(_("Last Successful Login"), time_element(account.last_sign_in_at) or never),
        _entry(_("Previous Login"), time_element(account.previous_sign_in_at) or never),
    ]


def _entry(key: str, value: object, *actions: dict[str, str]) -> Entry:
    return {"key": key, "value": value, "actions": list(actions)}
