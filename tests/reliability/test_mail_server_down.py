"""A mail server that is down, busy, silent or rude delays mail and nothing else; what it refuses for good is said."""

import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import time_machine

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db, mail
from portal.models import OutboxMessage
from portal.services import outbox
from portal.transactions import write
from tests.factories import PASSWORD
from tests.reliability.conftest import CODE, Trust
from tests.support.mail_faults import DROP, RESET, SILENCE, MailServer, Script, well_behaved
from tests.support.server import Portal
from tests.support.visitor import visiting
from tests.support.waiting import wait_until

PATIENCE = 2.0
"""Seconds that a page may take while the mail server does not answer, on a machine that does much else."""


def always(stage: str, answer: str) -> Script:
    """The same fault for everybody."""
    return lambda present, _recipient: answer if present == stage else None


PASSING = {
    "421 at the door": (always("connect", "421 4.3.2 not now"), "421 4.3.2 not now"),
    "421 in the middle": (always("rcpt", "421 4.3.2 closing"), "421 4.3.2 closing"),
    "450 for the recipient": (always("rcpt", "450 4.2.1 busy"), "450 4.2.1 busy"),
    "451 for the text": (always("accepted", "451 4.3.0 try again"), "451 4.3.0 try again"),
    "our address refused": (always("mail", "550 5.7.1 not from you"), "550 5.7.1 not from you"),
    "signed out": (always("rcpt", "530 5.7.0 sign in first"), "530 5.7.0 sign in first"),
    "dropped in the text": (always("body", DROP), "mail server: SMTPServerDisconnected"),
    "reset at the door": (always("connect", RESET), "mail server: "),
    "reset after the text": (always("accepted", RESET), "mail server: "),
}
FINAL = {
    "550 for the recipient": (always("rcpt", "550 5.1.1 Mailbox unavailable"), "550 5.1.1 Mailbox unavailable"),
    "552 for the recipient": (always("rcpt", "552 5.2.2 Mailbox full"), "552 5.2.2 Mailbox full"),
    "554 for the text": (always("accepted", "554 5.6.0 no such mail here"), "554 5.6.0 no such mail here"),
}


def only_row(trust: Trust) -> OutboxMessage:
    (row,) = trust.rows()
    return row


@pytest.fixture
def in_process(trust: Trust, mail_server: MailServer) -> MailServer:
    """The test itself is the worker: every fault and every hour, without a process for each."""
    trust.app.config.update(trust.portal.settings)
    mail.init_app(trust.app)
    return mail_server


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again_and_says_why(in_process: MailServer, trust: Trust, fault: str) -> None:
    in_process.script, said = PASSING[fault]
    trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Nora"))
    with trust.database():
        assert outbox.deliver_due() == 1
    row = only_row(trust)
    assert (row.state, row.attempts, row.lease_until) == ("queued", 1, None)
    assert row.last_error.startswith(said)
    in_process.script = well_behaved
    trust.let_time_pass()
    with trust.database():
        outbox.deliver_due()
    assert only_row(trust).state == "done"
    assert {message.message["Message-ID"] for message in in_process.messages} == {row.message_id}


@pytest.mark.parametrize("fault", FINAL)
def test_what_is_refused_for_good_is_not_tried_again(in_process: MailServer, trust: Trust, fault: str) -> None:
    in_process.script, said = FINAL[fault]
    trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Nora"))
    with trust.database():
        outbox.deliver_due()
        assert outbox.deliver_due() == 0
    row = only_row(trust)
    assert (row.state, row.attempts, row.last_error) == ("failed", 1, said)


# Flask-Mail leaves such a connection to be closed when it is forgotten.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_without_the_encryption_that_is_asked_for_gets_nothing(in_process: MailServer, trust: Trust) -> None:
    trust.app.config["MAIL_USE_TLS"] = True
    mail.init_app(trust.app)
    trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Nora"))
    with trust.database():
        outbox.deliver_due()
    assert only_row(trust).state == "queued"
    assert in_process.tried == []


def test_the_pauses_double_from_15_seconds_to_an_hour_and_end_when_the_temporary_password_does(
    in_process: MailServer, trust: Trust
) -> None:
    in_process.script = always("connect", "421 4.3.2 not now")
    with time_machine.travel("2026-11-16T09:00:00+00:00", tick=False) as traveller:
        began = clock.now()
        trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Nora"))
        tried = []
        while (row := only_row(trust)).state == "queued":
            traveller.move_to(row.due_at)
            tried.append(row.due_at - began)
            with trust.database():
                assert outbox.deliver_due() == 1
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(tried)]
    for number, paused in enumerate(pauses):
        usual = min(15 * 2**number, 3600)
        assert 0.8 * usual <= paused <= 1.2 * usual, f"pause {number + 1} was {paused} seconds, not about {usual}"
    # The look that finds the time over is the last one, and asks the mail server nothing.
    assert tried[-2] < timedelta(hours=24) <= tried[-1]
    assert row.state == "failed"
    assert row.last_error == "what it carries has expired"
    assert in_process.messages == []


def test_a_server_that_takes_nobody_in_before_five_minutes_gets_it_soon_after_them(
    in_process: MailServer, trust: Trust
) -> None:
    """Greylisting (RFC 6647): the same mail from the same sender is taken once it comes again after a while."""
    first: dict[str, datetime] = {}

    def greylist(stage: str, recipient: str) -> str | None:
        if stage != "rcpt":
            return None
        began = first.setdefault(recipient, clock.now())
        return None if clock.now() - began >= timedelta(minutes=5) else "451 4.7.1 Greylisted, please try again later"

    in_process.script = greylist
    with time_machine.travel("2026-11-16T09:00:00+00:00", tick=False) as traveller:
        began = clock.now()
        trust.register(trust.add(1, AccountState.NOT_REGISTERED, "Nora"))
        while (row := only_row(trust)).state == "queued":
            traveller.move_to(row.due_at)
            with trust.database():
                outbox.deliver_due()
        assert row.state == "done"
        assert timedelta(minutes=5) <= clock.now() - began <= timedelta(minutes=12)
    assert len(in_process.messages) == 1


def test_a_notice_that_does_not_expire_outlives_a_weekend_without_a_mail_server(
    in_process: MailServer, trust: Trust
) -> None:
    in_process.script = always("connect", "421 4.3.2 not now")
    with time_machine.travel("2026-11-13T17:00:00+00:00", tick=False) as traveller:
        friday = clock.now()
        nobody = trust.add(1, AccountState.ACTIVE, "Vera")[0]
        with trust.database(), write():
            outbox.queue("password-changed", account=trust.account(nobody))
        while clock.now() < friday + timedelta(hours=64):
            traveller.move_to(only_row(trust).due_at)
            with trust.database():
                assert outbox.deliver_due() == 1, only_row(trust).state
        in_process.script = well_behaved
        traveller.move_to(only_row(trust).due_at)
        with trust.database():
            outbox.deliver_due()
    assert only_row(trust).state == "done"
    assert len(in_process.messages) == 1


def test_one_poisoned_mail_keeps_no_other_waiting(in_process: MailServer, trust: Trust) -> None:
    first, *others = trust.add(12, AccountState.NOT_REGISTERED, "Nora")
    trust.register([first, *others])
    with trust.database(), write():
        # What cannot even be put together: a kind that a later version queued and this one does not know.
        poisoned, refused = trust.newest_mail(first), trust.newest_mail(others[0])
        poisoned.kind = "from-a-later-version"
        recipient = refused.recipient
    in_process.script = lambda stage, to: "550 5.1.1 no" if (stage, to) == ("rcpt", recipient) else None
    with trust.database():
        assert outbox.deliver_due() == 12
    assert [row.state for row in trust.rows()] == ["queued", "failed", *["done"] * 10]


def test_pages_go_on_while_the_mail_server_is_silent_and_the_worker_can_be_stopped(
    portal: Portal, trust: Trust, mail_server: MailServer
) -> None:
    mail_server.script = always("connect", SILENCE)
    people = trust.add(6, AccountState.NOT_REGISTERED, "Nora")
    trust.register(people[:4])
    portal.serve()
    worker = portal.worker()
    wait_until(lambda: any(row.lease_until for row in trust.rows()), "the worker has a mail in hand")
    with visiting(portal.url) as lena:
        longest = 0.0
        lena.sign_in(trust.administrator, PASSWORD)
        for act in (
            lambda: lena.send(trust.move(people[4], "register")),
            lambda: lena.get(f"/organisations/{CODE}/contacts/{people[4]}"),
            lambda: lena.get("/find-administrator"),
            lambda: lena.send("/recover", {"identifier": "nobody@coe.example", "need": "password"}),
        ):
            began = time.monotonic()
            act()
            longest = max(longest, time.monotonic() - began)
    assert longest < PATIENCE, f"a page took {longest} seconds"
    assert mail_server.messages == []
    # One mail is waited for to its end; the five behind it are not begun.
    began = time.monotonic()
    assert worker.stop(outbox.SMTP_SECONDS + 10) == 0
    assert time.monotonic() - began < outbox.SMTP_SECONDS + 5


def test_mail_waits_for_a_server_that_is_down_and_what_is_refused_stands_on_the_panel(
    portal: Portal, trust: Trust, mail_server: MailServer
) -> None:
    mail_server.__exit__(None, None, None)
    one, other = trust.add(2, AccountState.NOT_REGISTERED, "Nora")
    portal.serve()
    portal.worker()
    with visiting(portal.url) as lena:
        lena.sign_in(trust.administrator, PASSWORD)
        lena.send(trust.move(one, "register"))
        wait_until(lambda: only_row(trust).attempts == 1 and not only_row(trust).lease_until, "it was tried")
        panel = lena.get(f"/organisations/{CODE}/contacts/{one}").text
        assert "mail server: ConnectionRefusedError" in panel
        mail_server.script = always("rcpt", "550 5.1.1 Mailbox unavailable")
        with mail_server:
            lena.send(trust.move(other, "register"))
            wait_until(lambda: trust.rows()[1].state == "failed", "the second was refused")
            assert "550 5.1.1 Mailbox unavailable" in lena.get(f"/organisations/{CODE}/contacts/{other}").text
            mail_server.script = well_behaved
            trust.let_time_pass()
            wait_until(lambda: trust.rows()[0].state == "done", "the first arrived, late")
            arrived = time.monotonic()
            lena.send(trust.move(other, "re-enrol"))
            mail_server.wait_for(2)
            assert time.monotonic() - arrived < 5, "due mail leaves within 5 seconds"
    assert [message.kind for message in mail_server.messages] == ["registration", "re-enrolment"]
    with trust.database():
        assert db.session.get_one(OutboxMessage, 2).attempts == 1
