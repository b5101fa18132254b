"""The exported heads: written where they moved, for the owner's eyes, and never an older one over a newer one."""

import stat
import threading
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as database_event

from portal import worker
from portal.extensions import db
from portal.models import Person
from portal.services import audit, audit_heads
from portal.services.audit import Head
from portal.transactions import write
from tests.support.trail import entries


def record(person: Person | None) -> None:
    with write():
        audit.record("sign-in:unknown:failed" if person is None else "account:sign-in:succeeded", person=person)


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The heads that were logged since, and nothing that is wrong."""
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == []
    found = [line.__dict__["fields"]["heads"] for line in caplog.records if line.message == "heads of the audit trail"]
    caplog.clear()
    return found


@pytest.fixture(autouse=True)
def _info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="portal.services.audit_heads")


def test_what_moved_goes_to_the_log_and_into_a_file_for_its_owner_alone(
    app: Flask, employee: Person, other_org_admin: Person, caplog: pytest.LogCaptureFixture
):
    watch = audit_heads.Watch()
    for person in (employee, employee, other_org_admin, None):
        record(person)
    watch.look()
    own, other = employee.organisation_id, other_org_admin.organisation_id
    heads = {
        0: Head(1, entries()[-1].hash),
        own: Head(2, entries(employee)[-1].hash),
        other: Head(1, entries(other_org_admin)[-1].hash),
    }
    assert audit_heads.read() == heads
    assert logged(caplog) == [{chain: [head.sequence, head.hash] for chain, head in heads.items()}]
    file = audit_heads.folder() / "audit-heads"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.stat().st_ino

    watch.look()
    assert file.stat().st_ino == written, "nothing moved, and nothing is written"
    record(employee)
    watch.look()
    assert logged(caplog) == [{own: [3, entries(employee)[-1].hash]}]
    assert (audit_heads.read() or {})[own].sequence == 3


def test_where_nothing_has_happened_nothing_is_exported(app: Flask):
    audit_heads.Watch().look()
    assert audit_heads.read() is None


def test_only_chains_that_moved_since_are_asked_for(app: Flask, employee: Person, other_org_admin: Person):
    watch = audit_heads.Watch()
    record(employee)
    record(other_org_admin)
    watch.look()
    watch.look()
    asked: list[Any] = []

    def listener(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    database_event.listen(db.engine, "before_cursor_execute", listener)
    try:
        watch.look()
        assert len(asked) == 1, "one look at the newest entry"
        record(employee)
        newest = entries()[-2].id
        asked.clear()
        watch.look()
    finally:
        database_event.remove(db.engine, "before_cursor_execute", listener)
    (heads,) = [parameters for statement, parameters in asked if "audit_chains" in statement and "IN (" in statement]
    assert list(heads.values() if isinstance(heads, dict) else heads) == [newest]


def test_what_was_committed_late_is_not_missed(app: Flask, employee: Person, other_org_admin: Person):
    """An entry may become visible after one with a higher id: so a look goes back to the look before the last."""
    watch = audit_heads.Watch()
    record(employee)
    watch.look()
    record(other_org_admin)
    late = audit_heads.read() or {}
    watch.look()
    (audit_heads.folder() / "audit-heads").write_text(
        "".join(f"{chain} {head.sequence} {head.hash}\n" for chain, head in late.items())
    )
    record(employee)
    watch.look()
    assert set(audit_heads.read() or {}) == {employee.organisation_id, other_org_admin.organisation_id}


def test_an_older_look_changes_nothing_of_a_newer_one(app: Flask, employee: Person):
    """Several workers on one instance folder."""
    slow, quick = audit_heads.Watch(), audit_heads.Watch()
    record(employee)
    slow.look()
    for _ in range(3):
        record(employee)
    quick.look()
    slow.look()
    assert audit_heads.read() == {employee.organisation_id: Head(4, entries(employee)[-1].hash)}


def test_several_that_export_at_once_leave_the_newest_and_raise_no_alarm(
    app: Flask, employee: Person, caplog: pytest.LogCaptureFixture
):
    number = employee.id

    def work() -> None:
        with app.app_context():
            watch = audit_heads.Watch()
            for _ in range(10):
                with write():
                    audit.record("account:sign-in:succeeded", person=db.session.get_one(Person, number))
                watch.look()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert logged(caplog)
    assert audit_heads.read() == {employee.organisation_id: Head(40, entries(employee)[-1].hash)}


def test_many_heads_are_logged_some_at_a_time(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, employee: Person
):
    monkeypatch.setattr(audit_heads, "HEADS_A_LINE", 2)
    with write():
        for chain in range(1000, 1004):
            db.session.execute(audit.CHAINS.insert().values(chain=chain, sequence=1, head="0" * 64))
    record(employee)
    audit_heads.Watch().look()
    assert [len(line) for line in logged(caplog)] == [2, 2, 1]


def test_the_worker_exports_and_looks_again_only_after_a_minute(
    app: Flask, employee: Person, monkeypatch: pytest.MonkeyPatch
):
    seconds = 1000.0
    monkeypatch.setattr(audit_heads.time, "monotonic", lambda: seconds)
    watch = audit_heads.Watch()
    record(employee)
    assert watch.look_when_due()
    record(employee)
    seconds = 1059.0
    assert not watch.look_when_due()
    assert (audit_heads.read() or {})[employee.organisation_id].sequence == 1
    seconds = 1060.0
    assert watch.look_when_due()
    assert (audit_heads.read() or {})[employee.organisation_id].sequence == 2


def test_the_workers_loop_and_the_one_for_cron_export(app: Flask, monkeypatch: pytest.MonkeyPatch):
    record(None)
    stop = Event()
    monkeypatch.setattr(worker, "do_once", lambda stop: stop.set())
    worker.run(stop)
    assert (audit_heads.read() or {})[0].sequence == 1
    record(None)
    assert app.test_cli_runner().invoke(args=["mail", "deliver"]).exit_code == 0
    assert (audit_heads.read() or {})[0].sequence == 2


def test_a_file_that_cannot_be_read_or_written_stops_no_worker(
    app: Flask, employee: Person, caplog: pytest.LogCaptureFixture
):
    record(employee)
    file = audit_heads.folder() / "audit-heads"
    file.write_text("nonsense\n")
    assert audit_heads.Watch().look_when_due()
    assert "audit-heads is damaged in line 1" in caplog.text
    assert file.read_text() == "nonsense\n", "it may be evidence"
    file.unlink()
    (audit_heads.folder() / ".audit-heads").mkdir()
    assert audit_heads.Watch().look_when_due()
    assert "were not exported" in caplog.text
