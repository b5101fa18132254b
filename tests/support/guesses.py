"""Guesses as the sign-in page makes them, without the page: from an address, one after the other or many at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from flask import Flask, has_app_context

from portal.extensions import db
from portal.models import Person
from portal.services import sign_in
from portal.services.sign_in import Admitted
from tests.factories import PASSWORD

INTERNET, PRIVATE = "203.0.113.7", "10.1.2.3"
WRONG = "not the password"

T = TypeVar("T")


@pytest.fixture
def two_zones(app: Flask) -> None:
    """``PRIVATE`` is an address of the private zone."""
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]


def guess(
    app: Flask, identifier: str | None, password: str = PASSWORD, address: str = INTERNET, known: Sequence[str] = ()
) -> Admitted | None:
    """One guess, from a request of its own."""
    if has_app_context():
        db.session.rollback()
    with app.test_request_context("/sign-in", method="POST", environ_base={"REMOTE_ADDR": address}):
        return sign_in.attempt(identifier or "", password, known)


def fail(app: Flask, person: Person, times: int, address: str = INTERNET) -> None:
    """So many wrong guesses at somebody's account."""
    username = person.account.username
    for _ in range(times):
        assert guess(app, username, WRONG, address) is None


def at_once(tries: Sequence[Callable[[], T]], threads: int | None = None) -> list[T]:
    """What each of ``tries`` answers, when all are let go at the same moment; raises what one of them raises."""
    db.session.rollback()
    count = threads or len(tries)
    gate = Barrier(count)

    def run(index: int, attempt: Callable[[], T]) -> T:
        if index < count:
            gate.wait(30)
        return attempt()

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(run, index, attempt) for index, attempt in enumerate(tries)]
        return [done.result(120) for done in running]
