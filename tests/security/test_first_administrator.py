"""The first administrator of a started portal: nobody comes with it, and its link works once (ASVS 6.3.2, 13.2.3)."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, AuditEntry, EnrolmentLink, Organisation, Person, RoleGrant, Session
from tests.security.test_secrets_nowhere import dump
from tests.support.server import Portal
from tests.support.visitor import Visitor, visiting

ANN = "ann@centre.example"
AT_ONCE = 50
PAGE = "/enrol/central-administrator"


def link_of(portal: Portal, *arguments: str) -> str:
    """The path of the link that the command prints: alone on its line, and the only address."""
    said = portal.command("central-administrator", *(arguments or (ANN,))).stdout
    (url,) = [line for line in said.splitlines() if "://" in line]
    assert re.fullmatch(re.escape(portal.url) + r"/enrol/[\w-]{43}", url)
    return url.removeprefix(portal.url)


@pytest.fixture
def served(portal: Portal) -> Portal:
    portal.serve("--workers", "2")
    return portal


def choose(visitor: Visitor, password: str = "vivid otter kettle", expect: int | None = 303) -> int:
    fields = {"password": password, "password_again": password}
    return visitor.send(PAGE, fields, expect=expect).status_code


def opened(visitor: Visitor, link: str, expect: int = 200) -> Visitor:
    visitor.get(link, expect=303)
    visitor.get(PAGE, expect=expect)
    return visitor


def test_a_fresh_installation_lets_nobody_in(served: Portal) -> None:
    names = ("admin", "administrator", "root", "gatehouse", "centralcadministrator1", ANN)
    passwords = ("admin", "password", "gatehouse", "copper lantern meadow")
    with served.database():
        for table in (Account, Person, Organisation):
            assert db.session.scalar(select(func.count(table.id))) == 0
    with visiting(served.url) as visitor:
        answers = Counter()
        for name in names:
            for password in (name, *passwords):
                answers[visitor.try_to_sign_in(name, password, expect=None).status_code] += 1
        assert set(answers) <= {422, 429}
        assert answers[422]
        for path in (PAGE, "/enrol/admin", "/enrol/0"):
            visitor.http.get(path)
            assert visitor.http.get(PAGE).status_code == 410
        assert visitor.http.get("/enrol").headers["location"].startswith("/sign-in")
    with served.database():
        assert db.session.scalar(select(func.count(Session.id))) == 0


def test_a_link_that_many_use_at_once_lets_one_in(served: Portal) -> None:
    link = link_of(served)
    gate = Barrier(AT_ONCE)

    def use(number: int) -> int:
        with visiting(served.url, seconds=120) as visitor:
            opened(visitor, link)
            gate.wait(120)
            return choose(visitor, f"vivid otter kettle {number}", expect=None)

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        assert Counter(crowd.map(use, range(AT_ONCE))) == {303: 1, 410: AT_ONCE - 1}
    with served.database():
        account = db.session.scalars(select(Account)).one()
        assert (account.state, account.sign_ins) == (AccountState.ACTIVE, 1)
        assert db.session.scalar(select(func.count(Session.id))) == 1
        completed = select(func.count()).where(AuditEntry.event == "account:registration:completed")
        assert db.session.scalar(completed) == 1


def test_a_link_works_once_and_leads_to_everything(served: Portal) -> None:
    link = link_of(served)
    with visiting(served.url) as visitor, visiting(served.url) as second:
        opened(second, link)
        choose(opened(visitor, link))
        assert visitor.get("/", expect=303).headers["location"] == "/organisations"
        assert "Central administration" in visitor.get("/organisations").text
        choose(second, expect=410)
        opened(second, link, 410)


def test_a_second_call_ends_the_first_link_at_once(served: Portal) -> None:
    first = link_of(served)
    with visiting(served.url) as early, visiting(served.url) as late:
        opened(early, first)
        second = link_of(served, "ann@trust.example")
        choose(early, expect=410)
        opened(early, first, 410)
        choose(opened(late, second))
    with served.database():
        assert db.session.scalars(select(Person.primary_email)).all() == ["ann@trust.example"]


def test_after_that_the_command_refuses_unless_another_is_meant(served: Portal) -> None:
    with visiting(served.url) as visitor:
        choose(opened(visitor, link_of(served)))
    refused = served.command("central-administrator", "bea@centre.example", expect=1)
    assert refused.stdout == ""
    assert "--another" in refused.stderr
    further = link_of(served, "bea@centre.example", "--another")
    with visiting(served.url) as visitor:
        choose(opened(visitor, further))
        assert visitor.get("/", expect=303).headers["location"] == "/organisations"
    with served.database():
        held = select(func.count()).where(RoleGrant.role == Role.CENTRAL_ADMINISTRATOR)
        assert db.session.scalar(held) == 2


def test_calls_at_the_same_moment_make_one_person_and_one_good_link(portal: Portal) -> None:
    with ThreadPoolExecutor(4) as crowd:
        links = list(crowd.map(lambda _: link_of(portal), range(4)))
    assert len(set(links)) == 4
    with portal.database():
        account = db.session.scalars(select(Account)).one()
        assert len(account.roles) == 1
        good = db.session.scalars(select(EnrolmentLink).where(EnrolmentLink.ended_at.is_(None))).all()
        assert [link.account_id for link in good] == [account.id]
        assert db.session.scalar(select(func.count(Organisation.id))) == 1
        assert db.session.scalar(select(func.count(EnrolmentLink.id))) == 4


def test_neither_log_nor_database_holds_the_token_or_the_password(served: Portal) -> None:
    link = link_of(served)
    with visiting(served.url) as visitor:
        opened(visitor, link)
        visitor.send(f"{PAGE}/check", {"password": "canary-typed-and-left"}, expect=200)
        drawn = visitor.send(PAGE, {"suggest": "yes"}, expect=200).text
        words = re.search(r'data-words="([a-z ]+)"', drawn)
        assert words is not None
        choose(visitor, words.group(1))
    token = link.rpartition("/")[2]
    searched = [file for file in served.folder.rglob("*") if file.is_file()]
    content = {file.name: file.read_bytes() for file in searched}
    if "SQLALCHEMY_DATABASE_URI" in served.settings:
        content["the dump"] = dump(served)
    assert any(name.startswith("serve") and text for name, text in content.items())
    for secret in (token, words.group(1), "canary-typed-and-left"):
        assert [name for name, text in content.items() if secret.encode() in text] == []
