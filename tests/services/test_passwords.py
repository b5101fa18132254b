"""Hashing: how many at a time, and the same work for nobody."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from portal.services import passwords


def test_equal_passwords_have_different_hashes_of_the_decided_kind():
    one, other = passwords.hash_of("copper lantern"), passwords.hash_of("copper lantern")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(one, "copper lantern")
    assert not passwords.matches(one, "copper lanterns")


def test_every_character_of_a_long_password_matters():
    stored = passwords.hash_of("x" * 127 + "y")
    assert passwords.matches(stored, "x" * 127 + "y")
    assert not passwords.matches(stored, "x" * 127 + "z")


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
def test_without_a_hash_the_answer_is_no(stored: str | None):
    assert not passwords.matches(stored, "anything")


def test_without_a_hash_the_work_is_the_same(monkeypatch: pytest.MonkeyPatch):
    verified = []

    class Watching:
        def __getattr__(self, name: str) -> object:
            if name == "verify":
                return lambda stored, text: verified.append(stored) or False
            return getattr(passwords.PasswordHasher(), name)

    monkeypatch.setattr(passwords, "HASHER", Watching())
    passwords.matches(None, "anything")
    passwords.matches("a hash", "anything")
    assert len(verified) == 2


def test_a_hash_of_lower_parameters_is_outdated():
    weaker = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("copper lantern")
    assert passwords.is_outdated(weaker)
    assert not passwords.is_outdated(passwords.hash_of("copper lantern"))
    assert passwords.is_outdated("not a hash")


def test_no_more_hashes_are_counted_at_once_than_there_are_cores(monkeypatch: pytest.MonkeyPatch):
    running, most, lock = 0, 0, Lock()

    class Slow:
        def hash(self, text: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.01)
            with lock:
                running -= 1
            return "hashed"

    monkeypatch.setattr(passwords, "HASHER", Slow())
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(passwords.hash_of, ["text"] * 32))
    assert most == (os.cpu_count() or 1)
