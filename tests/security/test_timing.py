"""No enumeration by time: whoever is named, an answer takes as long (ASVS 6.3.8).

TIMING_PAIRS blocks of every class are compared pair by pair; from 500 on they must agree to the millisecond (`make
test-timing PAIRS=1000`), the small version sees a hash that is left out. The last test takes one out, and is told so.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import pytest

from portal.services import passwords
from tests.security.whoever import WRONG, Asked, People, askers, failing_sign_ins
from tests.support import launched, timing
from tests.support.mail_faults import SILENCE, MailServer, Script
from tests.support.server import Portal
from tests.support.timing import Difference, Stopwatch

pytestmark = [pytest.mark.alone, pytest.mark.any_database]

PAIRS = int(os.environ.get("TIMING_PAIRS", "16"))
"""How many blocks are compared; `make test-timing PAIRS=` sets it."""
STRICT = PAIRS >= 500
DISCARDED = 50 if STRICT else 3
MEDIAN_MS, INTERVAL_MS = 1.0, 2.0
"""What nobody tells apart over a network, and what a thousand pairs show on loopback."""

Ask = Callable[..., float]


def sign_in(watch: Stopwatch, username: str, password: str) -> float:
    return watch.ask("/sign-in", "/sign-in", {"username": username, "password": password}, 422)


def recover(watch: Stopwatch, identifier: str) -> float:
    return watch.ask("/recover", "/recover?need=password", {"identifier": identifier, "need": "password"}, 303)


def measured(portal: Portal, ask: Ask, asked: Asked, people: People, pairs: int = PAIRS) -> list[Difference]:
    """Every pair of classes, the most different first."""
    with closing(Stopwatch(portal.port)) as watch:
        classes = {kind: partial(ask, watch, *typed) for kind, typed in asked.items()}
        taken = timing.measure(classes, pairs, DISCARDED, people.make_ready)
    found = sorted(timing.differences(taken), key=lambda each: -abs(each.median))
    print(f"{pairs} blocks", *found, sep="\n")
    return found


def hash_ms() -> float:
    """What a hash takes on this machine."""
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        passwords.matches(None, WRONG)
        seconds.append(time.perf_counter() - began)
    return min(seconds) * 1000


def told_apart(found: list[Difference]) -> list[str]:
    """Strict: what more than a network's own noise could hide. Else: what is about as much as a hash left out."""
    if STRICT:
        return [str(each) for each in found if abs(each.median) > MEDIAN_MS or each.reaches_beyond(INTERVAL_MS)]
    half = hash_ms() / 2
    return [str(each) for each in found if each.sign < 1e-4 and each.is_beyond(half)]


def test_no_failing_sign_in_takes_longer_than_another(portal: Portal, people: People) -> None:
    asked = failing_sign_ins(people)
    portal.serve()
    assert told_apart(measured(portal, sign_in, asked, people)) == []


def mail_is_delivered(_stage: str, _recipient: str) -> None:
    """The mail server does what it should."""


def mail_is_swallowed(stage: str, _recipient: str) -> str | None:
    """It takes the connection, and says nothing ever."""
    return SILENCE if stage == "connect" else None


@pytest.mark.parametrize("script", [mail_is_delivered, mail_is_swallowed, None], ids=["up", "silent", "refusing"])
def test_no_request_for_recovery_takes_longer_than_another(
    portal: Portal, people: People, mail_server: MailServer, script: Script | None
) -> None:
    if script is None:
        mail_server.__exit__(None, None, None)
    else:
        mail_server.script = script
    asked = askers(people)
    portal.serve()
    portal.worker()
    assert told_apart(measured(portal, recover, asked, people)) == []


def test_a_hash_left_out_for_unknown_names_would_be_noticed(portal: Portal, people: People) -> None:
    """What passes above means something: the same measurement tells of the control that is taken out here."""
    asked = {"unknown name": ("42061person99", WRONG), "wrong password": (str(people.add().username), WRONG)}
    portal.before = launched.WITHOUT_DUMMY_HASH
    portal.serve()
    assert len(told_apart(measured(portal, sign_in, asked, people, pairs=30))) == 1
