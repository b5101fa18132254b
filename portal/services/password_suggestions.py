"""Words to choose as a password, drawn by chance. They are on the page that shows them and nowhere else."""

import secrets
from functools import lru_cache
from math import ceil

from xkcdpass import xkcd_password

from portal.domain import passwords

FEWEST_WORDS = 3
SHORTEST_WORD, LONGEST_WORD = 3, 9
LETTERS_TO_COUNT_ON = 6
"""Of a word and the space behind it: they have eight on the average."""


def words_for(shortest: int) -> int:
    """How many words a password of ``shortest`` characters takes: three, and more where much is asked for."""
    return max(FEWEST_WORDS, ceil(shortest / LETTERS_TO_COUNT_ON))


def suggestion(own_words: list[str], shortest: int) -> str:
    """Words that pass the rules for somebody with these ``own_words``.

    Three of 7,772 words are 38.7 random bits, from the operating system's generator; a draw that the rules refuse,
    which is rare, is drawn again. Whoever knows the list, and is locked out after a few guesses, gets nowhere with it;
    whoever stole the hashes needs a century of a core for one (NIST SP 800-63B-4 3.1.1.2).
    """
    while True:
        words = " ".join(secrets.choice(_word_list()) for _ in range(words_for(shortest)))
        if passwords.weakness(words, own_words, shortest) is None:
            return words


@lru_cache(maxsize=1)
def _word_list() -> list[str]:
    """The long list of the Electronic Frontier Foundation without its four words that are written with a hyphen."""
    file = xkcd_password.locate_wordfile("eff-long")
    return list(
        xkcd_password.generate_wordlist(file, min_length=SHORTEST_WORD, max_length=LONGEST_WORD, valid_chars="[a-z]")
    )
