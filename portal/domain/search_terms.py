"""Words in, words compared: how text is folded so that case, accents, apostrophes and punctuation do not matter."""

import re
import unicodedata

from anyascii import anyascii

_APOSTROPHES = re.compile("['`´ʹʻʼʽˈ‘’‛′＇]")
_NOT_WORD = re.compile(r"[^\w]+")


def fold(text: str) -> str:
    """The form in which text is compared: no case, accents or apostrophes, single spaces between words."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    folded = _APOSTROPHES.sub("", bare).casefold()
    folded = _NOT_WORD.sub(" ", folded).replace("_", " ")
    return unicodedata.normalize("NFC", " ".join(folded.split()))


def words_of(text: str) -> list[str]:
    """The folded words of a query, in their order."""
    return fold(text).split()


def initial_of(name: str) -> str:
    """The letter from A to Z under which a name stands; ``#`` for a name that begins with none."""
    first = anyascii(fold(name)[:1])[:1].upper()
    return first if "A" <= first <= "Z" else "#"


def like_pattern(text: str, *, start: bool = False) -> str:
    r"""A LIKE pattern that finds ``text`` itself: wildcards are escaped with ``\``."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%" if start else f"%{escaped}%"
