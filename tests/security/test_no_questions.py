"""Nobody is asked for a maiden name: no form and no table knows questions or hints (ASVS 6.4.2; NIST 3.1.1.2)."""

import re
from typing import Any

from portal.extensions import db
from tests.support.client import CheckingClient
from tests.support.crawl import sender, url_of
from tests.support.everybody import Everybody
from tests.support.html import text_of

ASKING = re.compile(
    r"question|hint(?!s? at)|reminder(?!s? of)|maiden|memorable|favou?rite|first pet|secret answer|birth", re.I
)
TYPED = ("text", "password", "email", "tel", "search", "date", "number")


def fields_of(client: CheckingClient, url: str) -> list[str]:
    """Every field that somebody types into, by its name and its label."""
    answer = client.open(url)
    page = client.get(url).page if answer.status_code == 200 and answer.mimetype == "text/html" else None
    if page is None:
        return []
    labels = {label.get("for"): text_of(label) for label in page.all("label")}
    typed = [node for node in page.all("input", "textarea", "select") if node.get("type", "text") in TYPED]
    return [f"{node.get('name')}: {labels.get(node.get('id'), '')} {node.get('placeholder', '')}" for node in typed]


def test_no_form_asks_a_question_or_keeps_a_hint(everybody: Everybody, as_person: Any):
    found = set()
    for name in (*everybody.persons, "enrolling", "with a link"):
        client = sender(everybody, as_person, name)
        for rule in everybody.rules():
            if "GET" in (rule.methods or ()) and rule.endpoint != "static":
                found.update(fields_of(client, url_of(everybody, rule, {"ess_id": 1})))
    assert len(found) > 15
    assert [field for field in sorted(found) if ASKING.search(field)] == []


def test_no_table_keeps_one():
    columns = [f"{table.name}.{column.name}" for table in db.metadata.sorted_tables for column in table.columns]
    assert [column for column in columns if ASKING.search(column)] == []
