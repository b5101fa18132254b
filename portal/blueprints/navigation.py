"""The global navigation menu: what somebody signed in can go to."""

from flask import request, url_for
from flask_babel import gettext as _

from portal.domain.roles import WITHIN_ORGANISATION, Role
from portal.services.sessions import SignedIn

Menu = dict[str, object]


def menus(signed_in: SignedIn) -> list[Menu]:
    """The menus of the navigation bar, each with its items; an item that is the present page says so."""
    found: list[Menu] = []
    for grant in signed_in.grants:
        if grant.role in WITHIN_ORGANISATION and grant.organisation is not None:
            contacts = _item(_("Organisation contacts"), url_for("contacts.index", code=grant.organisation.code))
            found.append({"text": _("Organisation"), "items": [contacts]})
            break
    if signed_in.roles & {Role.REGIONAL_ACCOUNT_MANAGER, Role.CENTRAL_ADMINISTRATOR}:
        found.append(_item(_("Organisations"), url_for("contacts.organisations")))
    found.append(_item(_("Find your system administrator"), url_for("find_administrator.index")))
    return found


def _item(text: str, href: str) -> Menu:
    return {"text": text, "href": href, "current": request.path == href}
