"""The global navigation menu: what somebody signed in can go to."""

from flask import request, url_for
from flask_babel import gettext as _

from portal.domain.roles import GRANTS, WITHIN_ORGANISATION, Permission, Role
from portal.models import Organisation, RoleGrant
from portal.services.sessions import SignedIn

Menu = dict[str, object]


def menus(signed_in: SignedIn) -> list[Menu]:
    """The menus of the navigation bar, each with its items; an item that is the present page says so."""
    found: list[Menu] = []
    for grant in signed_in.grants:
        if grant.role in WITHIN_ORGANISATION and grant.organisation is not None:
            found.append({"text": _("Organisation"), "items": _of_organisation(grant)})
            break
    if signed_in.roles & {Role.REGIONAL_ACCOUNT_MANAGER, Role.CENTRAL_ADMINISTRATOR}:
        found.append(_item(_("Organisations"), url_for("contacts.organisations")))
    found.append(_item(_("Find your system administrator"), url_for("find_administrator.index")))
    return found


def _of_organisation(grant: RoleGrant) -> list[Menu]:
    code = grant.organisation.code if grant.organisation else ""
    items = [_item(_("Organisation contacts"), url_for("contacts.index", code=code))]
    if Permission.SEE_CONTACTS in GRANTS[grant.role]:
        if Permission.KEEP_CONTACTS in GRANTS[grant.role]:
            items.append(_item(_("Mass upload"), url_for("organisation.uploads", code=code)))
        items.append(_item(_("Activity"), url_for("organisation.activity", code=code)))
    return items


def breadcrumbs(organisation: Organisation) -> list[dict[str, str]]:
    """The way to a page about one organisation."""
    here = f"{organisation.code} {organisation.name}"
    return [
        {"text": _("Organisations"), "href": url_for("contacts.organisations")},
        {"text": here, "href": url_for("contacts.index", code=organisation.code)},
    ]


def _item(text: str, href: str) -> Menu:
    return {"text": text, "href": href, "current": request.path == href}
