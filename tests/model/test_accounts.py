"""Lockout, tokens and sessions of the running server do what the reference says, step by step, whatever the order.

MODEL_STEPS steps, fifty a life; `make test-model STEPS=10000` is the long version. A failure prints its steps. Hashes
are cheap here, and the clock is the model's: nothing is shown about time or cost.
"""

import os
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from portal.domain.account_state import AccountState
from tests.factories import PASSWORD
from tests.model import reference
from tests.model.reference import Account, Browser, Link, Reference
from tests.model.world import CHOICE, Somebody, Window, World, world
from tests.support.mail_faults import MailServer
from tests.support.server import Portal

STEPS = int(os.environ.get("MODEL_STEPS", "50"))
"""How many steps; `make test-model STEPS=` sets it."""
STEPS_A_LIFE = 50
QUIET_STEPS = 20
"""Steps between one death or restart of the server and the next, because a start takes its time."""

WINDOWS, PEOPLE = st.integers(0, 2), st.integers(0, 1)
ZONES = st.sampled_from(["internet", "private"])
ASKED_FOR = {reference.NEW: "register", reference.LOCKED: "unlock", reference.GONE: "reactivate"}
SHORT = st.sampled_from([timedelta(minutes=minutes) for minutes in (1, 9, 10, 11, 29)])
LONG = st.sampled_from(
    [timedelta(minutes=minutes) for minutes in (30, 31, 59, 60, 61, 11 * 60, 12 * 60, 23 * 60 + 59, 24 * 60, 2880)]
)


class Lives(RuleBasedStateMachine):
    """Two people, three browsers, an administrator, and whoever asks for recovery."""

    world: ClassVar[World]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.reference = Reference(self.world.now)
        self.people: list[Somebody] = []
        self.accounts: list[Account] = []
        self.windows = [Window(self.world.portal.url) for _ in range(3)]
        self.browsers = [Browser() for _ in range(3)]
        self.tokens: dict[Link, str] = {}
        self.older: dict[Account, list[str]] = {}
        self.older_temporary: dict[Account, list[str]] = {}
        self.chosen = self.undisturbed = 0

    @initialize(registered=st.booleans())
    def begin(self, registered: bool) -> None:
        """Vera is signed in; Nora is new, or has failed so often that her password is close to its end."""
        self._add("Vera", AccountState.ACTIVE, Account(reference.ACTIVE, has_username=True, password=PASSWORD))
        self._guess(0, 0, PASSWORD, "private", by_address=False)
        nora = Account()
        if registered:
            nora = Account(reference.ACTIVE, has_username=True, password=PASSWORD, since_success=95)
        self._add("Nora", AccountState(nora.state), nora, failures_since_success=nora.since_success, failures_total=95)

    def _add(self, name: str, state: AccountState, account: Account, **columns: int) -> None:
        self.people.append(self.world.add(name, state, **columns))
        self.accounts.append(account)
        self.older[account], self.older_temporary[account] = [], []

    def teardown(self) -> None:
        for window in self.windows:
            window.visitor.close()

    @rule(window=WINDOWS, person=PEOPLE, zone=ZONES, times=st.integers(1, 3), by_address=st.booleans())
    def fail(self, window: int, person: int, zone: str, times: int, by_address: bool) -> None:
        """Wrong passwords, one after the other."""
        for _ in range(times):
            self._guess(window, person, "not the password", zone, by_address)

    @rule(window=WINDOWS, person=PEOPLE, zone=ZONES, by_address=st.booleans())
    def succeed(self, window: int, person: int, zone: str, by_address: bool) -> None:
        """The right password, or the temporary one where that is the right one, whether it helps or not."""
        account = self.accounts[person]
        self._guess(window, person, account.temporary or account.password or PASSWORD, zone, by_address)

    @rule(window=WINDOWS, person=PEOPLE, zone=ZONES, temporary=st.booleans())
    def use_what_was_right_once(self, window: int, person: int, zone: str, temporary: bool) -> None:
        """An earlier password, or an earlier temporary one."""
        older = (self.older_temporary if temporary else self.older)[self.accounts[person]]
        if older:
            self._guess(window, person, older[-1], zone, by_address=False)

    @precondition(lambda self: self.undisturbed >= QUIET_STEPS)
    @rule(window=WINDOWS, person=PEOPLE, zone=ZONES)
    def die_over_a_guess(self, window: int, person: int, zone: str) -> None:
        """The server is killed in the middle of a hash."""
        self.undisturbed = 0
        account, browser = self.accounts[person], self.browsers[window]
        self._begin(account, browser)
        self.reference.guess(browser, account, "", zone, dies=True)
        self.world.die_over_a_guess(self.windows[window], self._name(person, by_address=False), zone)

    @precondition(lambda self: self.undisturbed >= QUIET_STEPS)
    @rule(how=st.sampled_from(["kill", "restart"]))
    def interrupt(self, how: str) -> None:
        """The server is stopped, or killed, and started again."""
        self.undisturbed = 0
        self._begin()
        getattr(self.world, how)()

    @precondition(lambda self: self._waiting())
    @rule(data=st.data())
    def help(self, data: st.DataObject) -> None:
        """The administrator's move that somebody's state asks for."""
        person = data.draw(st.sampled_from(self._waiting()))
        self.press(person, ASKED_FOR[self.reference.shown(self.accounts[person])])

    @rule(person=PEOPLE, button=st.sampled_from(sorted(reference.BUTTONS)))
    def press(self, person: int, button: str) -> None:
        """An administrator's move, possible or not."""
        self._begin()
        account = self.accounts[person]
        before = account.temporary
        moved = self.reference.press(account, button)
        assert self.world.press(self.people[person], button) == (303 if moved else 409)
        if moved and button in ("register", "re-enrol"):
            self.older_temporary[account] += [before] if before else []
            self.world.work()
            account.temporary = self.world.newest_line(self.people[person])

    @precondition(lambda self: self._enrolling())
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        """A password of one's own, after a temporary one that was used in this browser, if it still counts."""
        self._choose(data.draw(st.sampled_from(self._enrolling())))

    @rule(window=WINDOWS, person=PEOPLE, zone=ZONES)
    def get_in(self, window: int, person: int, zone: str) -> None:
        """Whatever it takes: a registration, a temporary password, a password of one's own."""
        account = self.accounts[person]
        for state, button in ((reference.GONE, "reactivate"), (reference.NEW, "register")):
            if self.reference.shown(account) == state:
                self.press(person, button)
        self.succeed(window, person, zone, by_address=False)
        if window in self._enrolling():
            self._choose(window)

    @precondition(lambda self: any(browser.session for browser in self.browsers))
    @rule(window=WINDOWS)
    def sign_out(self, window: int) -> None:
        """And a copy of the browser's cookies is worth nothing afterwards."""
        self._begin()
        self.reference.sign_out(self.browsers[window])
        copied = self.windows[window].cookies()
        self.windows[window].visitor.get("/recover?need=password")
        self.windows[window].visitor.send("/sign-out")
        assert self.windows[window].whose(copied)[0] == "out"

    @rule(person=PEOPLE, need=st.sampled_from(["username", "password", "unlock", "password"]), by_address=st.booleans())
    def ask(self, person: int, need: str, by_address: bool) -> None:
        """Recovery, asked for by anybody."""
        self._begin()
        link = self.reference.ask(self.accounts[person], need)
        self.world.ask(self._name(person, by_address), need)
        self.world.work()
        if link is not None:
            token = self.world.newest_line(self.people[person]).rpartition("/")[2]
            assert self.tokens.setdefault(link, token) == token, "the same link is mailed again"

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def redeem(self, data: st.DataObject) -> None:
        """One of the last links, good or not."""
        link = data.draw(st.sampled_from(list(self.tokens)[-4:]))
        self._redeem(link)

    @rule(person=PEOPLE)
    def recover(self, person: int) -> None:
        """Asked for, mailed and used at once, where there is a link."""
        before = set(self.tokens)
        self.ask(person, "password", by_address=True)
        for link in self.tokens.keys() - before:
            self._redeem(link)

    @rule(span=SHORT)
    def wait(self, span: timedelta) -> None:
        self._pass(span)

    @rule(span=LONG)
    def wait_long(self, span: timedelta) -> None:
        self._pass(span)

    @invariant()
    def all_is_as_the_reference_says(self) -> None:
        type(self).steps += 1
        self.undisturbed += 1
        self.world.work()
        for somebody, account in zip(self.people, self.accounts, strict=True):
            assert self.world.panel(somebody) == (self.reference.shown(account), account.failures)
            assert self.world.mailed(somebody.address) == account.mailed
            for link in account.links[-2:]:
                assert self.world.is_good(self.tokens[link]) == self.reference.is_good(account, link)
        for window, browser in zip(self.windows, self.browsers, strict=True):
            mine = self.reference.look(browser)
            where, page = window.whose()
            assert where == ("out" if mine is None else "enrolling" if mine.enrolling else "in")
            assert mine is None or mine.enrolling or self._somebody(mine.account).name in page

    def _waiting(self) -> list[int]:
        return [who for who, account in enumerate(self.accounts) if self.reference.shown(account) in ASKED_FOR]

    def _begin(self, account: Account | None = None, browser: Browser | None = None) -> None:
        """A moment later; and later still where a guess would have to wait for one that a dead process left."""
        self._pass(timedelta(seconds=1))
        if account is not None and browser is not None and self.reference.must_wait(browser, account):
            self._pass(timedelta(seconds=31))
        if browser is not None:
            self.reference.look(browser)

    def _pass(self, span: timedelta) -> None:
        self.world.pass_time(span)
        self.reference.now = self.world.now

    def _guess(self, window: int, person: int, typed: str, zone: str, by_address: bool) -> None:
        account, browser = self.accounts[person], self.browsers[window]
        self._begin(account, browser)
        let_in = self.reference.guess(browser, account, typed, zone)
        status = self.windows[window].guess(self._name(person, by_address), typed, zone)
        assert status == (303 if let_in else 422)

    def _choose(self, window: int) -> None:
        browser, words = self.browsers[window], self._new_words()
        self._begin(browser=browser)
        mine = self.reference.is_in(browser)
        used = mine.account.password if mine is not None else None
        done = self.reference.complete(browser, words)
        assert self.windows[window].choose("/enrol", words) == 303
        if done and mine is not None and used:
            self.older[mine.account].append(used)

    def _redeem(self, link: Link) -> None:
        account = next(each for each in self.accounts if link in each.links)
        self._begin()
        words, used = self._new_words(), account.password
        done = self.reference.redeem(account, link, words)
        self.world.open_link(self.tokens[link])
        assert self.world.reader.choose(CHOICE, words) == (303 if done else 410)
        if done and used:
            self.older[account].append(used)

    def _enrolling(self) -> list[int]:
        sessions = [browser.session for browser in self.browsers]
        return [number for number, mine in enumerate(sessions) if mine is not None and mine.enrolling]

    def _name(self, person: int, by_address: bool) -> str:
        username = None if by_address else self.world.username(self.people[person])
        return username or self.people[person].address

    def _somebody(self, account: Account) -> Somebody:
        return self.people[self.accounts.index(account)]

    def _new_words(self) -> str:
        self.chosen += 1
        return f"walnut harbour kettle {self.chosen}"


@pytest.mark.usefixtures("cheap_hashes")
def test_whatever_is_done_in_whatever_order_comes_out_as_the_reference_says(
    portal: Portal, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(portal, mail_server, monkeypatch) as started:
        machine = type("Lives", (Lives,), {"world": started})
        while machine.steps < STEPS:  # a life may end before its last step
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=max(1, (STEPS - machine.steps) // STEPS_A_LIFE),
                    stateful_step_count=STEPS_A_LIFE,
                    derandomize=STEPS < 1000,
                    deadline=None,
                    database=None,
                    print_blob=True,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        print(f"{machine.steps} steps")
