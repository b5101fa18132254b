"""A form that is sent twice at once, by a double click or a retry: one effect, one entry, one mail, a clear answer."""

from collections import Counter
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Organisation, Person, RecoveryLink
from portal.services import recovery, tokens
from portal.services.recovery import Need
from portal.transactions import write
from tests.factories import person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.guesses import at_once
from tests.support.trail import events, mails

TIMES = 6
S = AccountState
pytestmark = pytest.mark.usefixtures("cheap_hashes")
URL = "/organisations/42061/contacts"


def press(app: Flask, browser: CheckingClient, url: str, fields: dict[str, str] | None = None) -> Counter[int]:
    """The same form with the same token, so often at the same moment; how often each status was answered."""
    sent = {**(fields or {}), "csrf_token": browser._token(url)}
    cookies = dict(browser._cookies or {})

    def once() -> int:
        again: Any = app.test_client()
        again._cookies = dict(cookies)
        status: int = again.post(url, data=sent, headers={"Origin": ORIGIN}, base_url=ORIGIN).status_code
        return status

    return Counter(at_once([once] * TIMES))


@pytest.mark.parametrize(
    ("action", "state", "event", "mail"),
    [
        ("register", S.NOT_REGISTERED, "account:registration:registered", "registration"),
        ("unlock", S.LOCKED, "account:lock:unlocked", "unlocked"),
        ("deactivate", S.ACTIVE, "account:life:deactivated", None),
        ("reactivate", S.INACTIVE, "account:life:reactivated", None),
    ],
)
def test_a_move_that_is_pressed_several_times_at_once_is_made_once(
    app: Flask, organisation: Organisation, local_admin_client: CheckingClient,
    action: str, state: AccountState, event: str, mail: str | None,
):  # fmt: skip
    nora = person(organisation, "Nora Contact", types=["admin"], state=state)
    page = f"{URL}/{nora.ess_id}"
    local_admin_client.get(page)
    assert press(app, local_admin_client, f"{page}/{action}") == {303: 1, 409: TIMES - 1}
    assert events(nora).count(event) == 1
    assert [row.kind for row in mails()] == ([mail] if mail else [])


def test_re_enrol_that_is_pressed_several_times_leaves_one_temporary_password(
    app: Flask, organisation: Organisation, local_admin_client: CheckingClient, mailbox: Any
):
    """Each press is a wish for a new one, as it is minutes later; those before the last are not mailed."""
    from portal.services import outbox

    nora = person(organisation, "Nora Contact", types=["admin"])
    page = f"{URL}/{nora.ess_id}"
    local_admin_client.get(page)
    assert press(app, local_admin_client, f"{page}/re-enrol") == {303: TIMES}
    outbox.deliver_due()
    secret = tokens.temporary_password(nora.account.temporary_password_issue or "", tokens.present_key())
    assert secret in mailbox.one("re-enrolment").lines


def test_a_new_contact_that_is_saved_several_times_at_once_is_one(
    app: Flask, organisation: Organisation, local_admin_client: CheckingClient
):
    local_admin_client.get(f"{URL}/new")
    address = "nina@coe.example"
    fields = {
        "first_name": "Nina", "last_name": "Contact", "primary_email": address, "confirm_primary_email": address,
        "status": "active", "types": "admin",
    }  # fmt: skip
    answers = press(app, local_admin_client, f"{URL}/new", fields)
    assert answers == {303: 1, 422: TIMES - 1}
    made = select(func.count()).select_from(Person).where(Person.primary_email == address)
    assert db.session.scalar(made) == 1


def test_a_link_that_is_redeemed_several_times_at_once_is_redeemed_once(
    app: Flask, client: CheckingClient, employee: Person
):
    with write():
        recovery.ask(employee.account.username or "", Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink)).one()
    token = tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)
    client.get(f"/recover/{token}", expect=303)
    client.get("/recover/new-password")
    words = {"password": "walnut harbour kettle", "password_again": "walnut harbour kettle"}
    answers = press(app, client, "/recover/new-password", words)
    assert answers[303] >= 1
    assert events(employee).count("account:password:reset") == 1
    assert [row.kind for row in mails()].count("password-changed") == 1
