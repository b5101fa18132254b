"""When an administrator is given a new way in, the others of the same scope are told: it may be a theft."""

from typing import Any

from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.domain.roles import ADMINISTRATORS
from portal.extensions import db
from portal.models import Account, RoleGrant
from portal.services import outbox
from portal.services.sessions import SignedIn

KIND = "administrator-notice"


def tell_the_others(account: Account, what: str, by: SignedIn | None, entry: int) -> None:
    """Queue a notice to each other administrator who can sign in; none when ``account`` holds no such role.

    ``what`` is the kind of mail that the administrator gets, and ``by`` who asked for it.
    """
    facts: dict[str, Any] = {"about": account.id, "what": what, "by": by.account.id if by else None}
    for other in _others(account):
        if by is None or other.id != by.account.id:
            outbox.queue(KIND, account=other, entry=entry, **facts)


def _others(account: Account) -> list[Account]:
    """Everybody with one of the administrator's roles for the same scope, once."""
    found: dict[int, Account] = {}
    for grant in account.roles:
        if grant.ended_at is None and grant.role in ADMINISTRATORS:
            same_scope = (
                RoleGrant.role == grant.role,
                RoleGrant.organisation_id.is_not_distinct_from(grant.organisation_id),
                RoleGrant.region_id.is_not_distinct_from(grant.region_id),
                RoleGrant.ended_at.is_(None),
            )
            others = select(Account).join(RoleGrant).where(*same_scope, Account.id != account.id).order_by(Account.id)
            found |= {other.id: other for other in db.session.scalars(others) if other.state is AccountState.ACTIVE}
    return list(found.values())
