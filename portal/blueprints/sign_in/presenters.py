"""Words that depend on what somebody needs."""

from flask_babel import gettext as _

from portal.services.recovery import Need


def recover_heading(need: str | None) -> str:
    """The page's heading: one page under three names."""
    headings: dict[str, str] = {
        Need.USERNAME: _("Request your username"),
        Need.PASSWORD: _("Forgotten password"),
        Need.UNLOCK: _("Unlock your account"),
    }
    return headings.get(need or "") or str(_("Get back into your account"))
