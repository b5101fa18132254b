"""Recovery: the same row whoever asks; the worker mails what helps, to the stored address alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import KnownBrowser, Organisation, Person, RecoveryLink, RecoveryRequest, Session
from portal.services import accounts, contacts, outbox, recovery, sessions, tokens
from portal.services.recovery import LinkRefused, Need
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.guesses import INTERNET, at_once, guess
from tests.support.trail import entries, events, kinds, mails

S = AccountState
NEW = "vivid otter kettle"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def ask(app: Flask, identifier: str | None, need: Need = Need.PASSWORD) -> None:
    """Somebody on the internet asks, and the worker looks."""
    with app.test_request_context(environ_base={"REMOTE_ADDR": INTERNET}), write():
        recovery.ask(identifier or "", need)
    recovery.handle_due()


def token_of(link: RecoveryLink) -> str:
    return tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)


def links() -> list[RecoveryLink]:
    return list(db.session.scalars(select(RecoveryLink).order_by(RecoveryLink.id)))


def reset(token: str, password: str = NEW) -> None:
    with write():
        recovery.reset_password(token, password)


@pytest.mark.parametrize("need", [Need.PASSWORD, Need.UNLOCK])
@pytest.mark.parametrize("state", [S.ACTIVE, S.LOCKED, S.UNLOCK_PENDING])
def test_a_link_is_mailed_and_choosing_a_password_makes_the_account_active(
    app: Flask, organisation: Organisation, need: Need, state: AccountState
):
    nomi = person(organisation, "Nomi Contact", state=state)
    ask(app, nomi.primary_email.upper(), need)
    (link,), (mail,) = links(), mails()
    assert (mail.kind, mail.recipient) == ("password-reset", nomi.primary_email)
    assert mail.parameters == {"links": [link.id], "barred": []}
    with app.test_request_context():
        reset(token_of(link))
    assert (nomi.account.state, nomi.account.failures, nomi.account.locked_at) == (S.ACTIVE, 0, None)
    assert guess(app, nomi.account.username, NEW)
    assert guess(app, nomi.account.username, PASSWORD) is None
    assert kinds() == ["password-reset", "password-changed"]
    assert events(nomi)[:2] == ["account:recovery:link-mailed", "account:password:reset"]


def test_what_the_worker_writes_down_carries_the_address_that_asked(app: Flask, employee: Person):
    ask(app, employee.account.username)
    (entry,) = entries(employee)
    assert (entry.event, entry.address, entry.zone) == ("account:recovery:link-mailed", INTERNET, "internet")


def test_a_reset_ends_every_session_and_forgets_every_browser(app: Flask, employee: Person):
    admitted = guess(app, employee.account.username)
    assert admitted is not None
    ask(app, employee.account.username)
    reset(token_of(links()[0]))
    assert sessions.load(admitted.token) is None
    assert db.session.scalars(select(Session).where(Session.ended_at.is_(None))).all() == []
    assert db.session.scalars(select(KnownBrowser)).one().void_at is not None


def test_what_was_typed_is_gone_once_it_was_looked_up(app: Flask, employee: Person):
    ask(app, "canary-password-typed-by-mistake")
    request = db.session.scalars(select(RecoveryRequest)).one()
    assert (request.identifier, request.state, request.address, kinds(), events()) == ("", "done", INTERNET, [], [])


@pytest.mark.parametrize("typed", ["\0", "a\0b@c", "x" * 300, "mıke@coe.example", "mike＠coe.example", "%", "'"])
def test_whatever_is_typed_is_taken_and_mails_nobody_else(app: Flask, organisation: Organisation, typed: str):
    person(organisation, "Mike Contact", email="mike@coe.example")
    ask(app, typed)
    assert kinds() == []
    assert db.session.scalars(select(RecoveryRequest.state)).one() == "done"


def test_who_is_looked_up_alike_but_stored_differently_gets_a_mail_of_their_own(app: Flask, organisation: Organisation):
    one = person(organisation, "Ina Strasse", email="strasse@coe.example")
    other = person(organisation, "Ida Strasse", email="straße@coe.example")
    ask(app, "strasse@coe.example")
    assert {row.recipient: len(row.parameters["links"]) for row in mails()} == {
        one.primary_email: 1,
        other.primary_email: 1,
    }


def test_a_link_is_good_for_an_hour(app: Flask, organisation: Organisation, clock: Any):
    nomi = person(organisation, "Nomi Contact")
    ask(app, nomi.primary_email)
    token = token_of(links()[0])
    clock.shift(timedelta(minutes=59, seconds=59))
    assert recovery.link_of(token)
    clock.shift(timedelta(seconds=1))
    with pytest.raises(LinkRefused):
        recovery.link_of(token)


def test_a_link_works_once(app: Flask, employee: Person):
    ask(app, employee.primary_email)
    token = token_of(links()[0])
    reset(token)
    with pytest.raises(LinkRefused):
        reset(token, "another long password")
    assert links()[0].used_at is not None
    assert guess(app, employee.account.username, NEW)


def test_of_fifty_uses_of_a_link_at_once_one_counts(app: Flask, employee: Person):
    ask(app, employee.primary_email)
    token = token_of(links()[0])

    def use(number: int) -> bool:
        with app.test_request_context():
            try:
                reset(token, f"vivid otter kettle {number}")
            except LinkRefused:
                return False
            return True

    assert at_once([lambda number=number: use(number) for number in range(50)], threads=25).count(True) == 1
    assert events(employee).count("account:password:reset") == 1
    assert kinds().count("password-changed") == 1


def test_asked_again_within_ten_minutes_the_same_link_is_mailed_three_times_at_most(
    app: Flask, organisation: Organisation, clock: Any
):
    nomi = person(organisation, "Nomi Contact")
    for _ in range(5):
        ask(app, nomi.primary_email)
        clock.shift(timedelta(minutes=1))
    assert len(links()) == 1
    assert kinds() == ["password-reset"] * 3


def test_later_a_new_link_is_sent_and_the_older_stays_good_until_one_is_used(
    app: Flask, organisation: Organisation, clock: Any
):
    nomi = person(organisation, "Nomi Contact")
    ask(app, nomi.primary_email)
    clock.shift(timedelta(minutes=10, seconds=1))
    ask(app, nomi.primary_email)
    older, newer = (token_of(link) for link in links())
    assert recovery.link_of(older)
    assert recovery.link_of(newer)
    reset(older)
    with pytest.raises(LinkRefused):
        recovery.link_of(newer)


@pytest.mark.parametrize("verb", [accounts.re_enrol, accounts.deactivate])
def test_a_link_dies_when_the_credentials_change(app: Flask, employee: Person, verb: Any):
    ask(app, employee.primary_email)
    with write():
        verb(employee.account, None)
    with pytest.raises(LinkRefused):
        recovery.link_of(token_of(links()[0]))


def test_a_sign_in_changes_no_credentials_and_ends_no_link(app: Flask, employee: Person):
    ask(app, employee.primary_email)
    assert guess(app, employee.account.username, PASSWORD)
    assert recovery.link_of(token_of(links()[0]))


def test_a_link_of_one_account_is_none_of_another(app: Flask, employee: Person, local_admin: Person):
    ask(app, employee.primary_email)
    link = links()[0]
    forged = tokens.recovery_token(link.issue, local_admin.account.id, link.credential_version, link.key)
    with pytest.raises(LinkRefused):
        recovery.link_of(forged)


def test_one_mail_names_each_account_on_a_shared_address(app: Flask, organisation: Organisation):
    shared = [person(organisation, name, email="desk@coe.example") for name in ("Nomi Contact", "Noel Contact")]
    ask(app, shared[1].account.username)
    (mail,) = mails()
    assert mail.parameters["links"] == [link.id for link in links()]
    assert [link.account_id for link in links()] == [somebody.account.id for somebody in shared]
    assert [events(somebody) for somebody in shared] == [["account:recovery:link-mailed"]] * 2


def test_the_username_reminder_names_every_username_three_times_at_most(app: Flask, organisation: Organisation):
    for name in ("Nomi Contact", "Noel Contact"):
        person(organisation, name, email="desk@coe.example")
    person(organisation, "Gone Contact", email="desk@coe.example", state=S.INACTIVE)
    for _ in range(5):
        ask(app, "desk@coe.example", Need.USERNAME)
    assert [row.parameters for row in mails("username-reminder")] == [
        {"usernames": ["42061ncontact1", "42061ncontact2"]}
    ] * 3
    assert links() == []


HELP = [
    (S.NOT_REGISTERED, {}, "not-registered"),
    (S.REGISTRATION_PENDING, {}, "registration-pending"),
    (S.REGISTRATION_PENDING, {"temporary_password_expires_at": None}, "registration-expired"),
    (S.REGISTRATION_PENDING, {"temporary_password_hash": None}, "registration-expired"),
    (S.INACTIVE, {}, "inactive"),
]


@pytest.mark.parametrize(("state", "columns", "why"), HELP)
def test_an_address_that_we_hold_and_cannot_help_is_told_why(
    app: Flask, organisation: Organisation, state: AccountState, columns: dict[str, Any], why: str
):
    nomi = person(organisation, "Nomi Contact", state=state, account=columns)
    for _ in range(4):
        ask(app, nomi.primary_email)
    barred = [{"account": nomi.account.id, "why": why}]
    assert [(row.kind, row.parameters) for row in mails()] == [("recovery-help", {"barred": barred})] * 3
    assert [entry.details for entry in entries(nomi)] == [{"why": why}] * 3


def test_of_several_that_cannot_be_helped_the_nearest_to_use_comes_first(app: Flask, organisation: Organisation):
    states = (S.INACTIVE, S.NOT_REGISTERED, S.REGISTRATION_PENDING)
    shared = [person(organisation, "Nomi Contact", email="desk@coe.example", state=state) for state in states]
    ask(app, "desk@coe.example")
    (mail,) = mails()
    assert [each["why"] for each in mail.parameters["barred"]] == ["registration-pending", "not-registered", "inactive"]
    assert mail.account_id == shared[2].account.id
    assert [events(somebody) for somebody in shared] == [["account:recovery:help-mailed"]] * 3


def test_who_shares_an_address_with_somebody_who_gets_a_link_is_told_too(app: Flask, organisation: Organisation):
    ann = person(organisation, "Ann Active", email="desk@coe.example")
    bob = person(organisation, "Bob Pending", email="desk@coe.example", state=S.REGISTRATION_PENDING)
    ask(app, bob.account.username)
    (mail,) = mails()
    assert mail.parameters["links"] == [link.id for link in links()]
    assert mail.parameters["barred"] == [{"account": bob.account.id, "why": "registration-pending"}]
    assert (events(ann), events(bob)) == (["account:recovery:link-mailed"], ["account:recovery:help-mailed"])
    assert [outbox.last_message(somebody.account) for somebody in (ann, bob)] == [mail, mail]
    outbox.deliver_due()
    assert {somebody.account.internal_message for somebody in (ann, bob)} == {"mail-sent"}


def test_with_first_password_by_email_a_pending_registration_gets_a_link(app: Flask, organisation: Organisation):
    app.config["FIRST_PASSWORD_BY_EMAIL"] = True
    nomi = person(
        organisation,
        "Nomi Contact",
        state=S.REGISTRATION_PENDING,
        account={"temporary_password_expires_at": the_clock.now() - timedelta(days=1)},
    )
    ask(app, nomi.primary_email)
    reset(token_of(links()[0]))
    assert (nomi.account.state, nomi.account.enrolled, nomi.account.temporary_password_hash) == (S.ACTIVE, True, None)


def test_somebody_without_an_address_gets_nothing(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", email="")
    ask(app, nomi.account.username)
    ask(app, "")
    assert kinds() == []


def test_a_password_that_was_disabled_is_put_right_by_a_reset(app: Flask, organisation: Organisation):
    nomi = person(
        organisation, "Nomi Contact", state=S.LOCKED, account={"failures_since_success": 100, "failures_total": 100}
    )
    ask(app, nomi.primary_email, Need.UNLOCK)
    reset(token_of(links()[0]))
    assert guess(app, nomi.account.username, NEW)


def test_no_row_holds_a_link(app: Flask, employee: Person):
    ask(app, employee.primary_email)
    token = token_of(links()[0])
    for table in reversed(db.metadata.sorted_tables):
        for row in db.session.execute(select(table)):
            assert token not in str(row)
            assert token.rpartition(".")[2] not in str(row)


def test_a_changed_address_kills_the_links_that_were_mailed_to_the_old_one(
    app: Flask, organisation: Organisation, local_admin: Person
):
    nomi = person(organisation, "Nomi Contact")
    ask(app, nomi.primary_email)
    token = token_of(links()[0])
    with app.test_request_context(), write():
        opened = sessions.start(local_admin.account, "full")
    lena = sessions.load(opened)
    with write():
        details = replace(contacts.details_of(nomi), primary_email="nomi.new@coe.example")
        contacts.save(nomi, details, lena, version=nomi.version)
    with pytest.raises(LinkRefused):
        recovery.link_of(token)
