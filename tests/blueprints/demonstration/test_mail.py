"""The demonstration's mailbox: the portal's own e-mails as pages, and "deliver now"."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from portal.extensions import db
from portal.models import Counter
from portal.services import accounts, demonstration, heartbeats
from portal.transactions import write
from tests import factories
from tests.factories import AccountState
from tests.support.client import CheckingClient

URL = "/demonstration/mail"


@pytest.fixture
def mailbox(app: Flask) -> Path:
    """A demonstration without people, and its folder of mail."""
    instance = Path(app.config["INSTANCE_PATH"])
    (instance / demonstration.FILE).write_text('{"sign_ins": []}')
    with write():
        db.session.add(Counter(name=demonstration.MARK, value=1))
    folder = instance / "mail"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, subject: str = "Your access", text: str = "Hello", html: str = "<p>Hello</p>") -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "portal@coe.example", "bruno@coe.example"
    message["Date"] = "Mon, 16 Nov 2026 09:00:00 +0000"
    message["X-Portal-Message"] = "registration"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    (folder / name).write_bytes(message.as_bytes())


def test_the_newest_message_comes_first(client: CheckingClient, mailbox: Path):
    put(mailbox, "20261116T090000-a.eml", "The older")
    put(mailbox, "20261116T090001-b.eml", "The newer")
    (mailbox / ".20261116T090002-c.eml").write_text("half written")
    page = client.get(URL).page
    assert page.words.index("The newer") < page.words.index("The older")
    assert "bruno@coe.example" in page.words
    assert "16/11/2026 09:00" in page.words
    assert "Results 1 - 2 of 2" in page.words


def test_a_message_shows_its_text_with_links_and_its_html_as_text(client: CheckingClient, mailbox: Path):
    link = "http://127.0.0.1:8000/recover/abc.def-1_2"
    put(
        mailbox,
        "1.eml",
        text=f"Choose a password:\n\n{link}\n\n4F7K-9QXD-2M8W\n",
        html="<h1>Hi</h1><script>alert(1)</script>",
    )
    page = client.get(f"{URL}/1.eml").page
    assert page.heading == "Your access"
    assert page.link(link) == link
    assert "4F7K-9QXD-2M8W" in page.words
    assert "<h1>Hi</h1><script>alert(1)</script>" in page.words
    assert "X-Portal-Message: registration" in page.words


def test_markup_and_other_addresses_in_a_message_are_text(client: CheckingClient, mailbox: Path):
    put(mailbox, "1.eml", subject="<img src=x>", text='<b onclick="x">javascript:alert(1)</b> https://x.example/"><i>')
    client.get(URL)
    page = client.get(f"{URL}/1.eml").page
    assert page.heading == "<img src=x>"
    assert page.link("https://x.example/") == "https://x.example/"
    assert all(not (link.get("href") or "").startswith("javascript") for link in page.all("a"))


def test_messages_come_in_pages(client: CheckingClient, mailbox: Path):
    for number in range(30):
        put(mailbox, f"20261116T0900{number:02}-x.eml", f"Message {number}.")
    assert "Message 29." in client.get(URL).page.words
    page = client.get(f"{URL}?page=2").page
    assert "Message 0." in page.words
    assert "Page 2 of 2" in page.words
    assert "Message 0." in client.get(f"{URL}?page=99").page.words


@pytest.mark.parametrize(
    "name", ["2.eml", "..%2Fdemonstration.json", "%2e%2e", ".1.eml", "deliver", "1.eml%00", "x" * 3000]
)
def test_only_listed_messages_can_be_read(client: CheckingClient, mailbox: Path, name: str):
    put(mailbox, "1.eml")
    put(mailbox, ".1.eml")
    client.get(f"{URL}/{name}", 404)


def test_an_empty_mailbox_says_so(client: CheckingClient, mailbox: Path):
    assert "No e-mail yet." in client.get(URL).page.words


def test_a_worker_that_does_not_run_is_said_and_mail_is_delivered_by_hand(client: CheckingClient, mailbox: Path):
    contact = factories.person(factories.organisation(), "Nomi Contact", state=AccountState.NOT_REGISTERED)
    with write():
        accounts.register(contact.account, None)
    page = client.get(URL).page
    assert "The worker is not running" in page.words
    answer = client.submit(f"{URL}/deliver")
    page = client.follow(answer).page
    assert "What was due has been delivered." in page.words
    assert "nomi.contact@coe.example" in page.words
    assert len(list(mailbox.glob("*.eml"))) == 1


@pytest.mark.usefixtures("mailbox")
def test_a_worker_that_runs_is_believed_for_half_a_minute(client: CheckingClient):
    with time_machine.travel("2026-11-16T09:00:00+00:00", tick=False) as stopped:
        heartbeats.beat()
        assert "The worker is not running" not in client.get(URL).page.words
        stopped.shift(timedelta(seconds=31))
        assert "The worker is not running" in client.get(URL).page.words


def test_outside_the_demonstration_there_is_no_mailbox(client: CheckingClient, app: Flask, mailbox: Path):
    put(mailbox, "1.eml")

    def assert_gone() -> None:
        for url in (URL, f"{URL}/1.eml"):
            client.get(url, 404)
        client.post(f"{URL}/deliver", expect=404)

    app.config["MAIL_SERVER"] = "mail.example"
    assert_gone()
    app.config |= {"MAIL_SERVER": None, "BASE_URL_IS_LOOPBACK": False}
    assert_gone()
    app.config["BASE_URL_IS_LOOPBACK"] = True
    client.get(URL)
    (mailbox.parent / demonstration.FILE).unlink()
    assert_gone()


def test_the_answer_of_recovery_leads_to_the_mailbox_in_the_demonstration_alone(client: CheckingClient, mailbox: Path):
    words = "Open the demonstration's mailbox"
    assert client.get("/recover/sent").page.link(words) == URL
    (mailbox.parent / demonstration.FILE).unlink()
    assert words not in client.get("/recover/sent").page.words
