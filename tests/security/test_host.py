"""No host that a request names ends up in a mail: links are built from the base URL alone (ASVS 13.4, WSTG-INPV-17)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import RecoveryRequest
from portal.services import outbox, recovery
from tests import factories
from tests.support import race
from tests.support.mail_faults import MailServer
from tests.support.server import Portal
from tests.support.visitor import visiting

EVIL = "evil.example"
REFUSED = [
    "Host: evil.example",
    "Host: evil.example:{port}",
    "Host: 127.0.0.1:{port}@evil.example",
    "Host: evil.example@127.0.0.1:{port}",
    "Host: 127.0.0.1.evil.example:{port}",
    "Host: 127.0.0.1:{port}.evil.example",
    "Host: 127.0.0.1:{port}/evil.example",
    "Host: 127.0.0.1:{port}#evil.example",
    "Host: 127.0.0.1:evil.example",
    "Host: 127.0.0.1 evil.example",
    "Host: ",
]
HARMLESS = [
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Server: evil.example",
    "X-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-URL: http://evil.example/recover",
    "Forwarded: host=evil.example;proto=http",
    "X_Forwarded_Host: evil.example",
    "Host: 127.0.0.1:1",
    "Host: localhost:{port}",
]


@pytest.fixture
def asked(portal: Portal, mail_server: MailServer) -> Iterator[tuple[Portal, MailServer]]:
    """A server, and somebody whose link would be worth stealing."""
    portal.settings["RATE_LIMITS"] = False
    with portal.database():
        trust = factories.organisation("42061", "COUNTY OFFICE OF EDUCATION", domains=["coe.example"])
        factories.person(trust, "Vera Victim", email="vera@coe.example")
        portal.serve()
        yield portal, mail_server


def ask(portal: Portal, path: str, *headers: str) -> int:
    """Recovery for somebody else, with a request of one's own making; answers the status."""
    with visiting(portal.url) as attacker:
        attacker.get("/recover?need=password")
        fields = {"identifier": "vera@coe.example", "need": "password"}
        named = [header.format(port=portal.port) for header in headers]
        (answer,) = race.released(portal.port, [race.form_of(attacker, path, fields, headers=named)])
    assert EVIL not in answer.head + answer.body
    return answer.status


def requests() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(RecoveryRequest)) or 0


def links(mail_server: MailServer) -> list[str]:
    """Deliver what was asked for; answers the links of the mails, which name nobody else anywhere."""
    recovery.handle_all_due()
    outbox.deliver_all_due()
    assert all(EVIL.encode() not in mail.raw for mail in mail_server.messages)
    return [mail.link for mail in mail_server.messages]


def test_a_request_for_another_host_is_refused_and_mails_nothing(asked: tuple[Portal, MailServer]) -> None:
    portal, mail_server = asked
    for header in REFUSED:
        assert ask(portal, "/recover", header) == 400, header
    assert ask(portal, "/recover", "Host: 127.0.0.1:{port}", "Host: evil.example") == 400
    assert ask(portal, "http://evil.example/recover", "Host: evil.example") == 400
    assert (requests(), links(mail_server)) == (0, [])


@pytest.mark.parametrize(
    "target", ["/recover", "http://evil.example/recover", "http://evil.example:1@127.0.0.1/recover"]
)
def test_a_request_that_names_another_host_elsewhere_mails_a_link_to_ours(
    asked: tuple[Portal, MailServer], target: str
) -> None:
    portal, mail_server = asked
    tried = [()] if target != "/recover" else [(header,) for header in HARMLESS]
    taken = [ask(portal, target, *headers) for headers in tried]
    assert set(taken) <= {303, 400}
    assert requests() == taken.count(303)
    assert target != "/recover" or set(taken) == {303}
    found = links(mail_server)
    assert found or 303 not in taken
    assert all(link.startswith(f"{portal.url}/recover/") for link in found)
