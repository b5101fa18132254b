"""Each kind of mail as it arrives: its headers, its text with what is to be used alone on its line, its HTML."""

import re
from typing import Any

import html5lib
import pytest
from flask import Flask
from flask_babel import force_locale

from portal.domain.account_state import AccountState
from portal.domain.identity_check import IdentityCheck
from portal.domain.roles import Role
from portal.models import Organisation, Person, RecoveryLink
from portal.services import accounts, outbox, password_resets, recovery, roles, sessions, tokens
from portal.services.recovery import Need
from portal.services.roles import Scope
from portal.transactions import write
from tests.factories import grant, person
from tests.support import email_changes as changes
from tests.support.guesses import INTERNET, PRIVATE, fail
from tests.support.smtp import Mailbox, Received
from tests.support.trail import mails

S = AccountState
BASE = "http://127.0.0.1:8000"
NAME = "Nómi <b>Contact"
pytestmark = pytest.mark.usefixtures("cheap_hashes")


def somebody(organisation: Organisation, state: AccountState) -> Person:
    return person(organisation, NAME, email="nomi@coe.example", state=state)


def move(verb: Any, somebody: Person) -> None:
    with write():
        verb(somebody.account, None)


def ask(need: Need) -> None:
    with write():
        recovery.ask("nomi@coe.example", need)
    recovery.handle_due()


def make(app: Flask, organisation: Organisation, kind: str) -> None:
    """Let happen what a mail of this kind tells of."""
    if kind == "registration":
        move(accounts.register, somebody(organisation, S.NOT_REGISTERED))
    elif kind == "re-enrolment":
        move(accounts.re_enrol, somebody(organisation, S.ACTIVE))
    elif kind == "unlocked":
        move(accounts.unlock, somebody(organisation, S.LOCKED))
    elif kind == "locked":
        fail(app, somebody(organisation, S.ACTIVE), 3)
    elif kind in ("password-reset", "password-changed"):
        somebody(organisation, S.ACTIVE)
        ask(Need.PASSWORD)
        if kind == "password-changed":
            with write():
                recovery.reset_password(token(), "vivid otter kettle")
    elif kind == "administrator-notice":
        colleagues = somebody(organisation, S.ACTIVE), person(organisation, "Anna Admin", email="anna@coe.example")
        for colleague in colleagues:
            grant(colleague, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
        move(accounts.re_enrol, colleagues[1])
    elif kind == "username-reminder":
        somebody(organisation, S.ACTIVE)
        ask(Need.USERNAME)
    else:
        somebody(organisation, S.INACTIVE)
        ask(Need.PASSWORD)


def by_an_administrator(_app: Flask, organisation: Organisation, kind: str) -> None:
    """What only somebody who is signed in with a role can do."""
    anna = person(organisation, "Anna Admin", email="anna@coe.example")
    grant(anna, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    nomi = somebody(organisation, S.ACTIVE)
    with write():
        by = sessions.load(sessions.start(anna.account, "full"))
        assert by is not None
        if kind == "in-person":
            password_resets.give_in_person(nomi.account, by, IdentityCheck("known"))
        else:
            roles.grant(nomi.account, Role.PASSWORD_RESET_OPERATOR, Scope(organisation), by)


def change_address(app: Flask, organisation: Organisation, kind: str) -> None:
    """Somebody without an address asks for one; for the notice, the link comes back too."""
    nomi = person(organisation, NAME, email="")
    asked = changes.ask(app, nomi, "nomi@coe.example")
    if kind == "email-changed":
        changes.confirm(app, nomi, asked)


def token() -> str:
    from sqlalchemy import select

    from portal.extensions import db

    link = db.session.scalars(select(RecoveryLink)).one()
    return tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)


SECRET = r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}"
# Each kind with its subject and where its first link leads.
KINDS = {
    "registration": ("Your temporary password for Gatehouse", "/sign-in"),
    "re-enrolment": ("Your new temporary password for Gatehouse", "/sign-in"),
    "unlocked": ("Your account has been unlocked", "/sign-in"),
    "locked": ("Your account has been locked", "/recover?need=unlock"),
    "password-reset": ("Choose a new password", "/recover/"),
    "password-changed": ("Your password has been changed", "/recover?need=password"),
    "username-reminder": ("Your username", "/sign-in"),
    "recovery-help": ("About your account", "/find-administrator/42061"),
    "in-person": ("You were given a temporary password in person", "/find-administrator/42061"),
    "role-changed": ("You were given a role", "/sign-in"),
    "administrator-notice": ("An administrator was given a new temporary password", "/sign-in"),
    "verify-email": ("Confirm your new e-mail address", "/verify-email/"),
    "email-changed": ("Your e-mail address has been changed", "/find-administrator/42061"),
}


@pytest.fixture(params=KINDS)
def arrived(request: pytest.FixtureRequest, app: Flask, organisation: Organisation, mailbox: Mailbox) -> Received:
    by_others = dict.fromkeys(("verify-email", "email-changed"), change_address)
    by_others |= dict.fromkeys(("in-person", "role-changed"), by_an_administrator)
    by_others.get(request.param, make)(app, organisation, request.param)
    outbox.deliver_due()
    return mailbox.one(request.param)


def test_every_kind_of_the_outbox_is_looked_at():
    from portal.services.correspondence import _WRITERS

    assert set(_WRITERS) == set(KINDS)


def test_the_headers_say_what_it_is_and_that_a_machine_sent_it(arrived: Received):
    message = arrived.message
    assert (arrived.recipients, message["To"]) == (["nomi@coe.example"], "nomi@coe.example")
    assert message["From"] == "Gatehouse <portal@portal.example>"
    assert arrived.subject == KINDS[arrived.kind][0]
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[0-9a-f]{32}@127\.0\.0\.1>", message["Message-ID"])
    assert message["Date"]
    parts = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert parts == ["text/plain", "text/html"]


def test_each_link_stands_alone_on_its_line_and_the_first_is_the_one_to_act_on(arrived: Received):
    assert arrived.link.startswith(BASE + KINDS[arrived.kind][1])
    for line in arrived.lines:
        if "://" in line:
            assert re.fullmatch(r"http://127\.0\.0\.1:8000/\S+", line), f"{line!r} is a link and something else"


def test_the_text_is_for_its_reader_and_has_no_holes(arrived: Received):
    assert arrived.lines[0] == f"Dear {NAME},"
    assert "the access portal of COUNTY OFFICE OF EDUCATION" in arrived.text
    assert not re.search(r"\{[{%]|None|&lt;|&amp;|\n\n\n\n", arrived.text.replace("\r", ""))


def test_the_html_says_the_same_and_is_well_formed(arrived: Received):
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(arrived.html)
    assert "Nómi &lt;b&gt;Contact" in arrived.html
    assert arrived.link.replace("&", "&amp;") in arrived.html
    assert not re.search(r"<(script|img|iframe|form|link)|https?://(?!127\.0\.0\.1:8000/)", arrived.html)


def test_the_temporary_password_stands_alone_on_its_line_and_nowhere_else(arrived: Received):
    secrets = [line for line in arrived.lines if re.fullmatch(SECRET, line)]
    assert len(secrets) == (1 if arrived.kind in ("registration", "re-enrolment") else 0)
    for secret in secrets:
        assert (arrived.text.count(secret), arrived.html.count(secret)) == (1, 1)
        assert secret not in arrived.subject


def test_the_outbox_holds_nothing_of_what_is_secret(arrived: Received):
    held = "".join(f"{row.parameters}{row.last_error}{row.message_id}" for row in mails())
    for secret in re.findall(r"(?m)^(?:\w{4}-){2}\w{4}$|(?<=/recover/)\S+|(?<=/verify-email/)\S+", arrived.text):
        assert secret not in held
        assert secret.replace("-", "") not in held


def test_a_username_stands_alone_on_its_line(app: Flask, organisation: Organisation, mailbox: Mailbox):
    for name in ("Nomi Contact", "Noel Contact"):
        person(organisation, name, email="nomi@coe.example")
    ask(Need.USERNAME)
    outbox.deliver_due()
    lines = mailbox.one("username-reminder").lines
    assert [line for line in lines if line.startswith("42061")] == ["42061ncontact1", "42061ncontact2"]
    assert "The usernames on this address are" in lines


def test_a_shared_address_gets_one_mail_with_a_link_an_account(
    app: Flask, organisation: Organisation, mailbox: Mailbox
):
    for name in ("Nomi Contact", "Noel Contact"):
        person(organisation, name, email="nomi@coe.example")
    ask(Need.UNLOCK)
    outbox.deliver_due()
    lines = mailbox.one("password-reset").lines
    named = [line.partition(": ")[2] for line in lines if line.startswith("Username: ")]
    links = [line for line in lines if line.startswith(f"{BASE}/recover/")]
    assert named == ["42061ncontact1", "42061ncontact2"]
    assert len(set(links)) == 2


def test_a_shared_address_is_told_about_those_who_get_no_link(
    app: Flask, organisation: Organisation, other_organisation: Organisation, mailbox: Mailbox
):
    person(organisation, "Nomi Contact", email="nomi@coe.example")
    person(other_organisation, "Noel Contact", email="nomi@coe.example", state=S.NOT_REGISTERED)
    ask(Need.PASSWORD)
    outbox.deliver_due()
    received = mailbox.one("password-reset")
    assert received.link.startswith(f"{BASE}/recover/")
    for part in (received.text, received.html):
        assert "For Noel Contact there is no link." in part
        assert "Your account has not been registered yet" in part
        assert f"{BASE}/find-administrator/42061" in part
        assert f"{BASE}/find-administrator/RX1" in part


@pytest.mark.parametrize(
    ("state", "columns", "words", "link"),
    [
        (S.NOT_REGISTERED, {}, "has not been registered yet", "/find-administrator/42061"),
        (S.REGISTRATION_PENDING, {}, "Your registration is not complete", "/sign-in"),
        (S.REGISTRATION_PENDING, {"temporary_password_hash": None}, "has expired", "/find-administrator/42061"),
        (S.INACTIVE, {}, "marked as inactive", "/find-administrator/42061"),
    ],
)
def test_recovery_help_says_why(
    app: Flask, organisation: Organisation, mailbox: Mailbox, state: AccountState, columns: Any, words: str, link: str
):
    person(organisation, "Nomi Contact", email="nomi@coe.example", state=state, account=columns)
    ask(Need.PASSWORD)
    outbox.deliver_due()
    received = mailbox.one("recovery-help")
    assert words in received.text
    assert words in received.html
    assert received.link == BASE + link
    assert f"{BASE}/find-administrator/42061" in received.lines


@pytest.mark.parametrize(
    ("networks", "address", "words"),
    [
        (["10.0.0.0/8"], INTERNET, "The last one came from the internet."),
        (["10.0.0.0/8"], PRIVATE, "The last one came from your organisation's network."),
        ([], PRIVATE, None),
    ],
)
def test_the_notice_of_a_lock_names_the_zone_where_there_are_two(
    app: Flask, organisation: Organisation, mailbox: Mailbox, networks: list[str], address: str, words: str | None
):
    app.config["PRIVATE_NETWORKS"] = networks
    fail(app, somebody(organisation, S.ACTIVE), 5 if words and address == PRIVATE else 3, address)
    outbox.deliver_due()
    received = mailbox.one("locked")
    for part in (received.text, received.html.replace("&#39;", "'")):
        assert (words or "was locked on") in part
        assert ("The last one came" in part) is bool(words)


def test_the_html_wears_the_brand_s_colour(app: Flask, organisation: Organisation, mailbox: Mailbox):
    app.config["BRAND_COLOUR"] = "#6b1d3a"
    move(accounts.unlock, somebody(organisation, S.LOCKED))
    outbox.deliver_due()
    assert mailbox.one("unlocked").html.count("#6b1d3a") == 2


def test_the_same_link_comes_again_word_for_word(app: Flask, organisation: Organisation, mailbox: Mailbox):
    person(organisation, "Nomi Contact", email="nomi@coe.example")
    for _ in range(2):
        ask(Need.PASSWORD)
    outbox.deliver_due()
    first, second = mailbox.messages
    assert first.link == second.link
    assert first.message["Message-ID"] != second.message["Message-ID"]


def test_american_readers_get_their_own_words_and_dates(app: Flask, organisation: Organisation, mailbox: Mailbox):
    move(accounts.re_enrol, somebody(organisation, S.ACTIVE))
    with force_locale("en_US"):
        outbox.deliver_due()
        app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
        fail(app, person(organisation, "Noel Contact"), 5, PRIVATE)
        outbox.deliver_due()
    assert "from your organization's network." in mailbox.one("locked").text
    received = mailbox.one("re-enrolment")
    assert re.search(r"until \d\d/\d\d/\d{4} \d\d:\d\d [AP]M", received.text)
