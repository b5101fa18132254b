"""What was mailed to a contact: for the panel that says what became of it."""

from dataclasses import dataclass

from sqlalchemy import select

from portal.extensions import db
from portal.models import Account, OutboxMessage
from portal.services import outbox

INVITATIONS = ("registration", "re-enrolment")
"""The mails that carry a temporary password."""


@dataclass(frozen=True)
class Mailed:
    """The newest mail to an account's owner, and the newest one that carried a temporary password."""

    last: OutboxMessage | None
    invitation: OutboxMessage | None


def mailed_to(account: Account) -> Mailed:
    """What the outbox knows of an account."""
    last = outbox.last_message(account)
    if last is None or last.kind in INVITATIONS:
        return Mailed(last, last)
    invitation = db.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.account_id == account.id, OutboxMessage.kind.in_(INVITATIONS))
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    ).one_or_none()
    return Mailed(last, invitation)
