"""What guesses cost in tests: what they cost in production, unless a test says otherwise."""

import pytest
from argon2 import PasswordHasher


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id with the smallest parameters, for tests that hash dozens of times and show nothing about hashing.

    Only ``passwords.HASHER`` is another one: what uses it, and how often, stays the real thing. No refusal waits.
    """
    from portal.services import guesses, passwords

    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setattr(guesses, "REFUSAL_SECONDS", 0.0)
