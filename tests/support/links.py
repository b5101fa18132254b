"""The links that mails carry, as tests open them."""

from sqlalchemy import select

from portal.extensions import db
from portal.models import Person, RecoveryLink
from portal.services import recovery, tokens
from portal.transactions import write


def link_mailed_to(person: Person) -> str:
    """The path of a link that is good, as a mail carries it."""
    with write():
        recovery.ask(person.primary_email, recovery.Need.PASSWORD)
    recovery.handle_due()
    link = db.session.scalars(select(RecoveryLink).where(RecoveryLink.account_id == person.account.id)).one()
    return f"/recover/{tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)}"
