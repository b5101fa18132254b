"""The outbox: a row in the transaction that asks for it, a mail from the worker, and what a mail server may do."""

import smtplib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, OutboxMessage, Person
from portal.services import accounts, outbox, tokens
from portal.transactions import write
from tests.factories import person
from tests.support.guesses import at_once
from tests.support.smtp import Mailbox
from tests.support.trail import mails

S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def nomi(organisation: Organisation) -> Person:
    return person(organisation, "Nomi Contact", state=S.NOT_REGISTERED)


def do(verb: Any, somebody: Person) -> OutboxMessage:
    """The row of the mail that a move asks for."""
    with write():
        verb(somebody.account, None)
    return mails()[-1]


def ask_for_mail(somebody: Person, times: int) -> None:
    with write():
        for _ in range(times):
            outbox.queue("username-reminder", account=somebody.account, usernames=["nomi"])


def looked_at(row: OutboxMessage) -> OutboxMessage:
    db.session.rollback()
    return row


def test_a_mail_that_was_asked_for_is_delivered_once_with_its_headers(mailbox: Mailbox, nomi: Person):
    row = do(accounts.register, nomi)
    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 0
    received = mailbox.one("registration")
    assert received.recipients == [nomi.primary_email]
    assert received.message["Message-ID"] == row.message_id
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert tokens.temporary_password(row.parameters["issue"], row.parameters["key"]) in received.lines
    assert (looked_at(row).state, row.attempts, row.last_error) == ("done", 1, "")
    assert (nomi.account.internal_message, nomi.account.internal_detail) == ("mail-sent", "registration")


def test_a_move_that_was_undone_asks_for_no_mail(mailbox: Mailbox, nomi: Person):
    def half_done() -> None:
        with write():
            accounts.register(nomi.account, None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert mails() == []


@pytest.mark.parametrize(
    ("behaviour", "state", "said"),
    [
        ("421", "queued", "421"),
        ("450", "queued", "450 4.2.1 Mailbox busy"),
        ("550", "failed", "550 5.1.1 Mailbox unavailable"),
        ("552", "failed", "552 5.2.2 Mailbox full"),
        ("drop-mid-data", "queued", "mail server: SMTPServerDisconnected"),
    ],
)
def test_what_the_mail_server_says_decides(mailbox: Mailbox, nomi: Person, behaviour: str, state: str, said: str):
    row = do(accounts.register, nomi)
    mailbox.answer(behaviour)
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == (state, [])
    assert said in row.last_error or (behaviour == "421" and "Disconnected" in row.last_error)
    assert nomi.account.internal_message == ("mail-refused" if state == "failed" else "mail-delayed")


def test_a_mail_server_that_is_down_delays_mail_and_nothing_else(mailbox: Mailbox, nomi: Person, clock: Any):
    row = do(accounts.register, nomi)
    mailbox.down()
    outbox.deliver_due()
    assert (looked_at(row).state, row.last_error) == ("queued", "mail server: ConnectionRefusedError")
    mailbox.up()
    outbox.deliver_due()
    assert mailbox.messages == [], "not before its pause is over"
    clock.move_to(row.due_at)
    outbox.deliver_due()
    assert mailbox.one("registration").message["Message-ID"] == row.message_id


def test_a_connection_lost_after_the_message_was_taken_may_send_it_again_and_it_is_the_same(
    mailbox: Mailbox, nomi: Person, clock: Any
):
    row = do(accounts.register, nomi)
    mailbox.answer("reset-after-accept")
    outbox.deliver_due()
    mailbox.answer("ok")
    clock.move_to(looked_at(row).due_at + timedelta(seconds=1))
    outbox.deliver_due()
    assert {received.message["Message-ID"] for received in mailbox.messages} == {row.message_id}
    assert len({received.text for received in mailbox.messages}) == 1
    assert looked_at(row).state == "done"


def test_a_server_that_looks_at_a_message_for_long_gets_it_once(
    mailbox: Mailbox, nomi: Person, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "SMTP_SECONDS", 0.5)
    row = do(accounts.register, nomi)
    mailbox.answer("slow")
    outbox.deliver_due()
    assert (looked_at(row).state, len(mailbox.messages)) == ("done", 1)


def test_a_mail_whose_lease_was_lost_on_the_way_is_not_sent(
    mailbox: Mailbox, nomi: Person, monkeypatch: pytest.MonkeyPatch
):
    row = do(accounts.register, nomi)
    original = smtplib.SMTP.mail

    def overtaken(*arguments: Any) -> Any:
        with write():
            db.session.get_one(OutboxMessage, row.id).lease_owner = "another worker"
        return original(*arguments)

    monkeypatch.setattr(smtplib.SMTP, "mail", overtaken)
    outbox.deliver_due(limit=1)
    assert (looked_at(row).state, row.lease_owner, mailbox.messages) == ("queued", "another worker", [])


def test_an_address_that_mail_cannot_carry_is_given_up_at_once(mailbox: Mailbox, organisation: Organisation):
    jorg = person(organisation, "Jörg Contact", state=S.NOT_REGISTERED, email="jörg@coe.example")
    row = do(accounts.register, jorg)
    outbox.deliver_due()
    assert (looked_at(row).state, row.last_error) == ("failed", "the address holds letters that mail cannot carry")


def test_a_sender_that_the_server_refuses_waits_for_an_operator(mailbox: Mailbox, nomi: Person):
    """It is not the recipient's fault, and every mail would be lost."""
    with pytest.raises(outbox.work.TryLater, match="553 no such sender"):
        outbox_send(smtplib.SMTPSenderRefused(553, b"no such sender", "portal@portal.example"))
    with pytest.raises(outbox.work.TryLater, match="535"):
        outbox_send(smtplib.SMTPAuthenticationError(535, b"not you"))
    with pytest.raises(outbox.work.TryLater, match="554"):
        outbox_send(smtplib.SMTPConnectError(554, b"no service"))
    with pytest.raises(outbox.work.GiveUp, match="501"):
        outbox_send(smtplib.SMTPRecipientsRefused({"nomi@coe.example": (501, b"bad address")}))
    with pytest.raises(outbox.work.GiveUp, match="554"):
        outbox_send(smtplib.SMTPDataError(554, b"too odd"))


def outbox_send(refusal: Exception) -> None:
    from flask_mail import Message

    class Refused(Message):
        def send(self, connection: object) -> None:
            raise refusal

    outbox._send(Refused(subject="x", recipients=["nomi@coe.example"]))


def test_one_that_cannot_be_put_together_does_not_keep_the_others(mailbox: Mailbox, nomi: Person):
    ask_for_mail(nomi, 3)
    first, *others = mails()
    with write():
        first.kind = "a kind that nobody writes"
    outbox.deliver_due()
    assert looked_at(first).state == "queued"
    assert {row.state for row in others} == {"done"}
    assert len(mailbox.messages) == 2


def test_one_that_is_too_late_is_given_up(mailbox: Mailbox, nomi: Person, clock: Any):
    row = do(accounts.register, nomi)
    clock.shift(timedelta(hours=24))
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == ("failed", [])
    assert row.last_error == "what it carries has expired"
    assert nomi.account.internal_message == "mail-given-up"


def test_a_temporary_password_that_another_one_replaced_is_not_sent(mailbox: Mailbox, nomi: Person):
    first = do(accounts.register, nomi)
    second = do(accounts.re_enrol, nomi)
    outbox.deliver_due()
    assert (looked_at(first).state, looked_at(second).state) == ("dropped", "done")
    assert [received.kind for received in mailbox.messages] == ["re-enrolment"]


def test_a_temporary_password_that_was_voided_is_not_sent(mailbox: Mailbox, nomi: Person):
    row = do(accounts.register, nomi)
    with write():
        nomi.account.temporary_password_hash = None
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == ("dropped", [])
    assert (row.last_error, nomi.account.internal_message) == ("superseded by a later one", "registration-queued")


def test_a_secret_does_not_go_to_an_address_that_was_changed_since(mailbox: Mailbox, nomi: Person):
    row = do(accounts.register, nomi)
    with write():
        nomi.primary_email = "nomi@new.example"
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == ("dropped", [])
    assert row.last_error == "the address was changed"
    assert (nomi.account.internal_message, nomi.account.internal_detail) == (
        "mail-dropped", "registration: the address was changed",
    )  # fmt: skip


def test_an_unlock_that_was_used_up_is_not_announced(mailbox: Mailbox, organisation: Organisation):
    lou = person(organisation, "Lou Locked", state=S.LOCKED)
    row = do(accounts.unlock, lou)
    with write():
        lou.account.unlock_expires_at = None
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == ("dropped", [])


def test_a_worker_that_was_killed_leaves_its_mail_to_another(mailbox: Mailbox, nomi: Person, clock: Any):
    row = do(accounts.register, nomi)
    with write():
        db.session.execute(
            update(OutboxMessage).values(
                lease_owner="killed", lease_until=the_clock.now() + outbox.work.LEASE, attempts=1
            )
        )
    outbox.deliver_due()
    assert mailbox.messages == []
    clock.shift(outbox.work.LEASE)
    outbox.deliver_due()
    assert mailbox.one("registration").message["Message-ID"] == row.message_id


def test_four_workers_deliver_thirty_mails_and_none_twice(app: Flask, mailbox: Mailbox, nomi: Person):
    ask_for_mail(nomi, 30)

    def worker() -> None:
        with app.app_context():
            for _ in range(40):
                if outbox.deliver_due(5) == 0 and len(mailbox.messages) >= 30:
                    return

    at_once([worker] * 4)
    arrived = [received.message["Message-ID"] for received in mailbox.messages]
    assert len(arrived) == len(set(arrived)) == 30
    assert set(arrived) == {row.message_id for row in mails()}
    assert {row.state for row in mails()} == {"done"}


def test_no_transaction_is_open_while_the_mail_server_is_spoken_to(
    mailbox: Mailbox, nomi: Person, monkeypatch: pytest.MonkeyPatch
):
    do(accounts.register, nomi)
    held, original = [], outbox._send

    def watching(message: Any) -> None:
        held.append(db.session().in_transaction())
        original(message)

    monkeypatch.setattr(outbox, "_send", watching)
    outbox.deliver_due()
    assert held == [False]
    assert len(mailbox.messages) == 1


def test_without_a_mail_server_mail_is_written_for_its_owner_alone(app: Flask, nomi: Person):
    row = do(accounts.register, nomi)
    outbox.deliver_due()
    folder = Path(app.config["INSTANCE_PATH"]) / "mail"
    (file,) = folder.iterdir()
    assert file.suffix == ".eml"
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert row.message_id.encode() in file.read_bytes()


def test_a_notice_goes_once_to_one_mailbox(organisation: Organisation):
    case = person(
        organisation, "Case Contact", state=S.LOCKED, email="case@coe.example", secondary_email="Case@COE.example"
    )
    do(accounts.unlock, case)
    assert [row.recipient for row in mails()] == ["case@coe.example"]


def test_all_that_is_due_now_is_tried_once(mailbox: Mailbox, nomi: Person):
    ask_for_mail(nomi, 120)
    mailbox.down()
    assert outbox.deliver_all_due() == {"queued": 120}
    assert {row.attempts for row in mails()} == {1}


def test_a_recipient_is_one_and_no_header_can_be_written_into_it(mailbox: Mailbox, nomi: Person):
    with write():
        nomi.first_name = "Nomi\r\nBcc: evil@evil.example"
    do(accounts.register, nomi)
    outbox.deliver_due()
    received = mailbox.one("registration")
    assert received.recipients == [nomi.primary_email]
    assert received.message["Bcc"] is None


def test_how_many_were_mailed_lately(nomi: Person, clock: Any):
    ask_for_mail(nomi, 2)
    within = timedelta(minutes=10)
    assert outbox.mailed_lately("username-reminder", nomi.primary_email, within) == 2
    assert outbox.mailed_lately("locked", nomi.primary_email, within) == 0
    assert outbox.mailed_lately("username-reminder", "other@coe.example", within) == 0
    clock.shift(within)
    assert outbox.mailed_lately("username-reminder", nomi.primary_email, within) == 0


def test_the_last_message_is_the_newest(nomi: Person):
    assert outbox.last_message(nomi.account) is None
    ask_for_mail(nomi, 2)
    assert outbox.last_message(nomi.account) is mails()[-1]


def test_what_becomes_of_a_copy_hides_nothing_of_the_mail_itself(mailbox: Mailbox, organisation: Organisation):
    noel = person(organisation, "Noel Contact", state=S.LOCKED, secondary_email="noel@home.example")
    do(accounts.unlock, noel)
    itself, copy = mails()
    assert (itself.is_copy, copy.is_copy, copy.recipient) == (False, True, "noel@home.example")
    mailbox.answer("550")
    outbox.deliver_due(limit=1)
    mailbox.answer("ok")
    outbox.deliver_due()
    assert (looked_at(itself).state, copy.state) == ("failed", "done")
    assert outbox.last_message(noel.account) is itself
    assert noel.account.internal_detail == "unlocked: 550 5.1.1 Mailbox unavailable"


def test_without_a_primary_address_the_secondary_one_gets_the_mail_itself(organisation: Organisation):
    noel = person(organisation, "Noel Contact", state=S.LOCKED, email="", secondary_email="noel@home.example")
    assert do(accounts.unlock, noel).is_copy is False


def test_a_temporary_password_whose_key_is_gone_is_given_up(app: Flask, mailbox: Mailbox, nomi: Person):
    row = do(accounts.register, nomi)
    app.config["SECRET_KEY"] = "a key that took the place of the one before it"
    outbox.deliver_due()
    assert (looked_at(row).state, mailbox.messages) == ("failed", [])
    assert row.last_error == "the key that this was issued under is no longer configured"
    assert nomi.account.internal_message == "mail-given-up"
