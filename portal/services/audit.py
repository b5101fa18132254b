"""The audit trail: one entry each thing that happened, in the transaction of the change, chained by hash (ASVS 16)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select, update

from portal import clock
from portal.domain import audit_events
from portal.extensions import db, insert_into
from portal.models import Account, AuditChain, AuditEntry, Organisation, Person
from portal.services.origin import origin
from portal.transactions import begin_write


@dataclass(frozen=True)
class Head:
    """The last entry of a chain: its number and hash."""

    sequence: int
    hash: str


NO_ORGANISATION = 0
BEGINNING = "0" * 64

# Each sign-in writes here, so its statements are built once and go to the tables themselves.
ENTRIES = cast(Table, AuditEntry.__table__)
CHAINS = cast(Table, AuditChain.__table__)
_THIS = CHAINS.c.chain == bindparam("of")
LOCKED_HEAD = select(CHAINS.c.sequence, CHAINS.c.head).where(_THIS).with_for_update()
MOVE_HEAD = update(CHAINS).where(_THIS).values(sequence=bindparam("sequence"), head=bindparam("head"))
ADD_ENTRY = insert(ENTRIES).returning(ENTRIES.c.id)


def record(
    event: str,
    *,
    person: Person | None = None,
    by: Account | None = None,
    organisation: Organisation | None = None,
    **details: Any,
) -> int:
    """Write one entry about ``person`` (None: about nobody we know), done by ``by`` (None: by nobody signed in).

    It stands in the chain of ``organisation``, where one is named: what concerns all of it, or somebody who moves.

    Answers the entry's id. Raises ValueError for an undeclared event or detail.
    """
    begin_write()
    audit_events.check(event, details)
    place = organisation.id if organisation else NO_ORGANISATION
    chain = person.organisation_id if person and not organisation else place
    sequence, head = _locked_head(chain)
    entry = _entry(event, chain, sequence + 1, head, person, by, details)
    db.session.execute(MOVE_HEAD, {"of": chain, "sequence": entry["sequence"], "head": entry["hash"]})
    return int(db.session.execute(ADD_ENTRY, entry).scalar_one())


def record_many(event: str, people: Sequence[Person], by: Account | None) -> None:
    """One entry about each of some people of one organisation, without details, in a few statements."""
    begin_write()
    audit_events.check(event, {})
    chain = people[0].organisation_id
    sequence, head = _locked_head(chain)
    entries = []
    for number, person in enumerate(people, start=sequence + 1):
        entries.append(_entry(event, chain, number, head, person, by, {}))
        head = entries[-1]["hash"]
    db.session.execute(MOVE_HEAD, {"of": chain, "sequence": sequence + len(people), "head": head})
    db.session.execute(insert(ENTRIES), entries)


def _entry(
    event: str, chain: int, number: int, head: str, person: Person | None, by: Account | None, details: dict[str, Any]
) -> dict[str, Any]:
    """An entry's columns; ``head`` is the hash of the one before it."""
    here = origin()
    entry: dict[str, Any] = {
        "chain": chain,
        "sequence": number,
        "at": clock.now(),
        "event": event,
        "actor_account_id": by.id if by else None,
        "person_id": person.id if person else None,
        "address": here.address,
        "zone": here.zone,
        "details": details,
        "previous_hash": head,
    }
    entry["hash"] = fingerprint(AuditEntry(**entry))
    return entry


def fingerprint(entry: AuditEntry) -> str:
    """The SHA-256 of an entry's content and of the entry before it, in hex."""
    return digest(
        entry.previous_hash, entry.chain, entry.sequence, entry.at.isoformat(), entry.event, entry.actor_account_id,
        entry.person_id, entry.address, entry.zone, entry.details,
    )  # fmt: skip


def digest(*content: object) -> str:
    """What a fingerprint is made of, in its order, as its SHA-256."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _locked_head(chain: int) -> tuple[int, str]:
    """The last number and hash of a chain, locked to the end of the transaction, so that entries stand in one order."""
    found = db.session.execute(LOCKED_HEAD, {"of": chain}).one_or_none()
    if found is None:
        new = insert_into(CHAINS).values(chain=chain, sequence=0, head=BEGINNING)
        db.session.execute(new.on_conflict_do_nothing())
        found = db.session.execute(LOCKED_HEAD, {"of": chain}).one()
    return found.sequence, found.head
