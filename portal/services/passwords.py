"""Hashing: Argon2id, one hash at a time a core, and the same cost for an account that does not exist (ASVS 11.4.2)."""

import os
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher, extract_parameters
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
        except InvalidHashError:
            return False
        except VerifyMismatchError:
            if stored:
                _do_the_rest(stored, text)
            return False
        except (VerificationError, HashingError) as error:
            raise Unavailable from error


def is_outdated(stored: str) -> bool:
    """Whether the parameters have risen since this was hashed."""
    return HASHER.check_needs_rehash(stored)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return HASHER.hash(os.urandom(16).hex())


def _do_the_rest(stored: str, text: str) -> None:
    """A hash of lower parameters was too little work: no answer comes sooner for it (ASVS 6.3.8)."""
    then = extract_parameters(stored)
    missing = HASHER.memory_cost * HASHER.time_cost - then.memory_cost * then.time_cost
    if missing > 0:
        memory = max(missing // HASHER.time_cost, 8 * HASHER.parallelism)
        PasswordHasher(HASHER.time_cost, memory_cost=memory, parallelism=HASHER.parallelism).hash(text)
