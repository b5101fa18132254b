"""The audit trail in sentences: every event in both voices, with the details that its verbs write, in both locales."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import event as database_event

from portal.blueprints.activity import own_lines, sentence
from portal.domain.audit_events import EVENTS
from portal.domain.lockout import Zone
from portal.extensions import db
from portal.models import AuditEntry, Person
from portal.services import audit
from portal.services.activity import Happening
from portal.services.origin import asked_from
from portal.transactions import write

CHANGES = {
    "primary_email": ["old@coe.example", "new@coe.example"],
    "job_title": ["", "Nurse"],
    "mobile_phone": ["07700 900123", ""],
    "types": [["admin"], ["admin", "tpa"]],
    "staff_group": ["permanent", "bank"],
    "smartcard_linked": [False, True],
}
DETAILS: dict[str, Any] = {
    "username": "42061eemployee1",
    "expires_at": "2026-07-17T13:02:00+00:00",
    "failures": 1203,
    "state": "unlock-pending",
    "why": "registration-expired",
    "sessions": 3,
    "times": 2,
    "address": "new@coe.example",
    "before": "",
    "after": "new@coe.example",
    "role": "local_administrator",
    "scope": "42061 COUNTY OFFICE OF EDUCATION",
    "method": "photo_id",
    "work": "register",
    "from_organisation": "RX1 ST ELSEWHERE",
    "to_organisation": "42061 COUNTY OFFICE",
    "people": 12,
    "per_day": 200,
    "new": 3,
    "reference": "passport",
    "code": "CENTRAL",
    "changes": CHANGES,
    "file": "ror.csv",
    "rows": 12507,
    "added": 1,
    "changed": 0,
    "closed": 2,
    "unchanged": 3,
    "refused": 4,
    "taken_at": "2026-11-16T09:00:00+00:00",
    "lost": {"chains": [["42061", 17, 1203], ["", 3, 4]], "more": 2},
}
"""Each detail as the verbs write it; an event with another one needs a line here."""

WORDS = {
    "en_GB": {
        "expires_at": "17/07/2026 14:02",
        "failures": "1,203",
        "state": "unlock pending",
        "why": "registration expired",
        "role": "Local System Administrator",
        "taken_at": "16/11/2026 09:00",
        "before": "in place of none",
        "lost": "42061, entries 17 to 1,203; what belongs to no organisation, entries 3 to 4; "
        "organisations beside these: 2",
        "changes": "Primary Email Address from old@coe.example to new@coe.example; Job Title set to Nurse; "
        "Mobile Phone Number, which was 07700 900123, removed; "
        "Contact Types from Admin Contact to Admin Contact, TPA Contact; Staff group from Permanent to Bank; "
        "A smartcard is or was linked: Yes",
    },
    "en_US": {
        "expires_at": "07/17/2026 02:02 PM",
        "taken_at": "11/16/2026 09:00 AM",
        "lost": "what belongs to no organization, entries 3 to 4; organizations beside these: 2",
    },
}
AMERICAN = re.compile(r"organis|\b(re-)?enrol\b|enrolment", re.IGNORECASE)


def happening(event: str, person: Person | None, actor: Person | None, **details: Any) -> Happening:
    known = {name: DETAILS[name] for name in EVENTS[event].details}
    entry = AuditEntry(
        event=event, at=datetime(2026, 11, 16, tzinfo=UTC), address="203.0.113.7", zone="internet",
        details={**known, **details},
    )  # fmt: skip
    return Happening(entry, person, actor)


def is_a_sentence(text: str) -> bool:
    left_over = re.search(r"%\(|%[sd]|None|\{|\[|lazy|unknown", text)
    bare = re.search(r"  | ,|: ?$|: ;| (from|to|set to|of) (;|to\b|$)", text)
    return text[0].isupper() and not left_over and not bare and text == text.strip()


@pytest.mark.parametrize("locale", ["en_GB", "en_US"])
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_reads_as_a_sentence_in_both_voices(
    app: Flask, employee: Person, local_admin: Person, event: str, locale: str
):
    assert EVENTS[event].details <= set(DETAILS), f"{event} has a detail that is not tried here"
    about_a_person = "%(person)s" in EVENTS[event].sentence
    assert bool(EVENTS[event].own) == about_a_person, f"{event} says nothing to the person whom it happened to"
    person = employee if about_a_person else None
    actors = [local_admin, employee, None] if about_a_person else [local_admin, None]
    with force_locale(locale):
        for actor in actors:
            told = sentence(happening(event, person, actor))
            assert is_a_sentence(told), told
            assert ("Erin Employee" in told) == about_a_person
            own = sentence(happening(event, person, actor), own=True)
            assert is_a_sentence(own), own
            if about_a_person:
                assert re.search(r"\b[Yy]ou(r|rs)?\b", own), own
                assert "Erin Employee" not in own
            for said in (told, own):
                for name in EVENTS[event].details:
                    wanted = WORDS[locale].get(name)
                    assert wanted is None or wanted in said or f"%({name})s" not in EVENTS[event].sentence, said
                assert locale == "en_GB" or not AMERICAN.search(said), said


@pytest.mark.parametrize("event", EVENTS)
def test_who_did_it_begins_the_sentence(event: str):
    """The portal and the command line are named with a capital."""
    for text in (EVENTS[event].sentence, EVENTS[event].own, EVENTS[event].oneself):
        assert text.count("%(actor)s") == int(text.startswith("%(actor)s"))


def test_where_nobody_signed_in_did_it_it_was_the_portal_or_the_command_line(app: Flask, employee: Person):
    by_the_portal = happening("account:life:deactivated", employee, None)
    assert sentence(by_the_portal) == "The portal made Erin Employee inactive"
    by_the_portal.entry.address = "command"
    assert sentence(by_the_portal, own=True) == "The command line made you inactive"


def test_what_somebody_did_themselves_is_told_to_them_so(app: Flask, employee: Person, local_admin: Person):
    def own(event: str, actor: Person) -> str:
        return sentence(happening(event, employee, actor, sessions=1, changes={"job_title": ["", "Nurse"]}), own=True)

    assert own("person:record:changed", employee) == "You changed your record: Job Title set to Nurse"
    assert own("account:session:ended", employee) == "You signed out another browser of yours"
    assert own("account:session:ended", local_admin) == "Lena Administrator signed you out of a browser"
    assert own("account:session:all-ended", employee) == "You signed out everywhere else; browsers signed out: 1"


def test_an_entry_of_another_version_is_still_told(app: Flask, employee: Person, local_admin: Person):
    strange = happening("account:sign-in:failed", employee, None)
    strange.entry.details = {}
    assert sentence(strange, own=True) == "A wrong password was tried at your account: number unknown in a row"
    strange.entry.event = "account:100%:%(new)s"
    assert sentence(strange) == "account:100%:%(new)s"
    for name, value in (("role", "king"), ("state", "asleep"), ("expires_at", "soon")):
        events = {"role": "account:role:granted", "state": "account:sign-in:refused"}
        details = {name: value, **({"scope": ""} if name == "role" else {})}
        entry = happening(events.get(name, "account:lock:unlocked"), employee, local_admin, **details)
        assert value in sentence(entry)


def test_a_restored_database_may_have_lost_nothing_or_nobody_knows_what(app: Flask):
    for lost, words in (({"chains": [], "more": 0}, "is lost: nothing"), (None, "is lost: unknown")):
        assert sentence(happening("installation:database:restored", None, None, lost=lost)).endswith(words)
    one_more = {"chains": [["42061", 1, 1]], "more": 1}
    assert sentence(happening("installation:database:restored", None, None, lost=one_more)).endswith(
        "42061, entries 1 to 1; organisations beside these: 1"
    )


def queries(of: Callable[[], object]) -> list[str]:
    asked: list[str] = []

    def listener(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    database_event.listen(db.engine, "before_cursor_execute", listener)
    try:
        of()
    finally:
        database_event.remove(db.engine, "before_cursor_execute", listener)
    return asked


def test_ones_own_lines_are_the_newest_in_two_queries(app: Flask, clock: Any, employee: Person, local_admin: Person):
    app.config["PRIVATE_NETWORKS"] = ["10.0.0.0/8"]
    with asked_from("203.0.113.9", Zone.INTERNET), write():
        for failures in (1, 2, 3):
            audit.record("account:sign-in:failed", person=employee, failures=failures)
    with asked_from("10.1.2.3", Zone.PRIVATE), write():
        audit.record("account:life:reactivated", person=employee, by=local_admin.account)
        audit.record("account:session:signed-out", person=employee, by=employee.account)
        audit.record("account:sign-in:succeeded", person=local_admin)
    with write():
        audit.record("account:life:deactivated", person=employee)
    lines = own_lines(employee, limit=4)
    assert [(line.sentence, line.origin) for line in lines] == [
        ("The command line made you inactive", "the command line"),
        ("You signed out", "10.1.2.3, your organisation's network"),
        ("Lena Administrator made you active again", "an administrator's browser"),
        ("A wrong password was tried at your account: number 3 in a row", "203.0.113.9, the internet"),
    ]
    assert len(queries(lambda: own_lines(employee))) == 2
    app.config["PRIVATE_NETWORKS"] = []
    assert own_lines(employee)[3].origin == "203.0.113.9"


def test_a_flood_of_refused_attempts_is_one_line_and_hides_nothing(employee: Person, clock: Any):
    with write():
        audit.record(
            "account:email:changed", person=employee, by=employee.account, before="a@b.example", after="x@y.example"
        )
    with asked_from("203.0.113.9", Zone.INTERNET), write():
        for _ in range(25):
            audit.record("account:sign-in:refused", person=employee, state="locked")
    said = [line.sentence for line in own_lines(employee)]
    assert "You confirmed the e-mail address x@y.example in place of a@b.example" in said
    assert sorted(said)[0] == (
        "A password was tried at your account and not looked at; your account was: locked. "
        "So it went 25 times, this was the last"
    )
    assert len(said) == 2
