"""What the story needs around it: a visitor finds help, panels are swapped, refusals are clear, mail may be late."""

import time
from collections.abc import Callable
from datetime import timedelta

import httpx

from tests.story.conftest import CONTACTS, OWN_PASSWORD, Contact, Installation, temporary_password_in
from tests.story.visitor import Answer, Visitor
from tests.support.everybody import rows_of_all_tables
from tests.support.html import Page, text_of

OFFICE = "/find-administrator/42061"


def found(answer: Answer) -> list[str]:
    """The codes of the organisations in the results."""
    return [
        node.get("data-organisation-code", "")
        for node in answer.page.all("li")
        if "data-organisation-code" in node.attrib
    ]


def test_a_visitor_finds_an_organisation_from_a_to_z(visitor: Visitor) -> None:
    first = visitor.get(visitor.get("/sign-in").page.link("Find your system administrator"))
    assert first.path == "/find-administrator"
    names = [text_of(node) for node in first.page.all("a", class_="app-results__name")]
    assert names[0].startswith("A")
    assert len(found(first)) == 20
    under_c = visitor.get(first.page.link("C"))
    assert "42061" in found(under_c)
    assert visitor.get(under_c.page.link("COUNTY OFFICE OF EDUCATION")).path == OFFICE


def test_a_visitor_finds_an_organisation_by_a_part_of_its_name_or_by_its_code(visitor: Visitor) -> None:
    for typed in ("office of edu", "EDUCATION county", "42061"):
        form = visitor.get("/find-administrator").page.form("/find-administrator")
        results = visitor.get(f"/find-administrator?q={typed}")
        assert form.method == "get"
        assert "q" in form.names
        assert found(results)[0] == "42061", typed


def test_a_visitor_sees_whom_to_contact_and_no_staff(visitor: Visitor) -> None:
    page = visitor.get(OFFICE).page
    assert page.heading.startswith("COUNTY OFFICE OF EDUCATION")
    assert "Human resources systems desk" in page.words
    assert {node.get("href") for node in page.all("a")} >= {"mailto:hr-systems@coe.example", "tel:8315550142"}
    assert "Marisol" not in page.words


def test_a_button_pressed_through_htmx_answers_its_panel_and_the_state_in_the_list_alone(contact: Contact) -> None:
    answer = contact.administrator.swap(contact.panel(), f"{contact.url}/register")
    fragment = Page(answer.text, str(answer.url), fragment=True)
    assert answer.status_code == 200
    assert {node.get("id") for node in fragment.all("section", "span") if node.get("id")} == {
        "self-service-details", f"state-of-{contact.ess_id}",
    }  # fmt: skip
    assert fragment.by_id("self-service-details").get("data-account-state") == "registration-pending"
    assert "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]


def test_a_move_that_the_state_refuses_answers_409_with_the_panel_and_what_is_possible(contact: Contact) -> None:
    before = contact.panel()
    contact.press("register")
    again = contact.administrator.send(before, f"{contact.url}/register")
    assert (again.status, again.state, again.buttons) == (409, "registration-pending", {"re-enrol"})
    why = again.page.text_at("self-service-refusal")
    assert why.startswith("Register is not possible now: the account is registration pending. Possible now: Re-Enrol")
    swapped = contact.administrator.swap(before, f"{contact.url}/register")
    assert swapped.status_code == 409
    assert 'id="self-service-refusal"' in swapped.text
    assert "<html" not in swapped.text


def test_every_move_that_the_state_refuses_is_refused_and_changes_nothing(contact: Contact) -> None:
    token = contact.panel().page.form(f"{contact.url}/register").values["csrf_token"]
    for move in ("unlock", "re-enrol", "reactivate"):
        answer = contact.administrator.http.post(f"{contact.url}/{move}", data={"csrf_token": token})
        assert answer.status_code == 409, move
    assert contact.panel().state == "not-registered"


def test_inactive_closes_the_account_and_active_begins_anew(contact: Contact) -> None:
    contact.enrol()
    closed = contact.administrator.send(contact.panel(), contact.url, status="inactive")
    assert (closed.first_status, closed.state) == (303, "inactive")
    assert contact.browser.get("/account").path == "/sign-in"
    again = contact.administrator.send(closed, contact.url, status="active")
    assert (again.state, again.buttons, again.said["user-name"]) == ("not-registered", {"register"}, contact.username)


def test_a_mail_server_that_is_down_delays_mail_and_nothing_else(
    installation: Installation, contact: Contact, later: Callable[[Contact, timedelta], None]
) -> None:
    installation.mailbox.down()
    try:
        began = time.monotonic()
        assert contact.press("register").state == "registration-pending"
        for path in (CONTACTS, contact.url):
            assert contact.administrator.get(path).status == 200
        assert contact.browser.get("/find-administrator").status == 200
        assert httpx.get(f"{installation.portal.url}/readyz", trust_env=False).status_code == 200
        assert time.monotonic() - began < 10, "pages wait for the mail server"
        wait_until(lambda: "refused" in contact.panel().page.text_at("self-service-details").lower())
        assert contact.panel().said["external-message"].startswith("A temporary password is on its way")
    finally:
        installation.mailbox.up()
    later(contact, timedelta(minutes=2))
    mail = contact.gets("registration")
    wait_until(lambda: contact.panel().said["external-message"].startswith("A temporary password was sent"))
    assert contact.browser.sign_in(contact.panel().said["user-name"], temporary_password_in(mail)).path == "/enrol"
    assert len(installation.mailbox.to(contact.email)) == 1


def test_a_worker_that_was_killed_sends_what_it_left_once_when_it_is_back(
    installation: Installation, contact: Contact
) -> None:
    worker = next(
        started for started in installation.portal.started if started.arguments[-1] == "worker" and started.is_running()
    )
    worker.kill()
    assert contact.press("register").state == "registration-pending"
    installation.portal.worker()
    contact.gets("registration")
    wait_until(lambda: "sent" in contact.panel().said["external-message"])
    assert len(installation.mailbox.to(contact.email)) == 1


def test_no_secret_of_the_story_stands_in_clear_in_database_logs_or_files(
    installation: Installation, contact: Contact
) -> None:
    contact.enrol()
    asking = contact.browser.get("/recover?need=password")
    contact.browser.send(asking, "/recover", identifier=contact.email)
    secrets = [temporary_password_in(mail) for mail in contact.seen if mail.kind == "registration"]
    secrets += [secret.replace("-", "") for secret in secrets]
    secrets += [OWN_PASSWORD, contact.gets("password-reset").link.rpartition("/")[2]]
    assert all(len(secret) > 10 for secret in secrets)
    assert len(secrets) == 4
    with installation.portal.database():
        kept = {f"the table {name}": repr(rows).encode() for name, rows in rows_of_all_tables().items()}
    files = [file for file in installation.portal.folder.rglob("*") if file.is_file()]
    kept |= {str(file): file.read_bytes() for file in files}
    assert contact.email.encode() in kept["the table outbox_messages"]
    found = [place for place, content in kept.items() if any(secret.encode() in content for secret in secrets)]
    assert found == []


def wait_until(happened: Callable[[], bool], seconds: float = 15) -> None:
    """Look again and again. Raises AssertionError when it does not happen in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
