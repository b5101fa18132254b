"""``portal central-administrator``: the first one, by a link; nobody comes with the product."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, EnrolmentLink, Organisation, Person, RoleGrant
from portal.services import accounts, enrolment_links, first_administrator, housekeeping, outbox, recovery, sessions
from portal.services.tokens import token_hash
from portal.transactions import write
from tests import factories
from tests.support.guesses import at_once
from tests.support.smtp import Mailbox
from tests.support.trail import entries, events, mails

ANN = "ann@centre.example"
S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def call(app: Flask, *arguments: str, expect: int = 0) -> Any:
    """The command; the test's next look at its rows sees what it left."""
    db.session.rollback()
    result = app.test_cli_runner().invoke(args=["central-administrator", *arguments])
    db.session.rollback()
    assert result.exit_code == expect, result.output
    return result


def link_in(result: Any) -> str:
    """The path of the link that was printed."""
    urls = re.findall(r"\S*https?://\S+", result.output)
    assert len(urls) == 1, f"it prints one address, the link's: {result.output}"
    assert urls[0] in result.output.splitlines(), "which stands alone on its line"
    return str(urls[0]).removeprefix("http://127.0.0.1:8000")


def token_in(result: Any) -> str:
    return link_in(result).removeprefix("/enrol/")


def everyone() -> list[Person]:
    return list(db.session.scalars(select(Person).order_by(Person.id)))


def choose_password(token: str) -> Account:
    with write():
        account, _session = first_administrator.complete(token, "vivid otter kettle")
    return account


def test_the_organisation_that_it_makes_stands_in_the_trail_once(app: Flask):
    call(app, ANN)
    call(app, ANN)
    (made,) = entries(event="organisation:record:created")
    assert made.details == {"code": "CENTRAL"}


def test_it_makes_an_administrator_of_everything_and_prints_a_link(app: Flask):
    result = call(app, ANN)
    token = token_in(result)
    (ann,) = everyone()
    assert (ann.full_name, ann.primary_email) == ("Central Administrator", ANN)
    assert (ann.organisation.code, ann.organisation.name) == ("CENTRAL", "Central administration")
    account = ann.account
    assert (account.state, account.username) == (S.REGISTRATION_PENDING, "centralcadministrator1")
    assert account.username in result.output
    assert [(grant.role, grant.organisation_id, grant.region_id, grant.ended_at) for grant in account.roles] == [
        (Role.CENTRAL_ADMINISTRATOR, None, None, None)
    ]
    assert (account.password_hash, account.temporary_password_hash, account.temporary_password_issue) == (None,) * 3
    assert enrolment_links.of(token).account == account
    assert events(ann) == [
        "person:record:created",
        "account:registration:registered",
        "account:role:granted",
        "account:enrolment-link:issued",
    ]
    assert {(entry.actor_account_id, entry.address) for entry in entries(ann)} == {(None, "command")}
    assert mails() == [], "there is nobody to tell, and the link is for whoever called"


def test_the_link_is_256_random_bits_and_the_database_holds_its_hash(app: Flask):
    token = token_in(call(app, ANN))
    assert len(token) == 43
    (link,) = db.session.scalars(select(EnrolmentLink))
    assert len(link.token_hash) == 32
    assert token.encode() not in link.token_hash
    assert token not in str([entry.details for entry in entries()])


def test_an_organisation_that_is_there_is_the_centre(app: Flask):
    factories.organisation("Central", "THE CENTRE OF IT ALL")
    call(app, ANN)
    assert everyone()[0].organisation.name == "THE CENTRE OF IT ALL"
    assert db.session.scalar(select(func.count(Organisation.id))) == 1


def test_a_second_call_replaces_the_link(app: Flask):
    first, second = token_in(call(app, ANN)), token_in(call(app, ANN))
    with pytest.raises(enrolment_links.EnrolmentLinkRefused):
        enrolment_links.of(first)
    (ann,) = everyone()
    assert enrolment_links.of(second).account == ann.account
    assert events(ann)[4:] == ["account:enrolment-link:issued"]


def test_a_second_call_with_another_address_corrects_it(app: Flask):
    first = token_in(call(app, "amm@centre.example"))
    second = token_in(call(app, ANN))
    (ann,) = everyone()
    assert (ann.primary_email, ann.primary_email_folded) == (ANN, ANN)
    assert ANN in ann.search_text
    assert enrolment_links.of(second).account == ann.account
    with pytest.raises(enrolment_links.EnrolmentLinkRefused):
        enrolment_links.of(first)
    (changed,) = entries(ann, "person:record:changed")
    assert changed.details == {"changes": {"primary_email": ["amm@centre.example", ANN]}}


def test_calls_at_the_same_moment_make_one_person_and_one_good_link(app: Flask):
    factories.organisation("CENTRAL", "CENTRAL ADMINISTRATION")

    def issue() -> str:
        with app.app_context(), write():
            return first_administrator.issue(ANN).token

    tokens = at_once([issue] * 8)
    (ann,) = everyone()
    assert [grant.role for grant in ann.account.roles] == [Role.CENTRAL_ADMINISTRATOR]
    (good,) = db.session.scalars(select(EnrolmentLink).where(EnrolmentLink.ended_at.is_(None)))
    assert good.token_hash in {token_hash(token) for token in tokens}


def test_once_one_has_chosen_a_password_it_is_refused(app: Flask):
    choose_password(token_in(call(app, ANN)))
    result = call(app, "bea@centre.example", expect=1)
    assert "there is a central administrator already" in result.output
    assert "--another" in result.output
    assert len(everyone()) == 1


@pytest.mark.parametrize("state", [S.ACTIVE, S.LOCKED, S.UNLOCK_PENDING])
def test_whoever_got_the_role_in_another_way_counts_too(app: Flask, state: AccountState):
    made = factories.person(factories.organisation(), "Cleo Central", state=state)
    factories.grant(made, Role.CENTRAL_ADMINISTRATOR)
    call(app, ANN, expect=1)
    assert len(everyone()) == 1


def test_a_role_that_was_withdrawn_counts_no_more(app: Flask):
    made = factories.person(factories.organisation(), "Cleo Central")
    grant = factories.grant(made, Role.CENTRAL_ADMINISTRATOR)
    with write():
        db.session.get_one(RoleGrant, grant.id).ended_at = made.created_at
    call(app, ANN)


def test_another_makes_a_further_one_and_the_first_is_told(app: Flask, mailbox: Mailbox):
    first = choose_password(token_in(call(app, ANN)))
    token = token_in(call(app, "--another", "bea@centre.example"))
    ann, bea = everyone()
    assert (bea.full_name, bea.account.username) == ("Central Administrator", "centralcadministrator2")
    assert enrolment_links.of(token).account == bea.account
    assert first.state is S.ACTIVE
    assert [(row.kind, row.recipient, row.parameters["what"]) for row in mails()] == [
        ("administrator-notice", ann.primary_email, "enrolment-link")
    ]
    outbox.deliver_due()
    notice = mailbox.one("administrator-notice")
    assert notice.subject == "An administrator was given a link to enrol"
    for part in (notice.text, notice.html):
        assert "was given a link to choose a password, on the command line, on" in part
        assert token not in part


def test_another_with_the_address_of_one_who_has_completed_is_refused(app: Flask):
    choose_password(token_in(call(app, ANN)))
    result = call(app, "--another", "Ann@Centre.example", expect=1)
    assert "is the address of centralcadministrator1: give another one" in result.output
    assert len(everyone()) == 1


def test_another_for_the_same_address_replaces_that_ones_link(app: Flask):
    choose_password(token_in(call(app, ANN)))
    first = token_in(call(app, "--another", "bea@centre.example"))
    other = token_in(call(app, "--another", "cid@centre.example"))
    second = token_in(call(app, "BEA@centre.example", "--another"))
    assert len(everyone()) == 3
    with pytest.raises(enrolment_links.EnrolmentLinkRefused):
        enrolment_links.of(first)
    assert enrolment_links.of(other).account.person.primary_email == "cid@centre.example"
    assert enrolment_links.of(second).account.person.primary_email == "BEA@centre.example"


def test_a_replaced_link_takes_the_place_of_a_temporary_password(app: Flask):
    """Another administrator may have re-enrolled who waits for the link; one way in is left, the last."""
    choose_password(token_in(call(app, ANN)))
    call(app, "--another", "bea@centre.example")
    bea = everyone()[1].account
    with write():
        accounts.re_enrol(bea, None)
        session = sessions.start(bea, "enrolment")
    token = token_in(call(app, "--another", "bea@centre.example"))
    assert (bea.temporary_password_hash, bea.temporary_password_issue) == (None, None)
    assert sessions.load(session) is None
    assert enrolment_links.of(token).account == bea


@pytest.mark.parametrize(
    "typed", ["", "ann", "ann@", "ann@centre", "ann@centre.example\nBcc: x@y.example", "änn@centre.example"]
)
def test_what_is_no_address_is_wrong_usage(app: Flask, typed: str):
    result = call(app, typed, expect=2)
    assert "name@organisation.example" in result.output
    assert everyone() == []


def test_an_address_is_kept_in_its_normal_form(app: Flask):
    call(app, "  ann@CENTRE.example ")
    assert everyone()[0].primary_email == ANN


@pytest.mark.usefixtures("of_another_version")
def test_a_database_of_another_version_is_refused(app: Flask):
    result = call(app, ANN, expect=1)
    assert "portal db upgrade" in result.output
    assert everyone() == []


def test_while_the_link_waits_no_recovery_helps_and_the_mail_says_why(app: Flask, mailbox: Mailbox):
    token = token_in(call(app, ANN))
    with write():
        recovery.ask(ANN, recovery.Need.PASSWORD)
    recovery.handle_due()
    outbox.deliver_due()
    received = mailbox.one("recovery-help")
    for part in (received.text, received.html):
        assert "choose a password with the link that was made for you" in part
        assert token not in part
    (entry,) = entries(everyone()[0], "account:recovery:help-mailed")
    assert entry.details == {"why": "enrolment-link"}


def test_a_spent_link_is_kept_for_thirty_days(app: Flask, clock: Any):
    call(app, ANN)
    clock.shift(timedelta(days=30))
    housekeeping.sweep_when_due()
    assert db.session.scalar(select(func.count(EnrolmentLink.id))) == 1
    clock.shift(timedelta(days=2))
    housekeeping.sweep_when_due()
    assert db.session.scalar(select(func.count(EnrolmentLink.id))) == 0
    assert token_in(call(app, ANN)), "and who never came is waited for still"
    assert len(everyone()) == 1
