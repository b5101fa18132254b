"""Whose e-mail address was changed is told at the old one too: it may be a theft (ASVS 6.3.7, NIST 800-63B-4 4.6)."""

from portal.models import Account
from portal.services import outbox
from portal.services.sessions import SignedIn

KIND = "email-changed"


def tell(account: Account, before: str, by: SignedIn, entry: int) -> None:
    """Queue the notice to the present address and to ``before``, each if there is one; ``by`` changed it."""
    after = account.person.primary_email
    administrator = by.account.id if by.account.id != account.id else None
    outbox.queue(
        KIND, account=account, to=[after, before], entry=entry, before=before, after=after, administrator=administrator
    )
