"""What is good for a time is good to its last second and no longer, by the server's clock (ASVS 6.5.5, 6.5.8)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal import clock
from portal.domain.account_state import AccountState
from portal.models import Account
from portal.services import tokens
from tests.factories import PASSWORD
from tests.reliability.conftest import Trust
from tests.support import launched
from tests.support.server import Portal
from tests.support.visitor import visiting

BEGINNING = datetime(2026, 11, 16, 9, tzinfo=UTC)
DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


class Day:
    """The clock of the server and of this test."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.now = file, BEGINNING
        monkeypatch.setattr(clock, "now", lambda: self.now)
        launched.write_time(file, BEGINNING)

    def move_to(self, span: timedelta) -> None:
        """So long after the beginning."""
        self.now = BEGINNING + span
        launched.write_time(self.file, self.now)


@pytest.fixture
def day(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Day:
    portal.folder.mkdir(parents=True, exist_ok=True)
    file = portal.folder / "clock"
    portal.before = f"{launched.with_clock(file)}\n{launched.WITH_CHEAP_HASHES}"
    portal.settings["RATE_LIMITS"] = False
    return Day(file, monkeypatch)


def lets_in(portal: Portal, username: str, password: str) -> bool:
    with visiting(portal.url) as browser:
        return browser.try_to_sign_in(username, password, expect=None).status_code == 303


def temporary_password_of(account: Account) -> str:
    """What the mail says."""
    return tokens.temporary_password(str(account.temporary_password_issue), tokens.present_key())


def test_a_temporary_password_works_at_23_59_59_and_not_at_24_00_01(portal: Portal, day: Day, trust: Trust) -> None:
    started = trust.add(2, AccountState.NOT_REGISTERED, "Nora")
    trust.register(started)
    with trust.database():
        accounts = [trust.account(ess_id) for ess_id in started]
        nora, nina = ((str(each.username), temporary_password_of(each)) for each in accounts)
    portal.serve()
    day.move_to(DAY - SECOND)
    assert lets_in(portal, *nora)
    day.move_to(DAY + SECOND)
    assert not lets_in(portal, *nina)
    day.move_to(timedelta(0))
    assert lets_in(portal, *nina), "it was the time, and nothing else"


def test_an_unlock_works_at_23_59_59_and_is_a_lock_at_24_00_01(portal: Portal, day: Day, trust: Trust) -> None:
    first, second = trust.add(2, AccountState.LOCKED, "Vera")
    portal.serve()
    with visiting(portal.url) as lena:
        lena.sign_in(trust.administrator, PASSWORD)
        for ess_id in (first, second):
            lena.send(trust.move(ess_id, "unlock"))
        day.move_to(DAY - SECOND)
        assert lets_in(portal, trust.usernames[first], PASSWORD)
        day.move_to(DAY + SECOND)
        assert not lets_in(portal, trust.usernames[second], PASSWORD)
        lena.sign_in(trust.administrator, PASSWORD)
        panel = lena.get(trust.move(second, "history").removesuffix("/history")).text
        assert 'data-account-state="locked"' in panel
        lena.send(trust.move(second, "unlock"))
        assert lets_in(portal, trust.usernames[second], PASSWORD)


def test_a_link_works_for_an_hour_and_then_leads_to_where_another_is_asked_for(
    portal: Portal, day: Day, trust: Trust
) -> None:
    tokens = trust.recovery_tokens(trust.add(2, AccountState.ACTIVE, "Rita"))
    first, second = tokens.values()
    portal.serve()
    words = {"password": "walnut harbour kettle", "password_again": "walnut harbour kettle"}
    with visiting(portal.url) as reader, visiting(portal.url) as late:
        reader.get(f"/recover/{first}", expect=303)
        late.get(f"/recover/{second}", expect=303)
        day.move_to(timedelta(hours=1) - SECOND)
        late.get("/recover/new-password")
        reader.get("/recover/new-password")
        reader.send("/recover/new-password", words)
        day.move_to(timedelta(hours=1) + SECOND)
        refused = late.send("/recover/new-password", words, expect=410)
        assert 'href="/recover?need=password"' in refused.text
        assert 'href="/recover?need=password"' in late.get("/recover/new-password", expect=410).text
