"""The pages, one folder an area."""

from dataclasses import dataclass

from flask import Flask, current_app, g, url_for
from flask_login import current_user

from portal import notices
from portal.blueprints import (
    account,
    contacts,
    demonstration,
    find_administrator,
    navigation,
    operations,
    organisation,
    sign_in,
)
from portal.services import outbox


@dataclass(frozen=True)
class Brand:
    """What the layouts show of who runs the portal."""

    name: str
    logo_url: str | None
    support_email: str | None


def init_app(app: Flask) -> None:
    """Register every area, and the few names that the layouts need on each page."""
    for area in (operations, sign_in, account, find_administrator, contacts, organisation, demonstration):
        app.register_blueprint(area.blueprint)
    app.context_processor(layout_context)


def layout_context() -> dict[str, object]:
    """What the layouts use, on every page; after a failure of ours nothing is looked up: it may be the database's."""
    settings = current_app.config
    known = g.get("error_page", 0) < 500 and current_user.is_authenticated
    signed_in = known and not current_user.is_enrolling
    return {
        "brand": Brand(settings["BRAND_NAME"], settings["BRAND_LOGO"], settings["SUPPORT_EMAIL"]),
        "navigation": navigation.menus(current_user) if signed_in else [],
        "signed_in_name": current_user.account.person.full_name if known else None,
        "breadcrumbs": [],
        "notice": notices.notice,
        "mail_waits_since": outbox.waiting_since if signed_in and current_user.is_administrator else _no_moment,
        "home_url": url_for("sign_in.home"),
    }


def _no_moment() -> None:
    """What concerns administrators is looked up for nobody else."""
