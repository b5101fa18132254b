"""How the demonstration's roles and letters read on a page."""

import re
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.domain.roles import Role

_ADDRESS = re.compile(r"(https?://[^\s<>\"]+)")


@dataclass(frozen=True)
class Piece:
    """A piece of a letter's text; a link leads where it says."""

    text: str
    is_link: bool


def role_label(role: str) -> str:
    """A role as the pages name it; anything but a role is an employee."""
    labels = {
        Role.PASSWORD_RESET_OPERATOR: _("Local User Password Reset"),
        Role.LOCAL_ADMINISTRATOR: _("Local System Administrator"),
        Role.REGIONAL_ACCOUNT_MANAGER: _("Functional Account Manager"),
        Role.CENTRAL_ADMINISTRATOR: _("Central administrator"),
    }
    return labels.get(Role(role)) or "" if role in set(Role) else _("Employee")


def pieces_of(text: str) -> list[Piece]:
    """Plain text, cut before and after each web address that stands in it."""
    return [Piece(piece, is_link=number % 2 == 1) for number, piece in enumerate(_ADDRESS.split(text))]
