"""A worker that is killed at any moment of work on many people: nobody is half done, nobody is done twice."""

import io
import random
import time
from collections import Counter

from sqlalchemy import select, update

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import AuditEntry, BulkItem, BulkWork, Organisation, OutboxMessage, Person, Upload, UploadRow
from portal.services import bulk, sessions, uploads
from portal.services.contact_filters import Wanted
from portal.transactions import write
from tests.reliability.conftest import CYCLES, Trust
from tests.support.peoples_files import csv_bytes
from tests.support.server import Portal
from tests.support.waiting import wait_until

PEOPLE = 30


def let_leases_run_out(trust: Trust) -> None:
    with trust.database(), write():
        for table in (BulkWork, Upload):
            held = update(table).where(table.lease_until.is_not(None), table.state == "queued")
            db.session.execute(held.values(lease_until=clock.now(), due_at=clock.now()))


def by_administrator(trust: Trust) -> tuple[Organisation, sessions.SignedIn]:
    organisation = db.session.scalars(select(Organisation)).one()
    lena = next(
        person for person in db.session.scalars(select(Person)) if person.account.username == trust.administrator
    )
    return organisation, sessions.on_behalf_of(lena.account)


def tried(trust: Trust) -> int:
    with trust.database():
        return len(db.session.scalars(select(BulkItem.position).where(BulkItem.result != "")).all())


def test_bulk_work_goes_on_where_a_killed_worker_left_it(portal: Portal, trust: Trust) -> None:
    ess_ids = trust.add(PEOPLE, AccountState.NOT_REGISTERED, "Nia")
    with trust.database(), write():
        organisation, by = by_administrator(trust)
        bulk.ask(organisation, "register", Wanted(tab="people"), by, only=ess_ids)
    for _ in range(CYCLES):
        before = tried(trust)
        worker = portal.worker()
        wait_until(lambda least=before: tried(trust) > least, "somebody more has had their turn")
        time.sleep(random.uniform(0, 0.3))
        worker.kill()
        let_leases_run_out(trust)
        with trust.database():
            registered = registrations()
            for item in db.session.scalars(select(BulkItem)):
                assert registered[item.person_id] == (item.result == "done")
                pending = item.person.account.state is AccountState.REGISTRATION_PENDING
                assert pending == (item.result == "done")
    portal.worker()
    wait_until(lambda: tried(trust) == PEOPLE, "everybody has had their turn", 90)
    with trust.database():
        assert set(registrations().values()) == {1}
        mails = db.session.scalars(select(OutboxMessage.account_id).where(OutboxMessage.kind == "registration")).all()
        assert len(mails) == len(set(mails)) == PEOPLE
        asked = db.session.scalars(select(BulkWork)).one()
        assert (asked.done, asked.refused) == (PEOPLE, 0)


def registrations() -> Counter[int]:
    entries = select(AuditEntry.person_id).where(AuditEntry.event == "account:registration:registered")
    return Counter(number for number in db.session.scalars(entries) if number)


def test_an_upload_goes_on_where_a_killed_worker_left_it(portal: Portal, trust: Trust) -> None:
    count = 900
    rows = [
        {"first_name": "Una", "last_name": f"Upload{n}", "primary_email": f"u{n}@coe.example"} for n in range(count)
    ]
    with trust.database(), write():
        organisation, by = by_administrator(trust)
        number = uploads.receive(organisation, io.BytesIO(csv_bytes(rows)), "people.csv", "", by).id
    for stage in ("checked", "applied"):
        for _ in range(CYCLES):
            before = done(trust, number)
            worker = portal.worker()
            wait_until(lambda least=before: done(trust, number) != least, "a batch is done")
            time.sleep(random.uniform(0, 0.3))
            worker.kill()
            let_leases_run_out(trust)
        worker = portal.worker()
        wait_until(lambda wanted=stage: done(trust, number)[0] == wanted, f"it is {stage}", 90)
        worker.stop()
        if stage == "checked":
            with trust.database(), write():
                _organisation, by = by_administrator(trust)
                uploads.confirm(db.session.get_one(Upload, number), by)
    with trust.database():
        made = Counter(db.session.scalars(select(Person.last_name).where(Person.first_name == "Una")))
        assert (len(made), set(made.values())) == (count, {1})
        verdicts = Counter(db.session.scalars(select(UploadRow.verdict)))
        assert verdicts == {"new": count}


def done(trust: Trust, number: int) -> tuple[str, int]:
    with trust.database():
        upload = db.session.get_one(Upload, number)
        return upload.stage, upload.done
