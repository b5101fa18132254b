"""Work on many people that waited when the backup was made: it may have gone on since, and is not gone on with."""

import io

from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import BulkWork, Organisation, Person, Upload
from portal.services import bulk, sessions, upload_steps, uploads
from portal.services.contact_filters import Wanted
from portal.transactions import write
from tests import factories
from tests.support.embedded import Embedded


def test_what_was_waiting_is_dropped_with_its_reason(
    embedded: Embedded, organisation: Organisation, local_admin: Person
):
    starter = factories.person(organisation, "Nora Starter", state=AccountState.NOT_REGISTERED)
    ess_id = starter.ess_id
    with write():
        by = sessions.on_behalf_of(local_admin.account)
        bulk.ask(organisation, "register", Wanted(tab="people", state="not-registered"), by)
        uploads.receive(organisation, io.BytesIO(b"first_name,last_name\nNia,New\n"), "people.csv", "", by)
    embedded.backup()
    embedded.restore()
    assert (bulk.handle_due(), upload_steps.handle_due()) == (0, 0)
    nora = db.session.scalars(select(Person).where(Person.ess_id == ess_id)).one()
    assert nora.account.state is AccountState.NOT_REGISTERED
    for kind in (BulkWork, Upload):
        assert [(row.state, row.last_error) for row in db.session.scalars(select(kind))] == [
            ("dropped", "restored from a backup")
        ]
