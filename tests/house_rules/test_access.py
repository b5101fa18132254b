"""Who may: every endpoint and method, as each named person, with the expected status.

An endpoint without a row fails: add one. Each request is about ``organisation`` (42061), where everybody but
``other_org_admin`` and ``central_admin`` belongs; a POST sends no fields but its token, and is about somebody new who
is not registered. So an allowed POST may answer 422 (fields are missing) or 409 (the state refuses), and the page of a
mailed link 410 (no such link).
"""

import pytest

from tests.support.everybody import Everybody

SIGN_IN = 303
"""Somebody who is not signed in is sent to the sign-in page."""


def all_alike(status: int) -> dict[str, int]:
    """The same answer for everybody, signed in or not."""
    return dict.fromkeys(PEOPLE, status)


def signed_in(status: int) -> dict[str, int]:
    """Everybody who is signed in, whatever their role."""
    return {**all_alike(status), "stranger": SIGN_IN}


def those(
    stranger: int, employee: int, operator: int, local: int, other: int, regional: int, central: int
) -> dict[str, int]:
    """One status for each person, in the order in which they are named."""
    return dict(zip(PEOPLE, (stranger, employee, operator, local, other, regional, central), strict=True))


PEOPLE = (
    "stranger",
    "employee",
    "reset_operator",
    "local_admin",
    "other_org_admin",
    "regional_manager",
    "central_admin",
)

ACCESS: dict[str, dict[str, int]] = {
    "GET /static/<path:filename>": all_alike(200),
    "GET /livez": all_alike(200),
    "GET /readyz": all_alike(200),
    "GET /brand.css": all_alike(200),
    "GET /": all_alike(303),
    "GET /sign-in": {**all_alike(303), "stranger": 200},
    "POST /sign-in": all_alike(422),
    "POST /sign-out": all_alike(303),
    "GET /login": all_alike(303),
    "GET /forgot": all_alike(303),
    "GET /unlock": all_alike(303),
    "GET /recover": all_alike(200),
    "POST /recover": all_alike(422),
    "GET /recover/sent": all_alike(200),
    "GET /recover/<token>": all_alike(303),
    "GET /recover/new-password": all_alike(410),
    "POST /recover/new-password": all_alike(410),
    "POST /recover/new-password/check": all_alike(410),
    "GET /enrol": signed_in(303),
    "POST /enrol": signed_in(303),
    "POST /enrol/check": signed_in(303),
    "GET /enrol/<token>": all_alike(303),
    "POST /enrol/<token>": all_alike(410),
    "GET /enrol/central-administrator": all_alike(410),
    "POST /enrol/central-administrator": all_alike(410),
    "POST /enrol/central-administrator/check": all_alike(410),
    "GET /account": signed_in(200),
    "GET /account/confirm": signed_in(200),
    "POST /account/confirm": signed_in(422),
    "GET /account/password": signed_in(200),
    "POST /account/password": signed_in(422),
    "POST /account/password/check": signed_in(200),
    "GET /account/sessions": signed_in(200),
    # No session of one's own is named.
    "POST /account/sessions": signed_in(404),
    "POST /account/sessions/others": signed_in(303),
    "GET /account/record": signed_in(200),
    "POST /account/record": signed_in(303),
    "GET /account/email": signed_in(200),
    "POST /account/email": signed_in(422),
    "POST /account/email/again": signed_in(303),
    "POST /account/email/cancel": signed_in(303),
    "GET /verify-email/<token>": all_alike(303),
    "GET /account/email/verify": signed_in(410),
    "POST /account/email/verify": signed_in(410),
    "GET /find-administrator": all_alike(200),
    "GET /find-administrator.json": all_alike(200),
    "GET /find-administrator/<code>": all_alike(200),
    "GET /organisations": those(SIGN_IN, 403, 403, 200, 200, 200, 200),
    "GET /organisations/<code>": those(SIGN_IN, 403, 403, 303, 404, 303, 303),
    "GET /organisations/<code>/contacts": those(SIGN_IN, 403, 200, 200, 404, 200, 200),
    "GET /organisations/<code>/contacts.csv": those(SIGN_IN, 403, 403, 200, 404, 200, 200),
    "GET /organisations/<code>/contacts.xlsx": those(SIGN_IN, 403, 403, 200, 404, 200, 200),
    "GET /organisations/<code>/contacts/new": those(SIGN_IN, 403, 403, 200, 404, 403, 200),
    "POST /organisations/<code>/contacts/new": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    "GET /organisations/<code>/contacts/<int:ess_id>": those(SIGN_IN, 403, 200, 200, 404, 200, 200),
    "POST /organisations/<code>/contacts/<int:ess_id>": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    "GET /organisations/<code>/contacts/<int:ess_id>/self-service": those(SIGN_IN, 403, 303, 303, 404, 303, 303),
    "GET /organisations/<code>/contacts/<int:ess_id>/sessions": those(SIGN_IN, 403, 403, 200, 404, 403, 200),
    "POST /organisations/<code>/contacts/<int:ess_id>/sessions": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "POST /organisations/<code>/contacts/<int:ess_id>/sessions/all": those(SIGN_IN, 403, 403, 303, 404, 403, 303),
    "POST /organisations/<code>/contacts/<int:ess_id>/register": those(SIGN_IN, 403, 403, 303, 404, 403, 303),
    "POST /organisations/<code>/contacts/<int:ess_id>/unlock": those(SIGN_IN, 403, 403, 409, 404, 403, 409),
    "POST /organisations/<code>/contacts/<int:ess_id>/re-enrol": those(SIGN_IN, 403, 403, 409, 404, 403, 409),
    "POST /organisations/<code>/contacts/<int:ess_id>/deactivate": those(SIGN_IN, 403, 403, 303, 404, 403, 303),
    "POST /organisations/<code>/contacts/<int:ess_id>/reactivate": those(SIGN_IN, 403, 403, 409, 404, 403, 409),
    "GET /organisations/<code>/contacts/<int:ess_id>/move": those(SIGN_IN, 403, 403, 200, 404, 403, 200),
    "POST /organisations/<code>/contacts/<int:ess_id>/move": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    "GET /organisations/<code>/contacts/<int:ess_id>/history": those(SIGN_IN, 403, 403, 200, 404, 200, 200),
    "GET /organisations/<code>/activity": those(SIGN_IN, 403, 403, 200, 404, 200, 200),
    "GET /organisations/<code>/bulk": those(SIGN_IN, 403, 403, 200, 404, 403, 200),
    "POST /organisations/<code>/bulk": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    "GET /organisations/<code>/bulk/new": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    # Nothing of the kind has been begun.
    "GET /organisations/<code>/bulk/<int:number>": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "GET /organisations/<code>/bulk/<int:number>/progress": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "POST /organisations/<code>/bulk/<int:number>/stop": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "GET /organisations/<code>/uploads": those(SIGN_IN, 403, 403, 200, 404, 403, 200),
    "POST /organisations/<code>/uploads": those(SIGN_IN, 403, 403, 422, 404, 403, 422),
    "GET /organisations/<code>/uploads/<int:number>": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "GET /organisations/<code>/uploads/<int:number>/progress": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "GET /organisations/<code>/uploads/<int:number>/result.csv": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "POST /organisations/<code>/uploads/<int:number>/columns": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "POST /organisations/<code>/uploads/<int:number>/confirm": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    "POST /organisations/<code>/uploads/<int:number>/discard": those(SIGN_IN, 403, 403, 404, 404, 403, 404),
    # A reset operator helps nobody in who is not registered yet.
    "GET /organisations/<code>/contacts/<int:ess_id>/temporary-password": those(SIGN_IN, 403, 409, 200, 404, 403, 200),
    "POST /organisations/<code>/contacts/<int:ess_id>/temporary-password": those(SIGN_IN, 403, 422, 422, 404, 403, 422),
    "POST /organisations/<code>/contacts/<int:ess_id>/recovery-mail": those(SIGN_IN, 403, 409, 409, 404, 403, 409),
    "POST /organisations/<code>/contacts/<int:ess_id>/roles": those(SIGN_IN, 403, 403, 422, 404, 422, 422),
    # Without demonstration data there is no mailbox to look into.
    "GET /demonstration/mail": all_alike(404),
    "GET /demonstration/mail/<name>": all_alike(404),
    "POST /demonstration/mail/deliver": all_alike(404),
}


def test_every_endpoint_has_a_row_and_every_row_an_endpoint(everybody: Everybody):
    served = {
        f"{method} {rule}" for rule in everybody.rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(ACCESS) == served


@pytest.mark.parametrize("row", ACCESS)
def test_each_person_gets_the_answer_that_the_table_says(row: str, everybody: Everybody):
    method, _, path = row.partition(" ")
    rule = next((rule for rule in everybody.rules() if str(rule) == path and method in (rule.methods or ())), None)
    if rule is None:
        pytest.fail(f"{row} is in the table, and no view serves it")
    got = {}
    for name, client in everybody.clients.items():
        got[name] = client.ask(method, everybody.url(rule)).status_code
    assert got == ACCESS[row]


def test_every_page_has_a_title_of_its_own(everybody: Everybody):
    titles: dict[str, set[str]] = {}
    for name in ("stranger", "local_admin", "central_admin"):
        for rule in everybody.rules():
            if "GET" in (rule.methods or ()) and ACCESS.get(f"GET {rule}", {}).get(name) == 200:
                page = everybody.clients[name].ask("GET", everybody.url(rule)).page
                if page is not None:
                    titles.setdefault(page.title, set()).add(str(rule))
    shared = {title: pages for title, pages in titles.items() if len(pages) > 1}
    assert titles
    assert shared == {}


def test_somebody_who_signed_in_with_a_temporary_password_is_led_to_choose_their_own(everybody: Everybody, as_person):
    enrolling = as_person(everybody.persons["employee"], kind="enrolment")
    reached = {}
    for rule in everybody.rules():
        if (
            "GET" in (rule.methods or ())
            and everybody.app.view_functions[rule.endpoint].__dict__.get("access") != "public"
        ):
            answer = enrolling.open(everybody.url(rule))
            reached[str(rule)] = (answer.status_code, answer.location)
    reached.pop("/static/<path:filename>")
    assert reached.pop("/enrol")[0] == 200
    assert set(reached.values()) == {(303, "/enrol")}


def test_a_view_that_declares_nothing_is_refused_to_everybody(everybody: Everybody, monkeypatch):
    def forgotten() -> str:
        return "secret"

    everybody.app.view_functions["operations.livez"], kept = forgotten, everybody.app.view_functions["operations.livez"]
    try:
        answers = {name: client.open("/livez").status_code for name, client in everybody.clients.items()}
    finally:
        everybody.app.view_functions["operations.livez"] = kept
    assert set(answers.values()) == {403}


def test_every_view_declares_who_may(everybody: Everybody):
    silent = [
        rule.endpoint
        for rule in everybody.rules()
        if rule.endpoint != "static" and not hasattr(everybody.app.view_functions[rule.endpoint], "access")
    ]
    assert silent == []
