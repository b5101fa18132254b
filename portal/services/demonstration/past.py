"""What happened before the demonstration began: audit entries with moments of the past, chained like all others."""

import secrets
from typing import Any

from sqlalchemy import insert

from portal.domain.lockout import Zone
from portal.extensions import db
from portal.models import AuditChain, AuditEntry, OutboxMessage
from portal.services import audit
from portal.services.demonstration.histories import OWNER, Happened
from portal.services.demonstration.office import Told

OFFICE_ADDRESS, HOME_ADDRESS = "10.42.6.1", "203.0.113.24"


def write(chain: int, people: list[Told], administrator_id: int, usernames: dict[int, str | None]) -> None:
    """The entries about ``people``, in the order of their moments, as the beginning of an organisation's chain."""
    happened = [(entry, told) for told in people for entry in told.history.happened]
    happened.sort(key=lambda pair: (pair[0].at, pair[1].member.ess_id))
    head = audit.BEGINNING
    for sequence, (entry, told) in enumerate(happened, start=1):
        member = told.member
        by_owner = entry.actor == OWNER or member.account_id == administrator_id
        row = AuditEntry(
            chain=chain, sequence=sequence, at=entry.at, event=entry.event,
            actor_account_id=None if by_owner else administrator_id, person_id=member.person_id,
            address=HOME_ADDRESS if by_owner else OFFICE_ADDRESS, zone=Zone.INTERNET if by_owner else Zone.PRIVATE,
            details=_details(entry, usernames.get(member.account_id)), previous_hash=head,
        )  # fmt: skip
        row.hash = head = audit.fingerprint(row)
        db.session.add(row)
    db.session.execute(insert(AuditChain).values(chain=chain, sequence=len(happened), head=head))


def _details(entry: Happened, username: str | None) -> dict[str, Any]:
    return {**entry.details, "username": username} if "username" in entry.details else dict(entry.details)


def write_mails(people: list[Told], host: str) -> None:
    """Mails that were dealt with before; nothing of them is delivered again."""
    rows = [
        OutboxMessage(
            kind=mailed.kind, message_id=f"<{secrets.token_hex(16)}@{host}>", recipient=told.member.email,
            account_id=told.member.account_id, parameters={}, state=mailed.state, last_error=mailed.error,
            created_at=mailed.at, due_at=mailed.at, finished_at=mailed.at, attempts=1,
        )
        for told in people
        for mailed in told.history.mailed
    ]  # fmt: skip
    db.session.add_all(rows)
