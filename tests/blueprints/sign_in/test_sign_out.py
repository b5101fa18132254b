"""/sign-out: over at once, in this browser and for every copy of its cookie."""

from portal.extensions import db
from portal.models import Person
from tests.support.client import ORIGIN, CheckingClient
from tests.support.trail import events


def test_signing_out_ends_the_session_clears_the_browser_and_is_written_down(
    employee_client: CheckingClient, employee: Person
):
    employee_client.get("/account")
    answer = employee_client.submit("/sign-out")
    assert answer.location == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "You have signed out." in employee_client.follow(answer).page.words
    assert "You have signed out." not in employee_client.get("/sign-in").page.words
    assert events(employee) == ["account:session:signed-out"]


def test_a_copy_of_the_cookie_is_worth_nothing_afterwards(
    employee_client: CheckingClient, stranger_client: CheckingClient, employee: Person
):
    with employee_client.session_transaction(base_url=ORIGIN) as cookie:
        copied = dict(cookie)
    with stranger_client.session_transaction(base_url=ORIGIN) as cookie:
        cookie.update(copied)
    stranger_client.get("/account")
    employee_client.get("/account")
    employee_client.submit("/sign-out")
    assert stranger_client.get("/account", 303).location == "/sign-in?next=/account"
    assert stranger_client.get("/account", 401, htmx=True).headers["HX-Redirect"].startswith("/sign-in")


def test_without_its_token_nobody_is_signed_out(employee_client: CheckingClient, employee: Person):
    employee_client.post("/sign-out", expect=403, csrf=False)
    employee_client.post("/sign-out", expect=403, csrf=False, htmx=True)
    employee_client.get("/account")
    assert events(employee) == []


def test_a_look_signs_nobody_out(employee_client: CheckingClient):
    employee_client.get("/sign-out", 405)
    employee_client.get("/account")


def test_somebody_who_is_not_signed_in_may_sign_out(client: CheckingClient):
    client.get("/sign-in")
    assert client.post("/sign-out").location == "/sign-in"
    db.session.rollback()
    assert events() == []


def test_a_stale_page_is_called_that(employee_client: CheckingClient):
    page = employee_client.post("/sign-out", expect=403, csrf=False).page
    assert page.heading == "This page had been open for too long"
    notice = employee_client.post("/sign-out", expect=403, csrf=False, htmx=True).page
    assert notice.words.startswith("This page belongs to an earlier sign-in, so nothing was saved.")


def test_a_call_whose_session_is_over_goes_to_the_sign_in_whatever_its_token(client: CheckingClient):
    url = "/organisations/42061/contacts/7/unlock"
    page = {"HX-Current-URL": "http://127.0.0.1:8000/organisations/42061/contacts/7?tab=people"}
    answer = client.post(url, expect=401, csrf=False, htmx=True, headers=page)
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/organisations/42061/contacts/7?tab%3Dpeople"
    assert "You had been signed out, so nothing was saved." in client.get("/sign-in").page.words
    client.post(url, expect=403, csrf=False)
    client.post("/sign-out", expect=403, csrf=False, htmx=True)
