"""Looking changes nothing: every GET endpoint, as every named person, leaves every row of every table as it was."""

import pytest

from tests.support.everybody import Everybody, rows_of_all_tables
from tests.support.links import link_mailed_to


def test_no_get_changes_a_row(everybody: Everybody):
    changed = []
    urls = [everybody.url(rule) for rule in everybody.rules() if "GET" in (rule.methods or ())]
    before = rows_of_all_tables()
    for url in urls:
        for client in everybody.clients.values():
            client.open(url)
            client.open(url, headers={"HX-Request": "true"})
        after = rows_of_all_tables()
        changed += [f"GET {url}: {table}" for table in before if before[table] != after[table]]
        before = after
    assert len(urls) > 10
    assert changed == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_neither_does_a_scanner_that_follows_a_mailed_link(everybody: Everybody, method: str):
    employee, stranger = everybody.persons["employee"], everybody.clients["stranger"]
    assert employee is not None
    link = link_mailed_to(employee)
    before = rows_of_all_tables()
    stranger.open(link, method=method)
    assert rows_of_all_tables() == before
    everybody.clients["employee"].get(link, 303)
    everybody.clients["employee"].get("/recover/new-password", 200)


def test_what_changes_something_answers_no_get(everybody: Everybody):
    views = everybody.app.view_functions
    both = [
        str(rule)
        for rule in everybody.rules()
        if hasattr(views[rule.endpoint], "commits") and "GET" in (rule.methods or ())
    ]
    assert both == []


# What these do is done in transactions of its own, and there is nothing beside it to commit.
OWN_TRANSACTIONS = {"/demonstration/mail/deliver"}


def test_every_post_is_marked_as_something_that_commits(everybody: Everybody):
    views = everybody.app.view_functions
    unmarked = [
        str(rule)
        for rule in everybody.rules()
        if "POST" in (rule.methods or ())
        and not hasattr(views[rule.endpoint], "commits")
        and str(rule) not in OWN_TRANSACTIONS
    ]
    assert unmarked == []
