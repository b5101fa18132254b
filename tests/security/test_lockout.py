"""The lockout over HTTP, from both zones: its beginning, whom it keeps out, what ends it (NIST SP 800-63B-4 3.2.2)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.lockout import FAILURES_THAT_DISABLE
from portal.extensions import db
from portal.models import Account, OutboxMessage
from tests.factories import PASSWORD
from tests.reliability.conftest import CODE, Trust
from tests.security.whoever import WRONG
from tests.support import launched
from tests.support.mail_faults import MailServer
from tests.support.server import Portal
from tests.support.visitor import TOKEN, Visitor
from tests.support.waiting import wait_until

CHOSEN = "walnut harbour kettle"
ADDRESSES = {"internet": "127.0.0.1", "private": "127.0.0.77"}


@dataclass
class Gate:
    """A started portal with two zones and cheap hashes, a browser in each zone, and an administrator."""

    portal: Portal
    trust: Trust
    browsers: dict[str, Visitor] = field(default_factory=dict)

    def guess(self, username: str, password: str, zone: str = "internet") -> httpx.Response:
        browser = self.browsers[zone]
        browser.http.cookies.clear()
        browser.get("/sign-in")
        return browser.send("/sign-in", {"username": username, "password": password}, expect=None)

    def fail(self, username: str, times: int, zone: str = "internet") -> None:
        for _ in range(times):
            assert self.guess(username, WRONG, zone).status_code == 422

    def lets_in(self, username: str, password: str = PASSWORD, zone: str = "internet") -> bool:
        return self.guess(username, password, zone).status_code == 303

    def account(self, username: str) -> Account:
        db.session.rollback()
        return db.session.scalars(select(Account).where(Account.username == username)).one()

    def mails(self, username: str, kind: str) -> int:
        mine = select(OutboxMessage).where(
            OutboxMessage.account_id == self.account(username).id, OutboxMessage.kind == kind
        )
        return len(db.session.scalars(mine).all())


@pytest.fixture
def gate(portal: Portal, trust: Trust) -> Iterator[Gate]:
    portal.settings |= {"RATE_LIMITS": False, "PRIVATE_NETWORKS": [f"{ADDRESSES['private']}/32"]}
    portal.before = launched.WITH_CHEAP_HASHES
    portal.serve()
    ways = {zone: httpx.HTTPTransport(local_address=address) for zone, address in ADDRESSES.items()}
    with portal.database():
        made = Gate(portal, trust, {zone: Visitor(portal.url, way=way) for zone, way in ways.items()})
        yield made
        for browser in made.browsers.values():
            browser.close()


def names(trust: Trust, count: int) -> list[str]:
    return [trust.usernames[ess_id] for ess_id in trust.add(count, AccountState.ACTIVE, "Vera")]


@pytest.mark.parametrize(("zone", "limit"), [("internet", 3), ("private", 5)])
def test_one_below_the_limit_lets_the_right_password_in_and_the_limit_does_not(
    gate: Gate, zone: str, limit: int
) -> None:
    lucky, locked, other = names(gate.trust, 3)
    gate.fail(lucky, limit - 1, zone)
    assert gate.lets_in(lucky, zone=zone)
    assert (gate.account(lucky).failures, gate.account(lucky).state) == (0, AccountState.ACTIVE)
    gate.fail(lucky, limit - 1, zone)
    assert gate.lets_in(lucky, zone=zone), "a success sets the counter to zero"
    gate.fail(locked, limit, zone)
    assert not any(gate.lets_in(locked, zone=each) for each in ADDRESSES)
    assert (gate.account(locked).failures, gate.account(locked).state) == (limit, AccountState.LOCKED)
    assert gate.lets_in(other, zone=zone), "nobody else is kept out"


def test_the_zone_of_the_present_attempt_decides_over_one_counter(gate: Gate) -> None:
    (vera,) = names(gate.trust, 1)
    gate.fail(vera, 2, "internet")
    gate.fail(vera, 2, "private")
    assert gate.account(vera).state is AccountState.ACTIVE
    gate.fail(vera, 1, "internet")
    assert (gate.account(vera).state, gate.account(vera).failures) == (AccountState.LOCKED, 5)


@pytest.mark.any_database
def test_five_hundred_attempts_while_locked_get_one_answer_count_nowhere_and_mail_nothing(gate: Gate) -> None:
    (vera,) = names(gate.trust, 1)
    gate.fail(vera, 3)
    answers = set()
    for number in range(500):
        answer = gate.guess(vera, WRONG if number % 2 else PASSWORD, "private" if number % 3 else "internet")
        token = TOKEN.search(answer.text)
        assert token is not None
        answers.add((answer.status_code, answer.text.replace(token.group(1), ""), tuple(answer.headers.keys())))
    assert len(answers) == 1
    account = gate.account(vera)
    assert (account.failures, account.failures_total, account.state) == (3, 3, AccountState.LOCKED)
    assert gate.mails(vera, "locked") == 1


def test_a_hundred_failures_across_unlocks_disable_the_password_until_it_is_reset(
    gate: Gate, mail_server: MailServer
) -> None:
    (ess_id,) = gate.trust.add(1, AccountState.ACTIVE, "Vera")
    vera, panel = gate.trust.usernames[ess_id], f"/organisations/{CODE}/contacts/{ess_id}"
    lena = Visitor(gate.portal.url)
    lena.sign_in(gate.trust.administrator, PASSWORD)
    while gate.account(vera).failures_since_success < FAILURES_THAT_DISABLE:
        gate.fail(vera, min(3, FAILURES_THAT_DISABLE - gate.account(vera).failures_since_success))
        if gate.account(vera).failures_since_success < FAILURES_THAT_DISABLE:
            lena.send(f"{panel}/unlock")
    assert gate.account(vera).failures == 1, "what locked was the hundredth, not the third in a row"
    assert gate.account(vera).state is AccountState.LOCKED
    assert not any(gate.lets_in(vera, zone=zone) for zone in ADDRESSES)
    lena.send(f"{panel}/unlock", expect=409)
    lena.close()
    gate.portal.worker()
    reader = Visitor(gate.portal.url)
    reader.get("/recover?need=unlock")
    reader.send("/recover", {"identifier": vera, "need": "unlock"})
    wait_until(lambda: "password-reset" in [mail.kind for mail in mail_server.messages], "the link arrives")
    reader.get(next(mail.link for mail in mail_server.messages if mail.kind == "password-reset"), expect=303)
    reader.get("/recover/new-password")
    reader.send("/recover/new-password", {"password": CHOSEN, "password_again": CHOSEN})
    reader.close()
    assert gate.lets_in(vera, CHOSEN)
    assert not gate.lets_in(vera, PASSWORD)
