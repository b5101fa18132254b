"""Hashing: Argon2id, one hash at a time a core, and the same cost for an account that does not exist (ASVS 11.4.2)."""

import os
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.domain.passwords import normalised

HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

_turn = BoundedSemaphore(os.cpu_count() or 1)


def hash_of(text: str) -> str:
    """The hash to store, of the password in the form in which it is compared: guesses are normalised too."""
    with _turn:
        return HASHER.hash(normalised(text))


def matches(stored: str | None, text: str) -> bool:
    """Whether ``text`` is what was hashed. Without a stored hash the same work is done, and the answer is no."""
    with _turn:
        try:
            return HASHER.verify(stored or _nobodys_hash(), text) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Whether the parameters have risen since this was hashed."""
    return HASHER.check_needs_rehash(stored)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return HASHER.hash(os.urandom(16).hex())
