"""The account's moves as verbs: the row, the mail and the audit entry that each leaves."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock as the_clock
from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, Organisation, OutboxMessage, Person, Session
from portal.services import accounts, passwords, registration, sessions, temporary_passwords, tokens
from portal.services.accounts import MoveRefused, NoEmailAddress, NotPermitted
from portal.services.registration import EnrolmentOver
from portal.services.sessions import SignedIn
from portal.transactions import write
from tests.factories import TEMPORARY_PASSWORD, grant, person
from tests.support.guesses import at_once, guess
from tests.support.trail import entries, events, kinds, mails

S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture
def lena(app: Flask, local_admin: Person) -> SignedIn:
    """The local administrator, as an actor."""
    return signed_in(app, local_admin)


def signed_in(app: Flask, somebody: Person, kind: str = "full") -> SignedIn:
    with app.test_request_context(), write():
        token = sessions.start(somebody.account, kind)
    found = sessions.load(token)
    assert found is not None
    return found


def do(verb: Any, somebody: Person, by: SignedIn | None = None) -> Account:
    with write():
        verb(somebody.account, by)
    return somebody.account


def test_register_makes_a_username_and_mails_a_temporary_password(
    organisation: Organisation, lena: SignedIn, clock: Any
):
    nomi = person(organisation, "Nomi Contact", state=S.NOT_REGISTERED)
    account = do(accounts.register, nomi, lena)
    assert (account.state, account.username) == (S.REGISTRATION_PENDING, "42061ncontact1")
    assert account.temporary_password_expires_at == the_clock.now() + timedelta(hours=24)
    assert (account.enrolled, account.re_enrolled, account.internal_message) == (False, False, "registration-queued")
    (mail,) = mails()
    assert (mail.kind, mail.recipient, mail.not_after) == (
        "registration", nomi.primary_email, account.temporary_password_expires_at,
    )  # fmt: skip
    (entry,) = entries(nomi)
    assert (entry.event, entry.actor_account_id, mail.audit_entry_id) == (
        "account:registration:registered", lena.account.id, entry.id,
    )  # fmt: skip
    secret = tokens.temporary_password(mail.parameters["issue"], mail.parameters["key"])
    assert passwords.matches(account.temporary_password_hash, secret.replace("-", ""))
    assert secret not in str(mail.parameters) + str(entry.details)


def test_re_enrol_ends_the_old_password_and_every_session(app: Flask, employee: Person, lena: SignedIn):
    theirs = signed_in(app, employee)
    account = do(accounts.re_enrol, employee, lena)
    assert (account.state, account.re_enrolled, account.enrolled) == (S.REGISTRATION_PENDING, True, False)
    assert account.password_hash is None
    assert sessions.load(theirs.token) is None
    assert sessions.load(lena.token) is not None, "nobody else's session ends"
    assert kinds() == ["re-enrolment"]
    assert events(employee) == ["account:registration:re-enrolled"]


def test_the_second_temporary_password_is_the_only_one(app: Flask, organisation: Organisation, lena: SignedIn):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    do(accounts.re_enrol, nomi, lena)
    assert guess(app, nomi.account.username, TEMPORARY_PASSWORD) is None
    (row,) = mails("re-enrolment")
    assert guess(app, nomi.account.username, tokens.temporary_password(row.parameters["issue"], row.parameters["key"]))


def test_unlock_clears_the_failures_and_mails_a_moment(organisation: Organisation, lena: SignedIn, clock: Any):
    nomi = person(organisation, "Nomi Contact", state=S.LOCKED, secondary_email="nomi@home.example")
    account = do(accounts.unlock, nomi, lena)
    assert (account.state, account.failures, account.failures_since_success) == (S.UNLOCK_PENDING, 0, 3)
    assert account.unlock_expires_at == the_clock.now() + timedelta(hours=24)
    assert [row.recipient for row in mails("unlocked")] == [nomi.primary_email, "nomi@home.example"]
    assert events(nomi) == ["account:lock:unlocked"]


def test_unlock_works_without_an_address_and_says_so(organisation: Organisation, lena: SignedIn):
    nomi = person(organisation, "Nomi Contact", email="", state=S.LOCKED)
    account = do(accounts.unlock, nomi, lena)
    assert (account.state, account.internal_message, kinds()) == (S.UNLOCK_PENDING, "unlocked-without-email", [])


def test_an_expired_unlock_is_a_lock_and_can_be_unlocked(organisation: Organisation, lena: SignedIn, clock: Any):
    nomi = person(organisation, "Nomi Contact", state=S.UNLOCK_PENDING)
    clock.shift(timedelta(hours=24))
    assert accounts.shown_state(nomi.account) is S.LOCKED
    assert do(accounts.unlock, nomi, lena).state is S.UNLOCK_PENDING


def test_deactivate_erases_credentials_and_reactivate_begins_anew(app: Flask, employee: Person, lena: SignedIn):
    theirs, username, version = signed_in(app, employee), employee.account.username, employee.version
    account = do(accounts.deactivate, employee, lena)
    assert (account.state, account.password_hash, account.enrolled) == (S.INACTIVE, None, False)
    assert sessions.load(theirs.token) is None
    account = do(accounts.reactivate, employee, lena)
    assert (account.state, account.username, employee.version) == (S.NOT_REGISTERED, username, version + 2)
    assert events(employee) == ["account:life:deactivated", "account:life:reactivated"]
    do(accounts.register, employee, lena)
    assert employee.account.username == username, "a username is kept for ever"


def test_deactivate_erases_a_temporary_password_too(organisation: Organisation, lena: SignedIn):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    account = do(accounts.deactivate, nomi, lena)
    assert account.temporary_password_hash is account.temporary_password_issue is None


ALLOWED = {
    accounts.register: {S.NOT_REGISTERED},
    accounts.re_enrol: {S.REGISTRATION_PENDING, S.ACTIVE, S.LOCKED, S.UNLOCK_PENDING},
    accounts.unlock: {S.LOCKED},
    accounts.deactivate: set(S) - {S.INACTIVE},
    accounts.reactivate: {S.INACTIVE},
}


@pytest.mark.parametrize(
    ("verb", "state"),
    [(verb, state) for verb, allowed in ALLOWED.items() for state in S if state not in allowed],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_every_other_pair_is_refused_and_changes_nothing(
    organisation: Organisation, lena: SignedIn, verb: Any, state: AccountState
):
    nomi = person(organisation, "Nomi Contact", state=state)
    with pytest.raises(MoveRefused) as refusal:
        do(verb, nomi, lena)
    assert refusal.value.state is state
    db.session.rollback()
    assert (nomi.account.state, events(nomi), kinds()) == (state, [], [])


@pytest.mark.parametrize(("verb", "state"), [(accounts.register, S.NOT_REGISTERED), (accounts.re_enrol, S.ACTIVE)])
def test_without_an_address_nothing_is_issued(
    organisation: Organisation, lena: SignedIn, verb: Any, state: AccountState
):
    nomi = person(organisation, "Nomi Contact", email="", state=state)
    with pytest.raises(NoEmailAddress):
        do(verb, nomi, lena)
    db.session.rollback()
    assert (nomi.account.state, events(nomi)) == (state, [])


@pytest.mark.parametrize("verb", [accounts.re_enrol, accounts.unlock, accounts.deactivate, accounts.reactivate])
def test_nobody_acts_on_their_own_account(lena: SignedIn, local_admin: Person, verb: Any):
    with pytest.raises(NotPermitted):
        do(verb, local_admin, lena)


@pytest.mark.parametrize("target", ["regional_manager", "central_admin"])
def test_nobody_acts_on_who_stands_above(lena: SignedIn, request: pytest.FixtureRequest, target: str):
    with pytest.raises(NotPermitted):
        do(accounts.re_enrol, request.getfixturevalue(target), lena)


def test_equal_administrators_may_reset_each_other(organisation: Organisation, lena: SignedIn):
    other = person(organisation, "Lars Administrator")
    grant(other, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    assert do(accounts.re_enrol, other, lena).state is S.REGISTRATION_PENDING


def test_register_pressed_ten_times_at_once_registers_once(app: Flask, organisation: Organisation):
    number = person(organisation, "Nomi Contact", state=S.NOT_REGISTERED).account.id

    def press() -> bool:
        with app.app_context():
            try:
                with write():
                    accounts.register(db.session.get_one(Account, number), None)
            except MoveRefused:
                return False
            return True

    assert at_once([press] * 10).count(True) == 1
    assert kinds() == ["registration"]
    assert events() == ["account:registration:registered"]


def test_two_people_of_one_name_have_two_usernames(app: Flask, organisation: Organisation):
    numbers = [person(organisation, "Nomi Contact", state=S.NOT_REGISTERED).account.id for _ in range(8)]

    def press(number: int) -> None:
        with app.app_context(), write():
            accounts.register(db.session.get_one(Account, number), None)

    at_once([lambda number=number: press(number) for number in numbers])
    made = set(db.session.scalars(select(Account.username)))
    assert made == {f"42061ncontact{number}" for number in range(1, 9)}


def complete(enrolling: SignedIn, password: str = "vivid otter kettle") -> str:
    with write():
        return registration.complete(enrolling, password)


def test_completing_a_registration_makes_the_account_active_and_opens_a_session(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING, account={"re_enrolled": True})
    enrolling = signed_in(app, nomi, "enrolment")
    token = complete(enrolling)
    account = nomi.account
    assert (account.state, account.enrolled, account.re_enrolled, account.sign_ins) == (S.ACTIVE, True, False, 1)
    assert account.temporary_password_hash is None
    assert sessions.load(enrolling.token) is None
    opened = sessions.load(token)
    assert opened is not None
    assert not opened.is_enrolling
    assert events(nomi) == ["account:registration:completed"]


@pytest.mark.parametrize("verb", [accounts.re_enrol, accounts.deactivate], ids=["re-enrolled", "deactivated"])
def test_an_enrolment_that_was_overtaken_completes_nothing(app: Flask, organisation: Organisation, verb: Any):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    enrolling = signed_in(app, nomi, "enrolment")
    state = do(verb, nomi).state
    with pytest.raises(EnrolmentOver):
        complete(enrolling)
    db.session.rollback()
    assert (nomi.account.state, nomi.account.password_hash) == (state, None)


def test_of_two_browsers_that_complete_a_registration_one_does(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    first, second = (signed_in(app, nomi, "enrolment").token for _ in range(2))

    def choose(token: str) -> bool:
        with app.test_request_context():
            enrolling = sessions.load(token)
            if enrolling is None:  # the other browser was quicker, and ended this one's session
                return False
            try:
                complete(enrolling)
            except EnrolmentOver:
                return False
            return True

    assert sorted(at_once([lambda: choose(first), lambda: choose(second)])) == [False, True]
    assert events(nomi) == ["account:registration:completed"]
    assert len(db.session.scalars(select(Session).where(Session.ended_at.is_(None))).all()) == 1


def test_a_temporary_password_is_recognised_however_it_is_typed(organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    assert temporary_passwords.is_in_use(nomi.account, "4f7k 9qxd 2m8w")
    assert not temporary_passwords.is_in_use(nomi.account, "4f7k 9qxd 2m8x")
    assert not temporary_passwords.is_in_use(nomi.account, "vivid otter kettle")


def test_no_row_of_the_outbox_holds_a_secret(organisation: Organisation, lena: SignedIn):
    nomi = person(organisation, "Nomi Contact", state=S.NOT_REGISTERED)
    do(accounts.register, nomi, lena)
    row = db.session.scalars(select(OutboxMessage)).one()
    secret = tokens.temporary_password(row.parameters["issue"], row.parameters["key"])
    held = "".join(str(getattr(row, column.name)) for column in OutboxMessage.__table__.columns)
    assert secret not in held
    assert secret.replace("-", "") not in held


@pytest.mark.parametrize(("verb", "state"), [(accounts.register, S.NOT_REGISTERED), (accounts.re_enrol, S.ACTIVE)])
def test_the_other_administrators_are_told_when_one_is_given_a_way_in(
    organisation: Organisation, other_organisation: Organisation, lena: SignedIn, verb: Any, state: AccountState
):
    anna, alma = person(organisation, "Anna Chief", state=state), person(organisation, "Alma Admin")
    away, gone = person(other_organisation, "Ada Admin"), person(organisation, "Gone Admin", state=S.INACTIVE)
    for administrator in (anna, alma, gone):
        grant(administrator, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    grant(away, Role.LOCAL_ADMINISTRATOR, organisation=other_organisation)
    do(verb, anna, lena)
    (notice,) = mails("administrator-notice")
    assert notice.recipient == alma.primary_email, "not the one who did it, nor whoever cannot sign in"
    assert (notice.parameters["about"], notice.parameters["by"]) == (anna.account.id, lena.account.id)


def test_nobody_is_told_of_an_employee(organisation: Organisation, lena: SignedIn, employee: Person):
    do(accounts.re_enrol, employee, lena)
    assert kinds() == ["re-enrolment"]


def test_a_changed_address_puts_out_whoever_came_in_with_the_temporary_password(app: Flask, organisation: Organisation):
    nomi = person(organisation, "Nomi Contact", state=S.REGISTRATION_PENDING)
    stranger = signed_in(app, nomi, "enrolment")
    do(lambda account, _by: accounts.leave_address(account), nomi)
    with app.test_request_context(), pytest.raises(EnrolmentOver), write():
        registration.complete(stranger, "vivid otter kettle")
    assert nomi.account.state is S.REGISTRATION_PENDING


def test_nothing_of_a_temporary_password_outlives_the_account(organisation: Organisation):
    nomi = person(
        organisation, "Nomi Contact", state=S.REGISTRATION_PENDING, account={"temporary_password_failures": 4}
    )
    account = do(accounts.deactivate, nomi)
    assert (account.temporary_password_hash, account.temporary_password_failures) == (None, 0)
