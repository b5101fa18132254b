"""Rules for passwords (NIST SP 800-63B-4 3.1.1.2, ASVS 6.2) and the form of temporary ones."""

import unicodedata
from enum import StrEnum
from threading import Lock

from anyascii import anyascii
from zxcvbn import zxcvbn

from portal.domain.search_terms import fold

LONGEST = 128
JUDGED_CHARACTERS = 100
LEAST_SCORE = 3
LEAST_BESIDE_OWN_WORDS = 4
"""Different letters that a password has beside its owner's name, employer and the like: a year behind a name, or a row
of one letter, is soon guessed."""

SUBSTITUTES = frozenset("4@8({[<3691!|70$5+%2")
MOST_SUBSTITUTES = 8
"""Different characters that zxcvbn reads as letters too. Its work doubles with each one: with all of them, a hundred
characters take it a quarter of a minute."""

_one_at_a_time = Lock()
"""zxcvbn keeps the words of the present call in a table that all calls share."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capital letters without I, L, O, U: nothing that is mistaken for another (Crockford's base 32)."""

TEMPORARY_BITS = 60
TEMPORARY_CHARACTERS = 12
_LOOK_ALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", "U": "V", " ": None, "-": None, "‐": None, "–": None})


class Weakness(StrEnum):
    """Why a password is refused."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    GUESSABLE = "guessable"
    OWN_WORDS = "own-words"


def normalised(password: str) -> str:
    """The form that is hashed: NFC, so that every keyboard's way of writing an accent is the same password."""
    return unicodedata.normalize("NFC", password)


def missing(password: str, shortest: int) -> int:
    """How many characters more ``password`` needs; none, or fewer, when it is long enough."""
    return shortest - len(normalised(password))


def weakness(password: str, own_words: list[str], shortest: int) -> Weakness | None:
    """Why ``password`` is refused, or None. ``own_words`` are the person's, the organisation's and the product's."""
    text = normalised(password)
    if missing(text, shortest) > 0:
        return Weakness.TOO_SHORT
    if len(text) > LONGEST:
        return Weakness.TOO_LONG
    words = [word for known in own_words for word in (known, known.replace(" ", ""), *known.split()) if len(word) > 2]
    if _is_of_own_words(text, words):
        return Weakness.OWN_WORDS
    with _one_at_a_time:
        judged = zxcvbn(_judged_part(text), user_inputs=words, max_length=JUDGED_CHARACTERS)
    return Weakness.GUESSABLE if judged["score"] < LEAST_SCORE else None


def _is_of_own_words(text: str, own_words: list[str]) -> bool:
    """Whether hardly a letter is left of ``text`` without its owner's own words, written together or apart."""
    letters = left = _letters(text)
    for word in sorted(map(_letters, own_words), key=len, reverse=True):
        if len(word) > 2:
            left = left.replace(word, "")
    return left != letters and len(set(filter(str.isalpha, left))) < LEAST_BESIDE_OWN_WORDS


def _letters(text: str) -> str:
    """Letters and digits alone, as somebody would type them who has no accents on the keyboard."""
    return "".join(character for character in anyascii(fold(text)).lower() if character.isalnum())


def _judged_part(text: str) -> str:
    """What is judged: the beginning, with at most so many characters that can be read in two ways."""
    kept: dict[str, str] = {}
    for character in text[:JUDGED_CHARACTERS]:
        many = character in SUBSTITUTES and len(SUBSTITUTES & kept.keys()) >= MOST_SUBSTITUTES
        kept.setdefault(character, "~" if many else character)
    return "".join(kept[character] for character in text[:JUDGED_CHARACTERS])


def temporary_text(number: int) -> str:
    """Sixty bits as three groups of four: ``XXXX-XXXX-XXXX``."""
    symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(TEMPORARY_BITS - 5, -1, -5))
    return "-".join(symbols[start : start + 4] for start in (0, 4, 8))


def temporary_normalised(typed: str) -> str:
    """A temporary password as typed, in the form that is hashed: case, spaces, hyphens, look-alikes do not matter."""
    return unicodedata.normalize("NFKC", typed).upper().translate(_LOOK_ALIKES)
