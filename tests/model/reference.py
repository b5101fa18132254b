"""What accounts, links, known browsers and sessions must do, in plain Python: no line of the product runs in it.

The driver tells it what was asked; it answers what must come of that, and what must be seen afterwards.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIMITS = {"internet": 3, "private": 5}
TEMPORARY_LIMIT = 10
DISABLED_AT = 100
DAY, HOUR, TEN_MINUTES = timedelta(hours=24), timedelta(hours=1), timedelta(minutes=10)
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
ABANDONED = timedelta(seconds=30)
MOST_MAILS = 3

NEW, PENDING, ACTIVE, LOCKED, UNLOCKED, GONE = (
    "not-registered", "registration-pending", "active", "locked", "unlock-pending", "inactive",
)  # fmt: skip
HAS_PASSWORD = (ACTIVE, LOCKED, UNLOCKED)
BUTTONS = {
    "register": {NEW: PENDING},
    "re-enrol": {PENDING: PENDING, ACTIVE: PENDING, LOCKED: PENDING, UNLOCKED: PENDING},
    "unlock": {LOCKED: UNLOCKED},
    "deactivate": dict.fromkeys((NEW, PENDING, ACTIVE, LOCKED, UNLOCKED), GONE),
    "reactivate": {GONE: NEW},
}
BUTTON_MAILS = {"register": "registration", "re-enrol": "re-enrolment", "unlock": "unlocked"}


@dataclass(eq=False)
class Known:
    """A browser that an account has seen before."""

    failures: int = 0
    void: bool = False


@dataclass(eq=False)
class SignedIn:
    """A session: of whom, and whether it may only choose a password."""

    account: "Account"
    enrolling: bool
    started: datetime
    used: datetime
    ended: bool = False


@dataclass(eq=False)
class Browser:
    """What a browser holds: its session, and the accounts that know it."""

    session: SignedIn | None = None
    known: dict["Account", Known] = field(default_factory=dict)


@dataclass(eq=False)
class Link:
    """A mailed link to choose a new password."""

    issued: datetime
    version: int
    times: int = 0
    used: bool = False


@dataclass(eq=False)
class Left:
    """A guess whose process died over it."""

    at: datetime
    version: int
    zone: str
    known: Known | None


@dataclass(eq=False)
class Account:
    """One account, and everything that was ever mailed about it."""

    state: str = NEW
    has_username: bool = False
    password: str | None = None
    temporary: str | None = None
    temporary_until: datetime | None = None
    temporary_failures: int = 0
    unlocked_until: datetime | None = None
    failures: int = 0
    since_success: int = 0
    version: int = 1
    links: list[Link] = field(default_factory=list)
    sessions: list[SignedIn] = field(default_factory=list)
    browsers: list[Known] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    mails: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def is_disabled(self) -> bool:
        return self.since_success >= DISABLED_AT

    @property
    def mailed(self) -> Counter[str]:
        """How many mails of each kind there are."""
        return Counter(kind for kind, _ in self.mails)


class Reference:
    """The present moment, and what must come of what is done in it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def shown(self, account: Account) -> str:
        """The state as shown: an unlock whose time has passed is a lock."""
        if account.state == UNLOCKED and (account.unlocked_until is None or self.now >= account.unlocked_until):
            return LOCKED
        return account.state

    def is_in(self, browser: Browser) -> SignedIn | None:
        """The browser's session, while it lasts."""
        mine = browser.session
        if mine is None or mine.ended or self.now >= mine.used + IDLE or self.now >= mine.started + LONGEST:
            return None
        return mine

    def look(self, browser: Browser) -> SignedIn | None:
        """Any request of the browser: a session that lasts goes on, noted by the minute."""
        mine = self.is_in(browser)
        if mine is not None and self.now - mine.used >= timedelta(minutes=1):
            mine.used = self.now
        return mine

    def press(self, account: Account, button: str) -> bool:
        """An administrator's move. False: it is refused."""
        state = self.shown(account)
        if state not in BUTTONS[button] or (button == "unlock" and account.is_disabled):
            return False
        account.state = BUTTONS[button][state]
        if button in BUTTON_MAILS:
            self._mail(account, BUTTON_MAILS[button])
        if button in ("re-enrol", "deactivate"):
            account.version += 1
            account.failures = account.since_success = 0
            account.password = account.unlocked_until = None
            self._put_out(account)
        if button in ("register", "re-enrol"):
            account.has_username = True
            account.temporary_until, account.temporary_failures = self.now + DAY, 0
        if button == "deactivate":
            account.temporary = account.temporary_until = None
            account.temporary_failures = 0
        if button == "unlock":
            account.failures, account.unlocked_until = 0, self.now + DAY
        return True

    def must_wait(self, browser: Browser, account: Account) -> bool:
        """Whether a guess would wait for others, whose processes died, to be given up."""
        way = self._way(account, self._known(browser, account))
        present = [left for left in account.left if left.version == account.version]
        return way is not None and any(self.now - left.at <= ABANDONED for left in present)

    def guess(self, browser: Browser, account: Account, words: str, zone: str, *, dies: bool = False) -> bool:
        """One guess at a sign-in, from a browser in a zone. ``dies``: its process is killed over it."""
        self._give_up_what_was_left(account)
        known = self._known(browser, account)
        way = self._way(account, known)
        if way is None:
            return False
        if dies:
            account.left.append(Left(self.now, account.version, zone, known))
            return False
        if words != (account.temporary if way == "temporary" else account.password):
            self._fail(account, zone, known)
            return False
        if way == "temporary":
            self._let_in(browser, account, enrolling=True)
            return True
        account.state, account.unlocked_until = ACTIVE, None
        account.failures = account.since_success = 0
        self._remember(browser, account)
        self._let_in(browser, account, enrolling=False)
        return True

    def complete(self, browser: Browser, words: str) -> bool:
        """A password of one's own, chosen after a temporary one."""
        mine = self.is_in(browser)
        if mine is None or not mine.enrolling:
            return False
        account = mine.account
        self._choose(account, words)
        for session in account.sessions:
            session.ended = True
        self._remember(browser, account)
        self._let_in(browser, account, enrolling=False)
        return True

    def sign_out(self, browser: Browser) -> None:
        if browser.session is not None:
            browser.session.ended = True
        browser.session = None

    def ask(self, account: Account, need: str) -> Link | None:
        """Recovery, asked for by name or address; answers the link that is mailed, if one is."""
        state = self.shown(account)
        if need == "username" and account.has_username and state != GONE:
            self._mail_seldom(account, "username-reminder")
            return None
        if need == "username" or state not in HAS_PASSWORD:
            self._mail_seldom(account, "recovery-help")
            return None
        link = account.links[-1] if account.links else None
        if link is None or link.used or link.version != account.version or self.now >= link.issued + TEN_MINUTES:
            link = Link(self.now, account.version)
            account.links.append(link)
        if link.times >= MOST_MAILS:
            return None
        link.times += 1
        self._mail(account, "password-reset")
        return link

    def is_good(self, account: Account, link: Link) -> bool:
        """Whether a link may still be used."""
        fresh = not link.used and link.version == account.version and self.now < link.issued + HOUR
        return fresh and self.shown(account) in HAS_PASSWORD

    def redeem(self, account: Account, link: Link, words: str) -> bool:
        """A new password, chosen by a mailed link: everybody is out, and nobody is in."""
        if not self.is_good(account, link):
            return False
        link.used = True
        self._choose(account, words)
        self._put_out(account)
        self._mail(account, "password-changed")
        return True

    def _way(self, account: Account, known: Known | None) -> str | None:
        """What a guess is checked against; None: nothing."""
        state = self.shown(account)
        if state == PENDING:
            in_time = account.temporary_until is not None and self.now < account.temporary_until
            return "temporary" if in_time and account.temporary is not None else None
        if state not in HAS_PASSWORD or account.is_disabled:
            return None
        return "password" if state != LOCKED or known is not None else None

    def _known(self, browser: Browser, account: Account) -> Known | None:
        known = browser.known.get(account)
        return known if known is not None and not known.void else None

    def _give_up_what_was_left(self, account: Account) -> None:
        """What a process left behind when it died counts as a failure of the password that it was a guess at."""
        for left in list(account.left):
            if self.now - left.at > ABANDONED:
                account.left.remove(left)
                if left.version == account.version:
                    self._fail(account, left.zone, left.known)

    def _fail(self, account: Account, zone: str, known: Known | None) -> None:
        guessing_at_temporary = self._way(account, known) == "temporary"
        if known is not None:
            known.failures += 1
            known.void = known.void or known.failures >= LIMITS[zone]
        account.failures += 1
        account.since_success += 1
        if guessing_at_temporary:
            account.temporary_failures += 1
            if account.temporary_failures >= TEMPORARY_LIMIT:
                account.temporary = None
        elif self.shown(account) in (ACTIVE, UNLOCKED) and (account.failures >= LIMITS[zone] or account.is_disabled):
            account.state, account.unlocked_until = LOCKED, None
            self._mail(account, "locked")

    def _choose(self, account: Account, words: str) -> None:
        account.state, account.password, account.temporary = ACTIVE, words, None
        account.temporary_failures = account.failures = account.since_success = 0
        account.unlocked_until = None
        account.version += 1

    def _let_in(self, browser: Browser, account: Account, *, enrolling: bool) -> None:
        if self.is_in(browser) is not None and browser.session is not None:
            browser.session.ended = True
        browser.session = SignedIn(account, enrolling, self.now, self.now)
        account.sessions.append(browser.session)

    def _put_out(self, account: Account) -> None:
        for session in account.sessions:
            session.ended = True
        for known in account.browsers:
            known.void = True

    def _remember(self, browser: Browser, account: Account) -> None:
        known = self._known(browser, account)
        if known is None:
            browser.known[account] = known = Known()
            account.browsers.append(known)
        known.failures = 0

    def _mail(self, account: Account, kind: str) -> None:
        account.mails.append((kind, self.now))

    def _mail_seldom(self, account: Account, kind: str) -> None:
        lately = sum(each == kind and at > self.now - TEN_MINUTES for each, at in account.mails)
        if lately < MOST_MAILS:
            self._mail(account, kind)
