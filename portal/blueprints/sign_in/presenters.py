"""Words that depend on settings or on what somebody needs."""

from flask import current_app
from flask_babel import gettext as _

from portal.services.recovery import Need


def lockout_rule() -> str:
    """How locking works, in one line."""
    settings = current_app.config
    if settings["PRIVATE_NETWORKS"]:
        return str(
            _(
                "An account locks after %(internet)s failed attempts from the internet, "
                "or %(private)s from your organisation's network.",
                internet=settings["LOCKOUT_INTERNET"],
                private=settings["LOCKOUT_PRIVATE"],
            )
        )
    return str(_("An account locks after %(number)s failed attempts.", number=settings["LOCKOUT_INTERNET"]))


def recover_heading(need: str | None) -> str:
    """The page's heading: one page under three names."""
    headings: dict[str, str] = {
        Need.USERNAME: _("Request your username"),
        Need.PASSWORD: _("Forgotten password"),
        Need.UNLOCK: _("Unlock your account"),
    }
    return headings.get(need or "") or str(_("Get back into your account"))
