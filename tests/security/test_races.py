"""Requests released at one moment get no more out of it than one after the other (ASVS 15.4.2, 2.3.4, 6.5.1).

Each test runs RACE_ROUNDS rounds against two processes; in the long version, `make test-races ROUNDS=200`, half of them
against one. What counts is the audit trail, the sessions and the account's row, never a status alone.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import (
    Account,
    AuditEntry,
    KnownBrowser,
    Organisation,
    OutboxMessage,
    RecoveryLink,
    Session,
    SignInReservation,
)
from portal.services import passwords, recovery, tokens
from portal.services.recovery import Need
from portal.transactions import write
from tests import factories
from tests.factories import PASSWORD, TEMPORARY_PASSWORD
from tests.reliability import ledger
from tests.support import launched, race
from tests.support.databases import Databases, SqliteFiles
from tests.support.race import Answer, Request
from tests.support.server import Portal
from tests.support.visitor import Visitor

RACE_ROUNDS = int(os.environ.get("RACE_ROUNDS", "1"))
"""How often each race is run; `make test-races ROUNDS=` sets it."""
PROCESSES = [2] if RACE_ROUNDS < 10 else [1, 2]
ROUNDS = RACE_ROUNDS // len(PROCESSES)

S = AccountState
INTERNET, PRIVATE = "127.0.0.1", "127.0.0.77"
LIMITS = {"internet": 3, "private": 5}
WRONG = "not the password"
CHECKS = "checks"
HAVE_A_PASSWORD = (S.ACTIVE, S.LOCKED, S.UNLOCK_PENDING)


@dataclass
class Course:
    """A started portal, its rows, and two browsers: a stranger's, and one of somebody who administers."""

    portal: Portal
    app: Flask
    trust: Organisation
    stranger: Visitor
    lena: Visitor
    initial: dict[int, AccountState] = field(default_factory=dict)
    count: int = 0

    def add(self, state: AccountState = S.ACTIVE) -> Account:
        """Somebody new in a state."""
        self.count += 1
        hashed = {"password_hash": passwords.hash_of(PASSWORD)} if state in HAVE_A_PASSWORD else {}
        # Whoever gets a username from the product has another name than those who got theirs, with a number, from here.
        name = "Nora Newcomer" if state is S.NOT_REGISTERED else f"Robin Racer{self.count}"
        email = f"racer{self.count}@coe.example"
        account = factories.person(self.trust, name, email=email, types=["admin"], state=state, account=hashed).account
        self.initial[account.id] = account.state
        return account

    def guess(self, account: Account, password: str = WRONG, address: str = INTERNET) -> Request:
        fields = {"username": account.username or "", "password": password}
        return race.form_of(self.stranger, "/sign-in", fields, address)

    def click(self, account: Account, action: str) -> Request:
        """The administrator presses a button of the panel."""
        return race.form_of(
            self.lena, f"/organisations/{self.trust.code}/contacts/{account.person.ess_id}/{action}", {}
        )

    def checked(self, account: Account) -> int:
        """How many guesses were checked against the account's password, whatever came of it."""
        return (self.portal.folder / CHECKS).read_text().splitlines().count(account.password_hash)

    def release(self, requests: list[Request]) -> list[Answer]:
        """Let all of them go; afterwards the rows are read as they are then."""
        db.session.rollback()
        answers = race.released(self.portal.port, requests)
        assert not [answer for answer in answers if answer.status >= 500]
        db.session.rollback()
        db.session.expire_all()
        return answers


@pytest.fixture(scope="module", params=PROCESSES, ids="processes {}".format)
def course(
    request: pytest.FixtureRequest, databases: Databases, house: Flask, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Course]:
    """One server for all races of its kind: each of them brings people of its own."""
    folder = tmp_path_factory.mktemp("races")
    if isinstance(databases, SqliteFiles):
        portal = Portal(folder)
        portal.migrate()
    else:
        databases.empty(house)
        portal = Portal(folder, databases.uri)
    portal.before = launched.with_noted_checks(folder / CHECKS)
    portal.settings |= {"RATE_LIMITS": False, "PRIVATE_NETWORKS": [f"{PRIVATE}/32"]}
    try:
        with portal.database() as app:
            trust = factories.organisation("42061", "COUNTY OFFICE OF EDUCATION", domains=["coe.example"])
            boss = factories.person(trust, "Lena Administrator")
            factories.grant(boss, Role.LOCAL_ADMINISTRATOR, organisation=trust)
            portal.serve("--workers", str(request.param))
            stranger, lena = Visitor(portal.url), Visitor(portal.url)
            stranger.get("/sign-in")
            lena.sign_in(boss.account.username or "", PASSWORD)
            yield Course(portal, app, trust, stranger, lena)
            stranger.close()
            lena.close()
    finally:
        portal.end()


def trail(account: Account) -> list[AuditEntry]:
    mine = select(AuditEntry).where(AuditEntry.person_id == account.person_id).order_by(AuditEntry.id)
    return list(db.session.scalars(mine))


def happened(account: Account) -> Counter[str]:
    return Counter(entry.event for entry in trail(account))


def sessions_of(account: Account) -> int:
    lasting = select(func.count()).where(Session.account_id == account.id, Session.ended_at.is_(None))
    return db.session.scalar(lasting) or 0


def mails_to(account: Account) -> Counter[str]:
    return Counter(db.session.scalars(select(OutboxMessage.kind).where(OutboxMessage.account_id == account.id)))


def read_guesses(account: Account) -> tuple[int, int, int, bool]:
    """Failures at the end, guesses found wrong, guesses let in, and whether it is locked, as the trail tells it.

    Raises AssertionError for a trail that guesses one after the other could not have left.
    """
    failures = evaluated = admitted = 0
    locked = False
    for entry in trail(account):
        match entry.event:
            case "account:sign-in:failed":
                assert not locked, "a guess was checked after the lock"
                failures, evaluated = failures + 1, evaluated + 1
                assert entry.details["failures"] == failures, "a failure was lost, or counted twice"
                assert failures < LIMITS[entry.zone] or is_followed_by_lock(entry)
            case "account:lock:locked":
                assert failures >= LIMITS[entry.zone], "it locked too early"
                locked = True
            case "account:sign-in:succeeded":
                assert not locked, "somebody got in past the lock"
                failures, admitted = 0, admitted + 1
            case other:
                assert other == "account:sign-in:refused"
    return failures, evaluated, admitted, locked


def check_guesses(course: Course, account: Account, sent: int, right: int = 0) -> None:
    """What is left of guesses at once is what is left of them one after the other, and no more of them were checked.

    From the private zone more are let through; of those in hand when one from the internet locks, nobody is told.
    """
    failures, evaluated, admitted, locked = read_guesses(account)
    both_zones = len({entry.zone for entry in trail(account)}) == 2
    untold = course.checked(account) - evaluated - admitted
    assert 0 <= untold <= (LIMITS["private"] - evaluated if both_zones else 0), "guesses were checked for nothing"
    assert evaluated + admitted + happened(account)["account:sign-in:refused"] <= sent
    assert admitted <= right
    assert (account.failures, account.failures_total) == (failures, evaluated)
    assert account.state is (S.LOCKED if locked else S.ACTIVE)
    assert sessions_of(account) == admitted
    assert mails_to(account)["locked"] == locked
    assert db.session.scalar(select(func.count()).select_from(SignInReservation)) == 0


def is_followed_by_lock(failed: AuditEntry) -> bool:
    """Whether the failure that reached its zone's limit locked at once, in its own transaction."""
    after = select(AuditEntry.event).where(AuditEntry.person_id == failed.person_id, AuditEntry.id > failed.id)
    return db.session.scalars(after.order_by(AuditEntry.id).limit(1)).first() == "account:lock:locked"


@pytest.mark.parametrize(("address", "zone"), [(INTERNET, "internet"), (PRIVATE, "private")])
def test_of_fifty_guesses_at_once_no_more_than_the_limit_is_checked(course: Course, address: str, zone: str) -> None:
    for _ in range(ROUNDS):
        victim = course.add()
        guesses = [course.guess(victim, address=address) for _ in range(49)]
        guesses.insert(random.randint(0, 49), course.guess(victim, PASSWORD, address))
        answers = course.release(guesses)
        check_guesses(course, victim, sent=50, right=1)
        assert sum(answer.status == 303 for answer in answers) == sessions_of(victim)
        assert {entry.zone for entry in trail(victim)} == {zone}
        if not sessions_of(victim):
            assert happened(victim)["account:sign-in:failed"] == LIMITS[zone]


def test_guesses_from_five_addresses_and_both_zones_share_one_counter(course: Course) -> None:
    for _ in range(ROUNDS):
        victim = course.add()
        addresses = [f"127.0.0.{2 + number % 5}" for number in range(25)] + [PRIVATE] * 25
        random.shuffle(addresses)
        course.release([course.guess(victim, address=address) for address in addresses])
        check_guesses(course, victim, sent=50)
        assert 3 <= victim.failures <= 5
        strangers = course.add()
        course.release([course.guess(strangers, address=f"127.0.0.{2 + number % 5}") for number in range(20)])
        check_guesses(course, strangers, sent=20)
        assert strangers.failures == 3
        assert len({entry.address for entry in trail(strangers)}) > 1


def test_twenty_right_passwords_at_once_are_all_let_in(course: Course) -> None:
    for _ in range(ROUNDS):
        owner = course.add()
        answers = course.release([course.guess(owner, PASSWORD) for _ in range(20)])
        assert [answer.status for answer in answers] == [303] * 20
        check_guesses(course, owner, sent=20, right=20)
        assert (sessions_of(owner), owner.failures, owner.sign_ins) == (20, 0, 20)


def test_thirty_guesses_from_a_known_browser_at_once_are_no_more_than_its_own_limit(course: Course) -> None:
    for _ in range(ROUNDS):
        owner = course.add()
        browser = Visitor(course.portal.url)
        browser.sign_in(owner.username or "", PASSWORD)
        browser.send("/sign-out")
        course.release([course.guess(owner) for _ in range(3)])
        assert owner.state is S.LOCKED
        before = owner.failures_total
        browser.get("/sign-in")
        wrong = {"username": owner.username or "", "password": WRONG}
        course.release([race.form_of(browser, "/sign-in", wrong) for _ in range(30)])
        browser.close()
        known = db.session.scalars(select(KnownBrowser).where(KnownBrowser.account_id == owner.id)).one()
        assert (known.failures, known.void_at is not None) == (3, True)
        assert (owner.failures_total, owner.state) == (before + 3, S.LOCKED)
        assert happened(owner)["account:sign-in:failed"] == before + 3
        assert course.checked(owner) == 1 + before + 3
        assert sessions_of(owner) == 0
        assert mails_to(owner)["locked"] == 1


def mailed_token(account: Account) -> str:
    """The token of a link that was asked for and looked up as the product does."""
    with write():
        recovery.ask(account.username or "", Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink).where(RecoveryLink.account_id == account.id)).one()
    return tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)


def test_of_fifty_uses_of_one_link_at_once_one_counts(course: Course) -> None:
    for _ in range(ROUNDS):
        owner = course.add()
        reader = Visitor(course.portal.url)
        reader.get(f"/recover/{mailed_token(owner)}", expect=303)
        reader.get("/recover/new-password")
        chosen = [f"walnut harbour kettle {number}" for number in range(50)]
        uses = [
            race.form_of(reader, "/recover/new-password", {"password": words, "password_again": words})
            for words in chosen
        ]
        answers = course.release(uses)
        reader.close()
        assert Counter(answer.status for answer in answers) == {303: 1, 410: 49}
        assert happened(owner) == {"account:recovery:link-mailed": 1, "account:password:reset": 1}
        assert mails_to(owner) == {"password-reset": 1, "password-changed": 1}
        assert (owner.credential_version, sessions_of(owner)) == (2, 0)
        (winner,) = (words for words, answer in zip(chosen, answers, strict=True) if answer.status == 303)
        assert [answer.status for answer in course.release([course.guess(owner, winner)])] == [303]


def test_one_temporary_password_makes_one_password_of_ones_own(course: Course) -> None:
    for _ in range(ROUNDS):
        starter = course.add(S.REGISTRATION_PENDING)
        browsers = [Visitor(course.portal.url) for _ in range(6)]
        for browser in browsers:
            browser.try_to_sign_in(starter.username or "", TEMPORARY_PASSWORD)
            browser.get("/enrol")
        chosen = [f"walnut harbour kettle {number}" for number in range(24)]
        answers = course.release(
            [
                race.form_of(browsers[number % 6], "/enrol", {"password": words, "password_again": words})
                for number, words in enumerate(chosen)
            ]
        )
        for browser in browsers:
            browser.close()
        assert happened(starter)["account:registration:completed"] == 1
        assert (starter.state, starter.temporary_password_hash) == (S.ACTIVE, None)
        assert sessions_of(starter) == 1
        # Whoever comes too late is sent to where they sign in, and their password is none.
        assert all(answer.status == 303 for answer in answers)
        in_now = [number for number, answer in enumerate(answers) if "set-cookie: portal=" in answer.head.lower()]
        words = chosen[in_now[0]]
        assert [answer.status for answer in course.release([course.guess(starter, words)])] == [303]


@pytest.mark.parametrize(
    ("state", "action", "event", "kind"),
    [
        (S.NOT_REGISTERED, "register", "account:registration:registered", "registration"),
        (S.LOCKED, "unlock", "account:lock:unlocked", "unlocked"),
        (S.ACTIVE, "deactivate", "account:life:deactivated", None),
    ],
    ids=["register", "unlock", "deactivate"],
)
def test_clicks_at_once_are_one_move_and_one_mail(
    course: Course, state: AccountState, action: str, event: str, kind: str | None
) -> None:
    for _ in range(ROUNDS):
        somebody = course.add(state)
        answers = course.release([course.click(somebody, action) for _ in range(10)])
        assert Counter(answer.status for answer in answers) == {303: 1, 409: 9}
        assert happened(somebody) == {event: 1}
        assert mails_to(somebody) == ({kind: 1} if kind else {})


def test_guesses_that_meet_an_unlock_and_a_re_enrolment_leave_a_state_that_their_history_leads_to(
    course: Course,
) -> None:
    for _ in range(ROUNDS):
        victims = [course.add(state) for state in (S.LOCKED, S.ACTIVE, S.UNLOCK_PENDING)]
        requests = [course.guess(victim, words) for victim in victims for words in [WRONG] * 8 + [PASSWORD] * 2]
        requests += [course.click(victim, action) for victim in victims for action in ("unlock", "re-enrol") * 2]
        random.shuffle(requests)
        course.release(requests)
        for victim in victims:
            check_history(victim, course.initial[victim.id])


def check_history(account: Account, state: AccountState) -> None:
    """The account is what the trail of its moves leads to, and each move has its mail."""
    version = 1
    for entry in trail(account):
        state = ledger.LEADS_TO.get(entry.event, state)
        version += entry.event in ledger.NEW_CREDENTIALS
    assert (account.state, account.credential_version) == (state, version)
    moved, mailed = happened(account), mails_to(account)
    for event, kind in ledger.MAILS.items():
        assert moved[event] == mailed[kind], f"{moved[event]} times {event}, and {mailed[kind]} mails"
    pending, wrong_ones = state is S.REGISTRATION_PENDING, account.temporary_password_failures
    assert (account.temporary_password_hash is not None) == (pending and wrong_ones < 10)
    assert wrong_ones <= 10
    assert (account.password_hash is None) == pending
    assert (account.unlock_expires_at is not None) == (state is S.UNLOCK_PENDING)
