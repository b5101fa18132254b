"""One answer whoever is named: status, headers in their order, cookies and body, byte for byte (ASVS 6.3.8).

Only what differs for everybody is left out of the comparison: the date, a cookie's value, the token against forgery,
and what was typed.
"""

import re

import pytest

from tests.security.whoever import People, askers, failing_sign_ins
from tests.support import race
from tests.support.mail_faults import SILENCE, MailServer
from tests.support.race import Answer
from tests.support.server import Portal
from tests.support.visitor import TOKEN, Visitor, visiting

EVERYBODYS_OWN = (
    (re.compile(r"^(date): .*$", re.I | re.M), r"\1"),
    (re.compile(r"^(set-cookie: [^=;]+)=[^;]*", re.I | re.M), r"\1"),
    (re.compile(r"^(content-length): .*$", re.I | re.M), r"\1"),
)


def same(answer: Answer, typed: str) -> tuple[str, str]:
    """What must be equal of two answers: the head, and the body without the token and what was typed."""
    head, body = answer.head, answer.body
    length = re.search(r"^content-length: (\d+)", head, re.I | re.M)
    assert (int(length.group(1)) if length else 0) == len(body.encode())
    for pattern, kept in EVERYBODYS_OWN:
        head = pattern.sub(kept, head)
    tokens = {found.group(1) for found in TOKEN.finditer(body)}
    for own in sorted({*tokens, *re.findall(r'name="csrf_token"[^>]*value="([^"]*)"', body)}):
        assert len(own) == 91, "tokens of different lengths would tell of whom they are"
        body = body.replace(own, "")
    return head, body.replace(f'value="{typed}"', "")


def asked(portal: Portal, form: str, fields: dict[str, str], *headers: str) -> Answer:
    """A form, opened and sent by a browser that nobody knows."""
    with visiting(portal.url) as stranger:
        stranger.get(form)
        path = form.partition("?")[0]
        (answer,) = race.released(portal.port, [race.form_of(stranger, path, fields, headers=headers)])
        return answer


HTMX = ("HX-Request: true", "Accept: text/html")


@pytest.mark.parametrize("headers", [(), HTMX], ids=["plain", "htmx"])
def test_who_fails_to_sign_in_gets_one_answer(portal: Portal, people: People, headers: tuple[str, ...]) -> None:
    kinds = failing_sign_ins(people)
    portal.serve()
    answers = {}
    for kind, (username, password) in kinds.items():
        answer = asked(portal, "/sign-in", {"username": username, "password": password}, *headers)
        assert answer.status == 422
        answers[kind] = same(answer, username)
    expected = answers["unknown name"]
    assert "You are not signed in" in expected[1]
    assert "retry-after" not in expected[0].lower()
    assert {kind: answer for kind, answer in answers.items() if answer != expected} == {}


@pytest.mark.parametrize("mail", ["up", "refusing", "silent", "550"])
def test_who_asks_for_recovery_gets_one_answer_whatever_becomes_of_the_mail(
    portal: Portal, people: People, mail_server: MailServer, mail: str
) -> None:
    kinds = askers(people)
    faults = {"silent": ("connect", SILENCE), "550": ("rcpt", "550 5.1.1 no such mailbox")}
    if mail in faults:
        mail_server.script = lambda stage, _recipient: dict([faults[mail]]).get(stage)
    if mail == "refusing":
        mail_server.__exit__(None, None, None)
    portal.serve()
    portal.worker()
    answers = {}
    for kind, (identifier,) in kinds.items():
        for need in ("password", "username", "unlock"):
            fields = {"identifier": identifier, "need": need}
            plain = asked(portal, f"/recover?need={need}", fields)
            assert (plain.status, plain.location) == (303, "/recover/sent?organisation=42061")
            by_htmx = asked(portal, f"/recover?need={need}", fields, *HTMX)
            assert by_htmx.status == 204
            answers[kind, need] = same(plain, identifier), same(by_htmx, identifier), the_page_after(portal, plain)
    expected = answers["unknown", "password"]
    assert {kind: answer for kind, answer in answers.items() if answer != expected} == {}


def the_page_after(portal: Portal, answer: Answer) -> str:
    visitor = Visitor(portal.url)
    page = visitor.get(answer.location).text.replace(visitor.token, "")
    visitor.close()
    return page
