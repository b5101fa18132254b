"""The forms in which a person's record is sorted and searched."""

import re
from collections.abc import Iterable

from anyascii import anyascii

from portal.domain.email_addresses import fold_email
from portal.domain.search_terms import fold, words_of

SORT_NAME_LENGTH = 320
SEARCH_TEXT_LENGTH = 1200
PHONE_TAIL = 7
"""Digits at the end of a phone number that are the same however it is dialled."""

_NOT_DIGIT = re.compile(r"\D+")
_PHONE = re.compile(r"[+\d\s()./-]+")


def sort_name(first: str, middle: str, last: str) -> str:
    """What lists are sorted by: the surname first, folded."""
    return fold(f"{last} {first} {middle}")[:SORT_NAME_LENGTH]


def sorted_types(types: Iterable[str]) -> str:
    """The contact types in their order: what the list's column is sorted by."""
    return " ".join(sorted(types))


def search_text(names: Iterable[str], addresses: Iterable[str], numbers: Iterable[str], phones: Iterable[str]) -> str:
    """What a search looks in: names folded, and in plain letters where that differs; addresses; numbers; digits."""
    name = " ".join(names)
    folded, plain = fold(name), fold(anyascii(name))
    parts = [
        folded,
        plain if plain != folded else "",
        *(fold_email(address) for address in addresses),
        *(fold(number) for number in numbers),
        *(_NOT_DIGIT.sub("", phone) for phone in phones),
    ]
    return " ".join(part for part in parts if part)[:SEARCH_TEXT_LENGTH]


def looked_for(query: str, most: int) -> list[str]:
    """The pieces of text that a search looks for, all of them; at most ``most`` words of the query are read.

    A phone number is looked for by its last digits, because it may be kept with the country's code or without.
    """
    digits = _NOT_DIGIT.sub("", query)
    if len(digits) >= PHONE_TAIL and _PHONE.fullmatch(query):
        return [digits[-PHONE_TAIL:]]
    found: list[str] = []
    for word in query.split()[:most]:
        found += [fold_email(word)] if "@" in word else words_of(word)
    return found
