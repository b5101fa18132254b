"""A form changes what it has fields for, and nothing else, whatever else is sent with it (ASVS 15.3.3, 15.3.7, 8.2.3).

Each form of the URL map is sent three times, to somebody new each time: as it stands, with fields that are not its own,
and with each of its own twice. All must have changed the same columns of the same tables, and no row may hold what was
slipped in. Whoever may not send it at all is told so before it is read, and other tests see to that.
"""

from typing import Any

import pytest

from portal.domain.account_state import AccountState
from tests import factories
from tests.support.client import ORIGIN, CheckingClient
from tests.support.crawl import Sendable, mutators, right_fields, sendable, sender
from tests.support.differences import differences
from tests.support.everybody import Everybody, rows_of_all_tables

pytestmark = pytest.mark.usefixtures("cheap_hashes")

COUNTING = ("counters", "audit_chains")
"""Where the first of its kind makes a row that later ones change."""

CANARY = "slippedin"
NUMBER = 987_654
SLIPPED_IN: dict[str, str] = {
    **dict.fromkeys(
        ("role", "roles", "username", "state", "kind", "password_hash", "temporary_password_hash", "internal_message",
         "external_message", "region", "code", "actor", "by", "token", "token_hash", "account", "person", "grants",
         "key", "zone", "address", "browser", "credential", "code_folded", "search_text", "sort_name",
         "primary_email_folded", "own_record", "message"),
        CANARY,
    ),
    **dict.fromkeys(
        ("organisation_id", "person_id", "account_id", "id", "ess_id", "failures", "failures_total",
         "failures_since_success", "credential_version", "temporary_password_failures", "region_id", "user_id"),
        str(NUMBER),
    ),
    **dict.fromkeys(("is_admin", "is_contact", "enrolled", "superuser", "locked", "own_record_amendable"), "1"),
    "locked_at": "2001-02-03T04:05:06+00:00", "created_at": "2001-02-03T04:05:06+00:00", "contact_type": "tpa",
    "account.state": "active", "account[state]": "active", "person.organisation_id": "2", "__class__": CANARY,
    "_user_id": CANARY, "csrf": CANARY, "organisation": "RX1", "permission": "keep-contacts", "ended_at": "",
}  # fmt: skip


CONTACT = "POST /organisations/<code>/contacts/<int:ess_id>"
DO_SOMETHING = {
    *(f"POST {path}" for path in ("/enrol", "/recover", "/recover/new-password", "/sign-in", "/sign-out")),
    *(
        CONTACT + move
        for move in ("", "/register", "/unlock", "/re-enrol", "/deactivate", "/reactivate", "/sessions/all")
    ),
    "POST /organisations/<code>/contacts/new",
}
"""The forms that are filled in rightly here, so that fields beside them could do more. One's own record, address and
password are compared by the tests of their pages."""
ONCE = {"/account/sessions", "/account/sessions/others"}
"""What ends the very thing that the other browser has too; their tests are their own."""


def changed(contact: Sendable) -> None:
    """The contact form, with something to save."""
    if contact.name.endswith("/contacts/<int:ess_id>"):
        contact.fields["job_title"] = "Bursar"
    if contact.name.endswith("/contacts/new"):
        contact.fields |= {"first_name": "Nia", "last_name": "New", "has_no_email": "yes", "status": "active"}


def ready(everybody: Everybody, client: CheckingClient, rule: Any, method: str) -> Sendable:
    """The form, about somebody new who is in the state that it is for."""
    state = {"unlock": AccountState.LOCKED, "re-enrol": AccountState.ACTIVE, "reactivate": AccountState.INACTIVE}.get(
        str(rule).rpartition("/")[2], AccountState.NOT_REGISTERED
    )
    everybody.made += 1
    name, email = f"Somebody N{everybody.made}ew", f"somebody{everybody.made}@coe.example"
    somebody = factories.person(everybody.organisation, name, email=email, state=state)
    found = sendable(everybody, client, {"ess_id": somebody.ess_id}, rule, method)
    found.fields |= right_fields(everybody, found.name)
    changed(found)
    return found


def doubled(fields: dict[str, Any]) -> dict[str, Any]:
    """Each field twice: first as it should be, then as somebody would like to have it."""
    own = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    single = {name: [*values, CANARY] for name, values in own.items() if name not in ("types", "password")}
    return own | single


def extras(fields: dict[str, Any]) -> dict[str, Any]:
    """The form's own fields, and all the others that are not its own."""
    return {**{name: value for name, value in SLIPPED_IN.items() if name not in fields}, **fields}


def send(client: CheckingClient, asked: Sendable, fields: dict[str, Any]) -> Any:
    """What it answers, and what it did."""
    token = client._token("/")
    before = rows_of_all_tables()
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    data = {**fields, "csrf_token": token}
    answer = client.open(
        f"{asked.url}?role={CANARY}&username={CANARY}", method=asked.method, data=data, headers=headers
    )
    done = differences(before, rows_of_all_tables())
    return answer.status_code, {what: times for what, times in done.items() if not what.startswith(COUNTING)}


def is_shut_out(status: int) -> bool:
    return status in (401, 403, 404)


def test_no_form_takes_what_it_has_no_field_for(everybody: Everybody, as_person: Any):
    did: dict[str, object] = {}
    for rule, method in mutators(everybody):
        if str(rule) in ONCE:
            continue
        for name in ("local_admin", "enrolling", "with a link", "stranger", "employee", "central_admin"):
            browser = sender(everybody, as_person, name)
            one = ready(everybody, browser, rule, method)
            status, plain = send(browser, one, dict(one.fields))
            for how in () if is_shut_out(status) and not plain else (extras, doubled):
                browser = sender(everybody, as_person, name)
                other = ready(everybody, browser, rule, method)
                status_then, slipped = send(browser, other, how(other.fields))
                refused = how is doubled and status_then >= 400 and not slipped
                assert refused or (slipped, status_then) == (plain, status), f"{one.name}: {slipped} instead of {plain}"
            if plain:
                did[one.name] = plain
                break
    held = {str(value) for rows in rows_of_all_tables().values() for row in rows for value in row}
    assert [value for value in held if CANARY in value or str(NUMBER) in value or "2001-02-03" in value] == []
    assert set(did) >= DO_SOMETHING
