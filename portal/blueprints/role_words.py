"""The roles by the labels that their users know."""

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.domain.roles import Role

ROLES: dict[str, LazyString] = {
    Role.PASSWORD_RESET_OPERATOR: _("Local User Password Reset"),
    Role.LOCAL_ADMINISTRATOR: _("Local System Administrator"),
    Role.REGIONAL_ACCOUNT_MANAGER: _("Functional Account Manager"),
    Role.CENTRAL_ADMINISTRATOR: _("Central administrator"),
}
