"""``portal restore``: what there was is there again, and nothing that was used or sent since comes back to life."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import func, select, update

from portal import clock
from portal.blueprints.activity import sentence
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import (
    Account,
    Counter,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    Organisation,
    OutboxMessage,
    Person,
    RecoveryLink,
    RecoveryRequest,
    Session,
    SignInReservation,
)
from portal.services import accounts, audit, contacts, demonstration, outbox, recovery, sequences, tokens
from portal.services.activity import Happening
from portal.services.recovery import Need
from portal.transactions import write
from tests import factories
from tests.factories import PASSWORD, TEMPORARY_PASSWORD
from tests.support.client import CheckingClient
from tests.support.embedded import Embedded
from tests.support.trail import entries, mails

NEW_PASSWORD = "walnut harbour kettle"


def people() -> list[str]:
    return [person.full_name for person in db.session.scalars(select(Person).order_by(Person.id))]


def test_what_there_was_is_there_again_and_what_came_after_is_gone(
    embedded: Embedded, organisation: Organisation, employee: Person
):
    with write():
        audit.record("account:sign-in:succeeded", person=employee)
    embedded.backup()
    with write():
        employee.last_name = "Changed"
    factories.person(organisation, "Nomi Later")
    said = embedded.restore().stdout
    assert people() == ["Erin Employee"]
    assert f"Restored from {embedded.file}, as of " in said
    assert ": people 1." in said
    assert "The audit trail lacks nothing." in said
    assert embedded.beside() >= {"portal.backup", embedded.live.name}
    assert not [name for name in embedded.beside() if name.endswith(".part")]
    assert "The audit trail fits" in embedded.run("audit", "verify").stdout


def test_the_trail_says_that_it_was_restored_and_what_is_lost(
    embedded: Embedded, clock: Any, employee: Person, other_org_admin: Person
):
    for failures in (1, 2):
        with write():
            audit.record("account:sign-in:failed", person=employee, failures=failures)
    taken_at = entries()[-1].at
    embedded.backup()
    clock.shift(timedelta(hours=1))
    for failures in (3, 4, 5):
        with write():
            audit.record("account:sign-in:failed", person=employee, failures=failures)
    with write():
        audit.record("account:sign-in:succeeded", person=other_org_admin)
        audit.record("sign-in:unknown:failed")
    said = embedded.restore().stdout
    assert said.partition("The audit trail lacks")[2].splitlines()[1:] == [
        "  chain none, entries 1 to 1",
        "  chain 42061, entries 3 to 5",
        "  chain RX1, entries 1 to 1",
    ]
    (entry,) = entries(event="installation:database:restored")
    assert (entry.chain, entry.sequence, entry.address) == (0, 1, "command")
    assert entry.details == {
        "taken_at": taken_at.isoformat(),
        "lost": {"chains": [["", 1, 1], ["42061", 3, 5], ["RX1", 1, 1]], "more": 0},
    }
    with force_locale("en_GB"):
        assert sentence(Happening(entry, None, None)) == (
            "The command line restored the database from a backup of 16/11/2026 09:00; what came after it is lost: "
            "what belongs to no organisation, entries 1 to 1; 42061, entries 3 to 5; RX1, entries 1 to 1"
        )
    assert "So do the heads that were exported here: 2." in embedded.run("audit", "verify").stdout


def test_a_history_that_went_another_way_is_lost_from_where_it_parted(embedded: Embedded, employee: Person):
    """Restored once already: the second backup holds what the first restore took away."""

    def fail(times: int) -> None:
        for failures in range(times):
            with write():
                audit.record("account:sign-in:failed", person=db.session.get_one(Person, number), failures=failures)

    number = employee.id
    fail(3)
    embedded.backup()
    fail(4)
    second = embedded.file.with_name("second")
    embedded.backup(second)
    embedded.restore()
    with write():
        audit.record("account:sign-in:succeeded", person=db.session.get_one(Person, number))
    fail(5)
    said = embedded.restore(second).stdout
    assert said.endswith("since:\n  chain none, entries 1 to 1\n  chain 42061, entries 4 to 9\n")
    embedded.run("audit", "verify")


def test_of_many_chains_some_are_named_and_the_others_counted(embedded: Embedded, organisation: Organisation):
    somebody = [factories.person(factories.organisation(f"T{number}"), f"Nomi N{number}") for number in range(23)]
    embedded.backup()
    for person in somebody:
        with write():
            audit.record("account:sign-in:succeeded", person=person)
    said = embedded.restore().stdout
    assert said.count("  chain T") == 20
    assert said.endswith("  and entries of 3 more chains\n")


def test_numbers_that_were_given_out_are_never_given_out_again(
    embedded: Embedded, organisation: Organisation, employee: Person
):
    embedded.backup()
    later = [factories.person(organisation, "Nomi Later", state=AccountState.NOT_REGISTERED) for _ in range(3)]
    for person in later:
        with write():
            accounts.register(person.account, None)
    given_out = {person.ess_id for person in later} | {person.account.username for person in later}
    with write():
        db.session.add(Counter(name=demonstration.MARK, value=1))
    embedded.restore()
    assert people() == ["Erin Employee"]
    organisation = db.session.scalars(select(Organisation)).one()
    again = factories.person(organisation, "Nomi Later", state=AccountState.NOT_REGISTERED)
    with write():
        accounts.register(again.account, None)
    assert again.ess_id == max(number for number in given_out if isinstance(number, int)) + 1
    assert again.account.username == "42061nlater4"
    assert db.session.get(Counter, demonstration.MARK) is None, "only sequences are raised"
    assert db.session.get_one(Counter, sequences.ESS_ID).value == again.ess_id


def test_who_was_signed_in_is_nobody(embedded: Embedded, employee_client: CheckingClient, employee: Person):
    with write():
        db.session.execute(update(Session).values(held_form={"email": "x"}))
    employee_client.get("/account")
    embedded.backup()
    said = embedded.restore().stdout
    employee_client.get("/account", 303)
    assert "Ended: sessions 1, links 0." in said
    assert db.session.scalars(select(Session.held_form)).all() == [None]


def link_to(person: Person) -> str:
    with write():
        recovery.ask(person.primary_email, Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink).order_by(RecoveryLink.id.desc())).first()
    assert link is not None
    return tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("used", [True, False])
def test_a_link_of_recovery_is_dead_whether_it_was_used_since_or_not(
    embedded: Embedded, clock: Any, employee: Person, used: bool
):
    token = link_to(employee)
    clock.shift(timedelta(minutes=20))
    embedded.backup()
    if used:
        with write():
            recovery.reset_password(token, NEW_PASSWORD)
    assert "links 1." in embedded.restore().stdout
    for minutes in (0, -10, -10):
        clock.shift(timedelta(minutes=minutes))
        with pytest.raises(recovery.LinkRefused):
            recovery.link_of(token)
        db.session.rollback()


def test_a_link_that_was_asked_for_anew_after_a_restore_is_good(embedded: Embedded, clock: Any, employee: Person):
    old = link_to(employee)
    embedded.backup()
    embedded.restore()
    clock.shift(timedelta(minutes=1))
    new = link_to(db.session.scalars(select(Person)).one())
    assert new != old
    assert recovery.link_of(new)


def test_changes_of_address_first_links_known_browsers_and_guesses_in_hand_are_over(
    embedded: Embedded, employee: Person
):
    now, account = clock.now(), employee.account.id
    later = now + timedelta(hours=1)
    with write():
        db.session.add_all(
            [
                EmailChange(
                    account_id=account, address="new@coe.example", issue="i", key="k", credential_version=1,
                    asked_at=now, expires_at=later,
                ),
                EnrolmentLink(account_id=account, token_hash=b"x", issued_at=now, expires_at=later),
                KnownBrowser(account_id=account, token_hash=b"y", last_used_at=now),
                SignInReservation(account_id=account, zone="internet", reserved_at=now),
            ]
        )  # fmt: skip
    embedded.backup()
    assert "links 2." in embedded.restore().stdout
    for column in (EmailChange.ended_at, EnrolmentLink.ended_at, KnownBrowser.void_at):
        assert db.session.scalars(select(column)).one() is not None
    assert db.session.scalar(select(func.count()).select_from(SignInReservation)) == 0


def test_whose_link_to_enrol_is_dead_is_named_too(embedded: Embedded, app: Flask):
    app.test_cli_runner().invoke(args=["central-administrator", "ann@centre.example"])
    db.session.rollback()
    embedded.backup()
    said = embedded.restore().stdout
    account = db.session.scalars(select(Account)).one()
    assert f"  CENTRAL  {account.username}  " in said
    assert account.temporary_password_expires_at is None


def test_a_temporary_password_is_void_whether_it_was_used_since_or_not(
    embedded: Embedded, client: CheckingClient, organisation: Organisation
):
    pending = factories.person(organisation, "Nomi Contact", state=AccountState.REGISTRATION_PENDING)
    username, ess_id = pending.account.username, pending.ess_id
    embedded.backup()
    said = embedded.restore().stdout
    assert "of people to re-enrol: 1." in said
    assert f"  42061  {username}  (ESS ID {ess_id})" in said
    client.get("/sign-in")
    client.submit("/sign-in", {"username": username, "password": TEMPORARY_PASSWORD}, expect=422)
    account = db.session.scalars(select(Account)).one()
    assert (account.state, account.temporary_password_hash) == (AccountState.REGISTRATION_PENDING, None)
    assert account.internal_message == "restored"
    with write():
        accounts.re_enrol(account, None)
    assert account.temporary_password_hash is not None


def test_support_is_told_what_a_restore_did_to_an_account(
    embedded: Embedded, as_person: Any, organisation: Organisation, local_admin: Person
):
    pending = factories.person(organisation, "Nomi Contact", types=["admin"], state=AccountState.REGISTRATION_PENDING)
    ess_id, administrator = pending.ess_id, local_admin.id
    embedded.backup()
    embedded.restore()
    panel = as_person(db.session.get_one(Person, administrator)).get(f"/organisations/42061/contacts/{ess_id}").page
    assert "The database was restored from a backup: mail that was on its way was not sent" in panel.words


def test_nothing_that_was_waiting_is_sent(embedded: Embedded, organisation: Organisation, employee: Person):
    starter = factories.person(organisation, "Nora Starter", state=AccountState.NOT_REGISTERED)
    with write():
        accounts.register(starter.account, None)
        recovery.ask("somebody@coe.example", Need.PASSWORD)
    embedded.backup()
    outbox.deliver_all_due()
    said = embedded.restore().stdout
    assert "Not sent: mails 1; not handled: requests for recovery 1." in said
    assert outbox.deliver_all_due().total() == 0
    (mail,) = mails()
    assert (mail.state, mail.last_error, mail.lease_owner) == ("dropped", "restored from a backup", None)
    asked = db.session.scalars(select(RecoveryRequest)).one()
    assert (asked.state, asked.last_error, asked.identifier) == ("dropped", "restored from a backup", "")
    assert asked.finished_at is not None
    states = {account.username: account.internal_message for account in db.session.scalars(select(Account))}
    assert states == {"42061nstarter1": "restored", "42061eemployee1": ""}


def test_a_mail_that_was_sent_before_the_backup_is_left_as_it_was(embedded: Embedded, employee: Person):
    link_to(employee)
    outbox.deliver_all_due()
    embedded.backup()
    assert "mails 0;" in embedded.restore().stdout
    assert [(mail.state, mail.last_error) for mail in db.session.scalars(select(OutboxMessage))] == [("done", "")]


def test_the_work_goes_on_afterwards(embedded: Embedded, client: CheckingClient, organisation: Organisation):
    factories.person(organisation, "Nomi Contact")
    embedded.backup()
    embedded.restore()
    client.get("/sign-in")
    client.submit("/sign-in", {"username": "42061ncontact1", "password": PASSWORD}, expect=303)
    details = contacts.details_of(db.session.scalars(select(Person)).one())
    with write():
        contacts.create(db.session.scalars(select(Organisation)).one(), details, None, allow_duplicate=True)
    assert people() == ["Nomi Contact", "Nomi Contact"]


def test_the_portal_may_be_busy_for_a_while_but_not_for_ever(
    embedded: Embedded, employee: Person, monkeypatch: pytest.MonkeyPatch, app: Flask
):
    from portal.services import restore

    monkeypatch.setattr(restore, "LONGEST_WAIT_SECONDS", 0.2)
    embedded.backup()
    factories.person(db.session.scalars(select(Organisation)).one(), "Nomi Later")
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        result = app.test_cli_runner().invoke(args=["restore", str(embedded.file)])
    assert result.exit_code == 1
    assert "somebody else writes to the portal's database all the time. Nothing was changed." in result.stderr
    db.session.rollback()
    assert people() == ["Erin Employee", "Nomi Later"]
