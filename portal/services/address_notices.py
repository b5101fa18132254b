"""Whose e-mail address was changed is told at the old one too: it may be a theft (ASVS 6.3.7, NIST 800-63B-4 4.6)."""

from typing import Any

from portal.models import Account
from portal.services import outbox
from portal.services.sessions import SignedIn

KIND = "email-changed"


def tell(account: Account, before: str, by: SignedIn | None, entry: int) -> None:
    """Queue the notice to the present address and to ``before``, each if there is one.

    ``by`` changed it; None is whoever runs the portal.
    """
    after = account.person.primary_email
    _queue(account, [after, before], before, after, by, entry, secondary=False)


def tell_of_secondary(account: Account, before: str, by: SignedIn, entry: int) -> None:
    """The same of the secondary address, which gets copies of notices like this one."""
    person = account.person
    _queue(account, [person.primary_email, before], before, person.secondary_email, by, entry, secondary=True)


def _queue(
    account: Account, to: list[str], before: str, after: str, by: SignedIn | None, entry: int, *, secondary: bool
) -> None:
    administrator = by.account.id if by and by.account.id != account.id else None
    facts: dict[str, Any] = {
        "before": before,
        "after": after,
        "administrator": administrator,
        "secondary": secondary,
        "operated": by is None,
    }
    outbox.queue(KIND, account=account, to=to, entry=entry, **facts)
