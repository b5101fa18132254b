"""What people type is text: on pages, in fragments, in errors and in mails, whatever it looks like.

ASVS 1.2.1, 1.2.2, 1.3.7, 3.2.2. A page with markup in every stored field has the same elements and attributes as one
with plain words there, and the words themselves stand in it, to the letter. In a browser: ``tests/browser``.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import pytest
from flask import Flask
from sqlalchemy import select, update

from portal import mail
from portal.clock import now
from portal.domain.account_state import AccountState
from portal.domain.contact_details import is_printable, is_visible, tidy
from portal.domain.organisation_files import FileFormat
from portal.extensions import db
from portal.models import Account, Listing, ListingContact, Organisation, Person
from portal.services import organisation_import
from portal.services.code_ledger import CodeLedger
from portal.transactions import write
from tests import factories
from tests.support.client import CheckingClient
from tests.support.crawl import url_of
from tests.support.everybody import Everybody
from tests.support.html import Page, elements

MARKUP = (
    "<img src=x onerror=alert(1)>", '" hx-get="//evil.example" hx-trigger="load', "javascript:alert(1)", "{{7*191}}",
    "<script>alert(1)</script>", "'\"><svg onload=alert(1)>", "</title><script>alert(1)</script>", "<!--", "x -->",
    "</textarea><a hx-on:click=alert(1)>", "]]>", "&lt;b&gt;", "&#60;b&#62;", "{% print(7*191) %}", "%(name)s", "</td>",
    "<a href='javascript:alert(1)'>x</a>", "' data-confirm='x", "<base href=//evil.example>", "<b", "><plaintext>",
)  # fmt: skip
PLAIN = "Plainly"
NAMES = ("first_name", "middle_name", "last_name")
NAUGHTY = Path(__file__).parents[3] / "shared" / "data" / "bad-input" / "blns.json"


def skeleton(page: Page | Any) -> list[tuple[str, tuple[str, ...]]]:
    """Every element with the names of its attributes; what text may legitimately bring (a place to break) aside."""
    tree = page.tree if isinstance(page, Page) else page
    return [(node.tag, tuple(sorted(node.attrib))) for node in elements(tree) if node.tag not in ("wbr", "p")]


def plant(text: str) -> None:
    """Everything stored that a page or a mail shows holds ``text``, but for what has a form of its own."""
    with write():
        db.session.execute(update(Person).values({**dict.fromkeys(NAMES, text[:100]), "prefix": text[:10],
            "suffix": text[:10], "job_title": text[:120], "employee_number": text[:40], "gender": text[:20],
            "primary_phone": text[:40], "secondary_phone": text[:40], "mobile_phone": text[:40],
            "primary_email": text, "secondary_email": text}))  # fmt: skip
        db.session.execute(update(Organisation).values(name=text, town=text[:120], postcode=text[:20], kind=text[:60]))
        db.session.execute(update(Listing).values(message=text, hours=text))
        db.session.execute(update(ListingContact).values(name=text, phone=text[:60], email=text))
        db.session.execute(update(Account).values(internal_detail=text))


@pytest.fixture
def shown(everybody: Everybody) -> list[tuple[CheckingClient, str]]:
    """Every page and fragment that shows something stored, with a browser that sees it."""
    target = factories.person(everybody.organisation, "Target Person", types=["admin"], state=AccountState.LOCKED)
    found = []
    for rule in everybody.rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in ("static", "operations.brand_css"):
            url = url_of(everybody, rule, {"ess_id": target.ess_id})
            found += [(everybody.clients[name], url) for name in ("stranger", "local_admin")]
    seen = [pair for pair in found if pair[0].ask("GET", pair[1]).status_code == 200]
    for client, _url in seen:
        client.delete_cookie("notice", domain="127.0.0.1")  # what a page said once, it says in no look that follows
    return seen


def looks(shown: list[tuple[CheckingClient, str]]) -> Iterator[tuple[str, Page]]:
    for number, (client, url) in enumerate(shown):
        answers_twice = "<html" not in client.open(url, headers={"HX-Request": "true"}).text
        for htmx in (False, True) if answers_twice else (False,):
            answer = client.get(url, htmx=htmx)
            if answer.page is not None:
                yield f"{url} {number} {htmx}", answer.page


def test_no_stored_field_is_more_than_text_on_any_page_or_fragment(shown: list[tuple[CheckingClient, str]]):
    plant(PLAIN)
    plain = {name: skeleton(page) for name, page in looks(shown)}
    assert len(plain) > 15
    for text in MARKUP[:6]:
        plant(text)
        told = 0
        for name, page in looks(shown):
            assert skeleton(page) == plain[name], f"{name}: {text}"
            told += text[:20] in page.words
            assert "1337" not in page.words, name
            links = [node.get("href", "") for node in page.all("a", "form", "area")]
            assert not [link for link in links if link.lower().lstrip().startswith(("javascript:", "data:", "//"))]
        assert told > 5, f"{text} stands on {told} pages only"


def test_what_a_form_refuses_comes_back_as_text(local_admin_client: CheckingClient, employee: Person):
    """An error's page holds what was typed, in its field."""
    page = f"/organisations/42061/contacts/{employee.ess_id}"
    fields = ("first_name", "middle_name", "last_name", "job_title", "employee_number", "primary_phone", "mobile_phone",
              "secondary_phone", "primary_email", "confirm_primary_email", "secondary_email")  # fmt: skip
    for htmx in (False, True):
        plain = None
        for text in (PLAIN, *MARKUP[:6]):
            local_admin_client.get(page)
            typed = {**dict.fromkeys(fields, text), "employee_number": "x" * 50}
            answer = local_admin_client.submit(page, typed, 422, htmx=htmx)
            plain = plain or set(skeleton(answer.page))
            assert set(skeleton(answer.page)) <= plain, text
            held = answer.page.form(page).values
            assert [held[name] for name in fields if name != "employee_number"] == [[text]] * (len(fields) - 1)


@pytest.mark.parametrize("text", MARKUP)
def test_what_a_visitor_types_is_text(client: CheckingClient, organisation: Organisation, text: str):
    for htmx in (False, True):
        page = client.get("/find-administrator", query_string={"q": text}, htmx=htmx).page
        assert f"Results for “{' '.join(text.split())}”" in page.words
    for url, field in (("/sign-in", "username"), ("/recover?need=password", "identifier")):
        client.get(url)
        answer = client.post(url.partition("?")[0], {field: text, "need": text, "password": ""}, 422)
        assert answer.page.form(url.partition("?")[0]).values[field] == [text]
    said = client.get("/find-administrator.json", query_string={"q": text})
    assert json.loads(said.text)["query"] == " ".join(text.split())


def test_neither_is_anything_in_an_imported_file(app: Flask, tmp_path: Path, client: CheckingClient):
    """The names of organisations come by files; a code, which stands in addresses, is letters and digits."""
    header = ("code", "name", "town", "postcode", "kind", "country", "region", "acronyms", "former_names")
    rows = [
        (f"C{number}", f"A {text}", text, text[:20], text[:60], "", text, text, text)
        for number, text in enumerate(MARKUP)
    ]
    rows += [(text, "A name", *[""] * 7) for text in MARKUP]
    with (tmp_path / "organisations.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    outcomes = imported(tmp_path / "organisations.csv")
    assert sum("refused" in line for line in outcomes) >= len(MARKUP), "no markup is a code"
    kept = db.session.scalars(select(Organisation)).all()
    assert kept
    assert {organisation.name.removeprefix("A ") for organisation in kept} <= set(MARKUP)
    for organisation in kept:
        page = client.get(f"/find-administrator/{organisation.code}").page
        assert organisation.name in page.heading
    client.get("/find-administrator")


def imported(file: Path) -> list[str]:
    said: list[str] = []

    class Told:
        def outcome(self, line: int, outcome: Any, reason: str = "") -> None:
            said.append(f"{line} {outcome} {reason}")

        def warning(self, line: int, text: str) -> None:
            said.append(f"{line} {text}")

    with file.open("rb") as opened, CodeLedger() as codes:
        checked = organisation_import.check(opened, FileFormat.CSV, codes, lambda _size: None)
        organisation_import.apply(checked, file.name, Told(), lambda _size: None)
    return said


def naughty() -> list[str]:
    """The Big List of Naughty Strings, where it is at hand."""
    if not NAUGHTY.is_file():
        pytest.skip("the list of naughty strings is not there: ../shared/data/bad-input/blns.json")
    found: list[str] = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    return [text for text in found if text]


def words_about(person: Person) -> list[mail.Words]:
    """A mail that names somebody, and one that names two."""
    url = "http://127.0.0.1:8000/sign-in"
    return [
        mail.registration(person, username="x", temporary_password="4F7K-9QXD-2M8W", expires_at=now(), url=url),
        mail.administrator_notice(person, about=person, by=person, what="re-enrolled", at=now(), url=url),
    ]


def test_no_naughty_string_is_more_than_text_in_a_mail(app: Flask, employee: Person):
    def shapes() -> list[Any]:
        with app.test_request_context():
            return [(words, html5lib.parse(words.html, namespaceHTMLElements=False)) for words in words_about(employee)]

    def name(text: str) -> None:
        employee.first_name = employee.last_name = employee.organisation.name = text

    with db.session.no_autoflush:
        name(PLAIN)
        plain = [skeleton(tree) for _words, tree in shapes()]
        for text in (*naughty(), *MARKUP):
            kept = tidy(text)[:100]
            if is_printable(kept) and is_visible(kept):
                name(kept)
                for (words, tree), expected in zip(shapes(), plain, strict=True):
                    assert skeleton(tree) == expected, kept
                    assert len(words.subject.splitlines()) == 1, kept
                    assert " ".join(kept.split()) in " ".join(words.text.split()), kept
        db.session.rollback()


def test_every_naughty_string_is_text_in_every_stored_field(
    local_admin_client: CheckingClient, organisation: Organisation, employee: Person
):
    """Through the form: what it takes is shown as it was typed, and what it refuses comes back as it was typed."""
    page = f"/organisations/42061/contacts/{employee.ess_id}"
    fields, limits = ("job_title", "first_name", "middle_name", "last_name", "employee_number"), {"employee_number": 40}
    strings = [(text, is_printable(f"x {text}.")) for text in naughty()]
    good = [text for text, printable in strings if printable]
    local_admin_client.get(page)
    for number in range(0, len(good), len(fields)):
        batch = good[number : number + len(fields)]
        typed = {name: f"x {text}."[: limits.get(name, 100)] for name, text in zip(fields, batch, strict=False)}
        local_admin_client.submit(page, typed, 303)
        shown = local_admin_client.get(page).page.form(page).values
        assert {name: shown[name] for name in typed} == {name: [tidy(text)] for name, text in typed.items()}
    for text in [text for text, printable in strings if not printable]:
        local_admin_client.submit(page, {"job_title": f"x{text}x"[:100]}, 422)
        local_admin_client.get(page)
    assert len(good) > 450


@pytest.mark.parametrize("url", ["/find-administrator", "/organisations/42061/contacts?tab=people", "/organisations"])
def test_a_naughty_string_that_is_searched_for_is_text(local_admin_client: CheckingClient, url: str):
    for text in naughty()[::10]:
        local_admin_client.get(url.partition("?")[0], query_string={"q": text, "tab": "people"}, htmx=True)
