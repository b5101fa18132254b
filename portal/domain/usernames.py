"""How usernames are made: organisation code, initial, surname, number; ASCII, lower case."""

import re

from anyascii import anyascii

LONGEST_BASE = 60
_NOT_CODE = re.compile(r"[^a-z0-9]+")
_NOT_LETTER = re.compile(r"[^a-z]+")


def code_prefix(code: str) -> str:
    """The part of a username that points to its organisation."""
    return _NOT_CODE.sub("", anyascii(code).lower())


def username_base(code: str, first_name: str, last_name: str) -> str:
    """A username without its number. Names in other scripts are written in Latin letters."""
    initial = _NOT_LETTER.sub("", anyascii(first_name).lower())[:1]
    surname = _NOT_LETTER.sub("", anyascii(last_name).lower())
    return f"{code_prefix(code)}{initial or 'x'}{surname or 'x'}"[:LONGEST_BASE]
