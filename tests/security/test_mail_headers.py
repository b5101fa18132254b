"""What people type becomes no header, no recipient and no command of a mail (ASVS 1.3.11; WSTG-INPV-10; CVE-2024-6923).

First the forms refuse it. Then it stands in the rows, as if it had come past every form, and a real mail server looks
at what arrives.
"""

from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, Organisation, OutboxMessage, Person
from portal.services import accounts, outbox, recovery
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.everybody import rows_of_all_tables
from tests.support.guesses import fail
from tests.support.smtp import Mailbox

pytestmark = pytest.mark.usefixtures("cheap_hashes")

ADDRESS = "nomi@coe.example"
BREAKS = {
    "CR and LF": "x\r\nBcc: evil@evil.example",
    "LF": "x\nBcc: evil@evil.example",
    "CR": "x\rBcc: evil@evil.example",
    "an empty line": "x\r\n\r\nClick https://evil.example",
    "the end of a message": "x\r\n.\r\nRCPT TO:<evil@evil.example>",
    "other ends of lines": "x\u2028Bcc: evil@evil.example\x85Cc: evil@evil.example\x0bTo: evil@evil.example\x0c",
    "an encoded word": "=?utf-8?q?x=0d=0aBcc:_evil@evil.example?=",
    "addresses": 'x" <evil@evil.example>, "y',
}
NUL = "x\0Bcc: evil@evil.example"
LINES = ("first_name", "middle_name", "last_name", "job_title", "employee_number")
ADDRESSES = ("primary_email", "secondary_email")


@pytest.mark.parametrize("text", [*list(BREAKS.values())[:6], NUL])
@pytest.mark.parametrize("field", [*LINES, *ADDRESSES])
def test_no_form_takes_more_than_one_line(local_admin_client: CheckingClient, employee: Person, field: str, text: str):
    page = f"/organisations/42061/contacts/{employee.ess_id}"
    local_admin_client.get(page)
    typed = f"nomi@coe.example{text}" if field in ADDRESSES else text
    changes = {field: typed, **({"confirm_primary_email": typed} if field == "primary_email" else {})}
    before = rows_of_all_tables()
    local_admin_client.submit(page, changes, 422)
    assert rows_of_all_tables() == before


@pytest.mark.parametrize("identifier", [f"{ADDRESS}{text}" for text in (*BREAKS.values(), NUL)] + [
    f"{ADDRESS},evil@evil.example", f"{ADDRESS} evil@evil.example", f"evil@evil.example,{ADDRESS}",
    f"{ADDRESS};evil@evil.example", f"{ADDRESS}%0d%0aBcc:evil@evil.example", f"<{ADDRESS}>", f'"{ADDRESS}"',
])  # fmt: skip
def test_recovery_mails_nobody_else_whatever_is_typed(
    client: CheckingClient, organisation: Organisation, mailbox: Mailbox, identifier: str
):
    factories.person(organisation, "Nomi Contact", email=ADDRESS)
    client.get("/recover?need=password")
    client.submit("/recover", {"identifier": identifier}, expect=303)
    recovery.handle_due()
    outbox.deliver_due()
    assert {recipient for mail in mailbox.messages for recipient in mail.recipients} <= {ADDRESS}
    for mail in mailbox.messages:
        assert_one_clean_mail(mail.message, mail.recipients)


def plant(text: str) -> None:
    """Everything that a mail may name, of everybody and of their organisation, holds ``text``."""
    names = dict.fromkeys(("first_name", "middle_name", "last_name", "prefix", "suffix"), text[:100])
    names |= {"prefix": text[:10], "suffix": text[:10]}
    with write():
        db.session.execute(update(Person).values(**names, job_title=text[:120]))
        db.session.execute(update(Organisation).values(name=text))
        db.session.execute(update(Account).values(username=Account.username + text))


def assert_one_clean_mail(message: EmailMessage, recipients: list[str]) -> None:
    assert len(recipients) == 1
    assert message["To"] == recipients[0]
    names = [name.lower() for name in message]
    expected = {"content-type", "mime-version", "subject", "from", "to", "date", "message-id", "auto-submitted",
                "x-portal-message", "content-transfer-encoding"}  # fmt: skip
    assert set(names) <= expected, names
    assert len(names) == len(set(names)), names
    assert message["From"] == "Gatehouse <portal@portal.example>"
    assert [part.get_content_type() for part in message.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
    ]


@pytest.mark.parametrize("break_", BREAKS)
def test_what_stands_in_the_rows_all_the_same_stays_in_the_text(
    app: Flask, organisation: Organisation, mailbox: Mailbox, break_: str
):
    somebody = factories.person(organisation, "Nomi Contact", email=ADDRESS)
    colleague = factories.person(organisation, "Anna Admin", email="anna@coe.example")
    for who in (somebody, colleague):
        factories.grant(who, Role.LOCAL_ADMINISTRATOR, organisation=organisation)
    fail(app, somebody, 3)
    for verb in (accounts.unlock, accounts.re_enrol):
        with write():
            verb(somebody.account, None)
    with write():
        recovery.ask(ADDRESS, recovery.Need.PASSWORD)
        recovery.ask("anna@coe.example", recovery.Need.PASSWORD)
        recovery.ask("anna@coe.example", recovery.Need.USERNAME)
    recovery.handle_due()
    plant(BREAKS[break_])
    outbox.deliver_due()
    assert {row.state for row in db.session.scalars(select(OutboxMessage))} <= {"done", "dropped"}
    kinds = {mail.kind for mail in mailbox.messages}
    assert kinds >= {"locked", "re-enrolment", "administrator-notice", "recovery-help", "password-reset",
                     "username-reminder"}  # fmt: skip
    for mail in mailbox.messages:
        assert_one_clean_mail(mail.message, mail.recipients)
        assert set(mail.recipients) <= {ADDRESS, "anna@coe.example"}


@pytest.mark.parametrize("address", [
    "nomi@coe.example\r\nBcc: evil@evil.example", "nomi@coe.example\nRCPT TO:<evil@evil.example>",
    "nomi@coe.example>\r\nRCPT TO:<evil@evil.example", "nomi@coe.example, evil@evil.example",
    "<nomi@coe.example> evil@evil.example",
])  # fmt: skip
def test_an_address_that_is_more_than_one_gets_nothing(
    app: Flask, organisation: Organisation, mailbox: Mailbox, address: str
):
    somebody = factories.person(organisation, "Nomi Contact", email=ADDRESS)
    with write():
        accounts.re_enrol(somebody.account, None)
        db.session.flush()
        db.session.execute(update(Person).where(Person.id == somebody.id).values(primary_email=address))
        db.session.execute(update(OutboxMessage).values(recipient=address))
    outbox.deliver_due()
    assert [mail for mail in mailbox.messages if mail.recipients != [ADDRESS]] == []
    for mail in mailbox.messages:
        assert_one_clean_mail(mail.message, mail.recipients)
