"""Whatever stands in a parameter is a value: never SQL, a template, a path or a command (ASVS 1.2.4, 1.2.5, 1.3.7).

Every query parameter of every page and every field of every form, with what injects elsewhere and with what Hypothesis
thinks of. Nothing answers with an error of ours, waits for what it was told to, or changes a row.
"""

import time
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.models import Organisation, Person
from tests import factories
from tests.support.client import CheckingClient
from tests.support.crawl import mutators, url_of
from tests.support.everybody import Everybody, rows_of_all_tables

pytestmark = pytest.mark.usefixtures("cheap_hashes")

INJECTIONS = (
    "' OR '1'='1", "'; DROP TABLE people; --", '") OR 1=1 --', "1 UNION SELECT password_hash FROM accounts",
    "1;SELECT pg_sleep(20)", "' || (SELECT pg_sleep(20)) || '", "x' AND randomblob(1000000000)=1 AND 'a'='a",
    "LIKE('ABCDEFG',UPPER(HEX(RANDOMBLOB(500000000))))", "%' ESCAPE 'x", "\\", "%", "_", "%%%_%", "'", '"', "--", "/*",
    "{{7*191}}", "{% print(7*191) %}", "${7*191}", "#{7*191}", "<%= 7*191 %>", "{{config}}", "{{''.__class__.mro()}}",
    "%(organisation)s", "%s%n", "{0.__class__}", "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd\0",
    "; sleep 20", "| id", "$(sleep 20)", "`sleep 20`", "&& id", "-1", "0", "1e309", "9" * 400, "٣", "NaN", "0x10",
    "1,2", "[]", "{}", "\0", "\ud7ff\ufffe", "é" * 300, "\u202e", "a" * 5000, "last_name; DROP TABLE people",
    "(CASE WHEN 1=1 THEN id ELSE 1/0 END)", "id DESC--", "password_hash", "-password_hash", "__class__",
)  # fmt: skip
PARAMETERS = (
    "q", "page", "tab", "size", "sort", "type", "status", "state", "kind", "letter", "need", "organisation", "next",
    "region", "filter", "order", "id", "format", "since", "from", "to", "lang", "v",
)  # fmt: skip
FIELDS = (
    "first_name", "last_name", "middle_name", "prefix", "suffix", "gender", "primary_phone", "primary_email",
    "secondary_email", "job_title", "staff_group", "employee_number", "status", "types", "version", "username",
    "password", "password_again", "identifier", "need", "next", "reason", "request", "decision", "role", "change",
    "region", "organisation", "method", "reference", "confirm",
)  # fmt: skip
TELLTALE = ("1337", "root:x:", "argon2id", "syntax error", "no such column", "OperationalError")


@pytest.fixture
def looked_at(everybody: Everybody) -> list[tuple[CheckingClient, str]]:
    """Each page, and a browser to which it is shown."""
    central, stranger = everybody.clients["central_admin"], everybody.clients["stranger"]
    found = []
    for rule in everybody.rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            is_public = everybody.app.view_functions[rule.endpoint].__dict__.get("access") == "public"
            found.append((stranger if is_public else central, url_of(everybody, rule, {"ess_id": 1})))
    return found


def assert_unmoved(answer: Any, what: object) -> None:
    assert answer.status_code < 500, what
    assert not [word for word in TELLTALE if word in answer.text], what


def test_no_parameter_of_a_page_is_more_than_a_value(clock: Any, looked_at: list[tuple[CheckingClient, str]]):
    before = rows_of_all_tables()
    for number, value in enumerate(INJECTIONS):
        for client, url in looked_at[number % 6 :: 6]:
            assert_unmoved(client.open(url, query_string=dict.fromkeys(PARAMETERS, value)), (url, value))
    slowest = 0.0
    for client, url in looked_at:
        for name in ("q", "page", "sort"):
            moment = time.monotonic()
            assert_unmoved(client.open(url, query_string={name: "1;SELECT pg_sleep(20)"}), (url, name))
            slowest = max(slowest, time.monotonic() - moment)
    assert slowest < 10, "something slept as it was told"
    assert rows_of_all_tables() == before


@pytest.mark.any_database
def test_no_part_of_an_address_is_either(clock: Any, everybody: Everybody):
    before = rows_of_all_tables()
    named = [rule for rule in everybody.rules() if rule.arguments and rule.endpoint != "static"]
    for number, rule in enumerate(named):
        for value in INJECTIONS[number % 4 :: 4]:
            numbers = {"ess_id": 1, "number": 1}
            typed = {name: value.replace("/", "%2f") for name in rule.arguments if name not in numbers}
            url = url_of(everybody, rule, {**numbers, **typed})
            method = "GET" if "GET" in (rule.methods or ()) else "HEAD"
            assert_unmoved(everybody.clients["central_admin"].open(url, method=method), url)
    assert rows_of_all_tables() == before


@pytest.mark.any_database
def test_no_field_of_a_form_is_either(everybody: Everybody):
    """What a form takes is kept as it was typed; most of these it refuses."""
    for number, value in enumerate(INJECTIONS):
        for rule, method in mutators(everybody)[number % 6 :: 6]:
            if rule.endpoint in ("sign_in.sign_out", "sign_in.sign_in_post"):
                continue
            client = everybody.clients["central_admin"]
            data = {**dict.fromkeys(FIELDS, value), "csrf_token": client._token("/")}
            target = {"ess_id": 1} if "ess_id" in rule.arguments else {}
            assert_unmoved(client.open(url_of(everybody, rule, target), method=method, data=data), (str(rule), value))
    tables = rows_of_all_tables()
    assert len(tables["people"]) >= 6
    assert len(tables["role_grants"]) == 5


TYPED = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(INJECTIONS)
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(q=TYPED, page=TYPED, size=TYPED, tab=TYPED)
@FEW
def test_the_lists_answer_anything(local_admin_client: CheckingClient, q: str, page: str, size: str, tab: str):
    asked = {"q": q, "page": page, "size": size, "tab": tab, "sort": tab}
    for url in ("/find-administrator", "/find-administrator.json", "/organisations", "/organisations/42061/contacts"):
        answer = local_admin_client.open(url, query_string=asked)
        assert answer.status_code == 200, url


@given(identifier=TYPED, need=TYPED | st.sampled_from(["password", "username", "unlock"]), password=TYPED)
@FEW
def test_the_forms_of_visitors_answer_anything(client: CheckingClient, identifier: str, need: str, password: str):
    client.get("/sign-in")
    token = client.page.form("/sign-in").values["csrf_token"][0]
    sign_in = {"username": identifier, "password": password, "next": need, "csrf_token": token}
    assert client.open("/sign-in", method="POST", data=sign_in).status_code in (413, 422)
    recover = {"identifier": identifier, "need": need, "csrf_token": token}
    assert client.open("/recover", method="POST", data=recover).status_code in (303, 413, 422)


@pytest.mark.parametrize("q", ["%", "_", "%%", "____", "*", "?"])
def test_no_wildcard_finds_more_than_itself(
    app: Flask, organisation: Organisation, employee: Person, local_admin_client: CheckingClient, q: str
):
    factories.organisation("PCT", "HUNDRED PERCENT TRUST")
    for url in ("/find-administrator.json", "/organisations/42061/contacts", "/organisations"):
        text = local_admin_client.open(url, query_string={"q": q, "tab": "people"}).text
        assert "Erin Employee" not in text
        assert "PERCENT TRUST" not in text
        assert "Results 1 - " not in text
