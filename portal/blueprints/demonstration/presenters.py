"""How the demonstration's roles and letters read on a page."""

import re
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.blueprints.role_words import ROLES

_ADDRESS = re.compile(r"(https?://[^\s<>\"]+)")


@dataclass(frozen=True)
class Piece:
    """A piece of a letter's text; a link leads where it says."""

    text: str
    is_link: bool


def role_label(role: str) -> str:
    """A role as the pages name it; anything but a role is an employee."""
    return str(ROLES.get(role) or _("Employee"))


def pieces_of(text: str) -> list[Piece]:
    """Plain text, cut before and after each web address that stands in it."""
    return [Piece(piece, is_link=number % 2 == 1) for number, piece in enumerate(_ADDRESS.split(text))]
