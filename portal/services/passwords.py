"""Hashing: Argon2id, one hash at a time a core, and the same cost for an account that does not exist (ASVS 11.4.2)."""

import os
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import HashingError, InvalidHashError, VerificationError, VerifyMismatchError

from portal.domain.passwords import normalised
from portal.errors import Unavailable

HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

_turn = BoundedSemaphore(os.cpu_count() or 1)


def hash_of(text: str) -> str:
    """The hash to store, of the password in the form in which it is compared: guesses are normalised too.

    Raises Unavailable when there is no memory for it.
    """
    with _turn:
        try:
            return HASHER.hash(normalised(text))
        except HashingError as error:
            raise Unavailable from error


def matches(stored: str | None, text: str) -> bool:
    """Whether ``text`` is what was hashed. Without a stored hash the same work is done, and the answer is no.

    Raises Unavailable when it could not be found out: no memory is no wrong password (ASVS 16.5.3).
    """
    with _turn:
        try:
            return HASHER.verify(stored or _nobodys_hash(), text) and stored is not None
        except (InvalidHashError, VerifyMismatchError):
            return False
        except (VerificationError, HashingError) as error:
            raise Unavailable from error


def is_outdated(stored: str) -> bool:
    """Whether the parameters have risen since this was hashed, or it is no hash of ours at all."""
    try:
        return HASHER.check_needs_rehash(stored)
    except InvalidHashError:
        return True


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return HASHER.hash(os.urandom(16).hex())
