"""A canary run: after a day's work, a crash and a night without a mail server, no secret stands anywhere in clear.

Searched are the database, its write-ahead log and its dump, the logs of web and worker, and the instance folder; each
secret raw, and in base64, hexadecimal and URL form (ASVS 14.2.1, 16.2.5; NIST SP 800-63B-4 3.2.12).
"""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import make_url

from portal.domain.account_state import AccountState
from tests.factories import PASSWORD
from tests.reliability.conftest import Trust
from tests.support.mail_faults import MailServer
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting
from tests.support.waiting import wait_until

WRONG = "Canary-wrong-guess-41 ä+/"
CHOSEN = "canary walnut harbour kettle"
AFTER_RESET = "canary thimble orchard violin"
ANOTHER = "vera.new@home.example"
TEMPORARY = re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$")


class Secrets:
    """What nobody may find, by a name that a failure may show."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.known: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        assert len(text) > 7, name
        self.known[f"{name} ({len(self.known)})"] = text

    def add_temporary(self, password: str) -> None:
        """In all the forms in which it may be typed."""
        plain = password.replace("-", "")
        for form in (password, plain, password.lower(), plain.lower(), password.replace("-", " ")):
            self.add("temporary password", form)

    def add_cookies(self, visitor: Visitor) -> None:
        """Each cookie, what is signed in it, and the token of the pages that were seen."""
        self.add("token against forgery", visitor.token)
        with self.portal.database() as app:
            signed = SecureCookieSessionInterface().get_signing_serializer(app)
            assert signed is not None
            for cookie in visitor.http.cookies.jar:
                if cookie.name == "notice":
                    continue
                self.add(f"cookie {cookie.name}", str(cookie.value))
                if cookie.name == "portal":
                    for name, value in signed.loads(str(cookie.value)).items():
                        self.add(f"{name} in the session", str(value))
                else:
                    for part in str(cookie.value).split("."):
                        self.add(f"token in {cookie.name}", part) if len(part) > 20 else None

    def found_in(self, place: str, content: bytes) -> list[str]:
        lowered = content.lower()
        return [
            f"{name} stands in {place}"
            for name, text in self.known.items()
            if any(form in content for form in forms(text)) or text.encode().hex().encode() in lowered
        ]


def forms(text: str) -> set[bytes]:
    """A secret as it may stand somewhere; base64 also from the middle of something longer."""
    raw = text.encode()
    written = {raw, quote(text).encode(), quote_plus(text).encode(), quote(text, safe="").encode()}
    written |= {text.encode("unicode_escape"), text.encode("utf-16-le")}
    for shift in range(3):
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            # The first and the last characters depend on what stands beside it.
            written.add(encode(b"\0" * shift + raw)[4 if shift else 0 : -4])
    return {form for form in written if len(form) > 7}


def places(portal: Portal) -> Iterator[tuple[str, bytes]]:
    """Everything that is kept, and its name."""
    for file in sorted(portal.folder.rglob("*")):
        in_mailbox = portal.instance / "mail" in file.parents
        if file.is_file() and not in_mailbox and file.name != "secret_key":
            yield str(file.relative_to(portal.folder)), file.read_bytes()
    if "SQLALCHEMY_DATABASE_URI" in portal.settings:
        yield "the dump", dump(portal)


def dump(portal: Portal) -> bytes:
    program = shutil.which("pg_dump")
    if program is None:
        pytest.skip("pg_dump is not installed")
    url = make_url(portal.settings["SQLALCHEMY_DATABASE_URI"]).set(drivername="postgresql")
    done = subprocess.run([program, url.render_as_string(hide_password=False)], capture_output=True, check=True)
    assert b"outbox_messages" in done.stdout
    return done.stdout


def check_nowhere(portal: Portal, secrets: Secrets) -> None:
    searched = dict(places(portal))
    assert any(name.startswith("serve") and content for name, content in searched.items()), "no log was searched"
    assert "the dump" in searched or len(searched["instance/portal.sqlite3"]) > 100_000
    found = [line for name, content in searched.items() for line in secrets.found_in(name, content)]
    assert found == []


@dataclass
class Day:
    """What happens from morning to morning; every secret that comes up is noted."""

    portal: Portal
    trust: Trust
    mail_server: MailServer
    secrets: Secrets
    lena: Visitor

    def register_and_re_enrol(self) -> None:
        """Two people get temporary passwords, one of them twice, the second of them comes in with it."""
        for ess_id in self.trust.add(2, AccountState.NOT_REGISTERED, "Nora"):
            self.lena.send(self.trust.move(ess_id, "register"))
        self.mail_server.wait_for(2)
        self.lena.send(self.trust.move(ess_id, "re-enrol"))
        mails = self.mail_server.wait_for(3)
        passwords = [line for mail in mails for line in mail.lines if TEMPORARY.match(line)]
        assert len(set(passwords)) == 3
        for password in passwords:
            self.secrets.add_temporary(password)
        with self.trust.database():
            self.trust.usernames[ess_id] = str(self.trust.account(ess_id).username)
        self.enrol(self.trust.usernames[ess_id], passwords[-1])

    def enrol(self, username: str, temporary: str) -> None:
        """Typed wrongly, then rightly though unlike the mail; and a password of one's own."""
        with visiting(self.portal.url) as visitor:
            visitor.try_to_sign_in(username, WRONG, expect=422)
            visitor.try_to_sign_in(username, temporary.lower().replace("-", " "))
            visitor.get("/enrol")
            self.secrets.add_cookies(visitor)
            self.secrets.add("chosen password", CHOSEN)
            visitor.send("/enrol", {"password": CHOSEN, "password_again": CHOSEN})
            self.secrets.add_cookies(visitor)

    def mistype(self, username: str) -> None:
        """A wrong password, and passwords in the box for the name."""
        for name, typed in ((username, WRONG), (WRONG, WRONG), (PASSWORD, PASSWORD), (username, PASSWORD)):
            with visiting(self.portal.url) as visitor:
                visitor.try_to_sign_in(name, typed, expect=None)
                self.secrets.add_cookies(visitor)

    def recover(self, username: str) -> None:
        """A link is asked for, opened and used."""
        with visiting(self.portal.url) as visitor:
            visitor.get("/recover?need=password")
            before = len(self.mail_server.messages)
            visitor.send("/recover", {"identifier": username, "need": "password"})
            link = self.mail_server.wait_for(before + 1)[-1].link
            self.note_link(link)
            visitor.get(link, expect=303)
            visitor.get("/recover/new-password")
            self.secrets.add_cookies(visitor)
            self.secrets.add("password after a reset", AFTER_RESET)
            visitor.send("/recover/new-password", {"password": WRONG, "password_again": PASSWORD}, expect=422)
            visitor.send("/recover/new-password", {"password": AFTER_RESET, "password_again": AFTER_RESET})
            self.mail_server.wait_for(before + 2)

    def change_address(self, username: str) -> None:
        """A new address of one's own is asked for, and the link that came to it is used."""
        with visiting(self.portal.url) as visitor:
            visitor.sign_in(username, AFTER_RESET)
            before = len(self.mail_server.messages)
            visitor.get("/account/email")
            visitor.send("/account/email", {"primary_email": ANOTHER, "confirm_primary_email": ANOTHER})
            link = self.mail_server.wait_for(before + 1)[-1].link
            self.note_link(link)
            visitor.get(link, expect=303)
            visitor.get("/account/email/verify")
            self.secrets.add_cookies(visitor)
            visitor.send("/account/email/verify")
            self.mail_server.wait_for(before + 3)

    def note_link(self, link: str) -> None:
        token = link.rpartition("/")[2]
        self.secrets.add("token of a link", token)
        self.secrets.add("signature of a link", token.rpartition(".")[2])

    def night(self, starter: int, loser: int) -> None:
        """Rows wait for a mail server that is down."""
        self.mail_server.__exit__(None, None, None)
        self.lena.send(self.trust.move(starter, "register"))
        with visiting(self.portal.url) as visitor:
            visitor.get("/recover?need=password")
            visitor.send("/recover", {"identifier": self.trust.usernames[loser], "need": "password"})
        wait_until(self.two_rows_wait, "two rows wait")
        self.secrets.add_cookies(self.lena)

    def two_rows_wait(self) -> bool:
        return sum(row.attempts > 0 and row.state == "queued" for row in self.trust.rows()) == 2

    def crash(self, username: str) -> None:
        """A row that cannot be written, in the middle of a sign-in: an error that nobody foresaw."""
        self.trust.break_writes_to("sessions")
        with visiting(self.portal.url) as visitor:
            answer = visitor.try_to_sign_in(username, AFTER_RESET, expect=500)
        assert AFTER_RESET not in answer.text
        assert "a fault" not in answer.text
        self.trust.mend()

    def morning(self) -> None:
        """What waited arrives; now it is known what to look for."""
        before, known = len(self.mail_server.messages), len(self.secrets.known)
        with self.mail_server:
            self.trust.let_time_pass()
            for mail in self.mail_server.wait_for(before + 2)[before:]:
                for line in mail.lines:
                    if TEMPORARY.match(line):
                        self.secrets.add_temporary(line)
                    if "/recover/" in line:
                        self.note_link(line)
            wait_until(lambda: "queued" not in self.trust.states_of_mail(), "all rows are settled")
        assert len(self.secrets.known) == known + 5 + 2


def test_no_secret_stands_anywhere_after_a_day_and_a_night(
    portal: Portal, trust: Trust, mail_server: MailServer
) -> None:
    vera, lost = (trust.add(1, AccountState.ACTIVE, name)[0] for name in ("Vera", "Lost"))
    (late,) = trust.add(1, AccountState.NOT_REGISTERED, "Late")
    secrets = Secrets(portal)
    secrets.add("password", PASSWORD)
    secrets.add("wrong password", WRONG)
    processes = [portal.serve(), portal.worker()]
    with visiting(portal.url) as lena:
        lena.sign_in(trust.administrator, PASSWORD)
        day = Day(portal, trust, mail_server, secrets, lena)
        day.register_and_re_enrol()
        day.mistype(trust.usernames[vera])
        day.recover(trust.usernames[vera])
        day.change_address(trust.usernames[vera])
        day.night(late, lost)
        day.crash(trust.usernames[vera])
        check_nowhere(portal, secrets)
        day.morning()
        check_nowhere(portal, secrets)
    assert all(process.is_running() for process in processes)
    crashes = [line for line in processes[0].said.splitlines() if "in sign_in_post" in line]
    assert len(crashes) == 1, "the crash left no trace for who looks after the portal"


def test_the_search_finds_what_it_is_told_to_find(portal: Portal) -> None:
    secrets = Secrets(portal)
    secrets.add("password", WRONG)
    raw = WRONG.encode()
    for content in (
        raw,
        raw.hex().upper().encode(),
        base64.b64encode(b"x" + raw + b"yz"),
        base64.urlsafe_b64encode(b"xy" + raw),
        quote_plus(WRONG).encode(),
        WRONG.encode("unicode_escape"),
    ):
        assert secrets.found_in("a log", b"before " + content + b" after") != [], content
    assert secrets.found_in("a log", b"nothing of the kind") == []
