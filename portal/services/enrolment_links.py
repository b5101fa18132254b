"""Links with which somebody chooses a first password in place of a temporary one. Only the command line makes them.

A link has 256 random bits, of which the database holds the hash; it is good for a day, once, while the registration is
pending, and no longer than until the next one, a re-enrolment or another e-mail address (ASVS 6.5.1, 6.5.2).
"""

import secrets
from datetime import timedelta

from sqlalchemy import select, update

from portal import clock
from portal.domain import expiry
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, EnrolmentLink
from portal.services import sessions, temporary_passwords
from portal.services.tokens import token_hash
from portal.transactions import begin_write

LASTS = timedelta(hours=24)


class EnrolmentLinkRefused(Exception):  # noqa: N818 - an answer, not an error
    """The link was used, replaced, is too old, or was never ours."""


def put(account: Account) -> str:
    """Give ``account`` a link in place of whatever led in before; answers its token, which stands nowhere else.

    The registration may be completed as long as the link is good, which is what an expiry stands for everywhere else.
    """
    end_all(account)
    temporary_passwords.erase(account)
    sessions.end_enrolment(account)
    token, now = secrets.token_urlsafe(32), clock.now()
    link = EnrolmentLink(account=account, token_hash=token_hash(token), issued_at=now, expires_at=now + LASTS)
    db.session.add(link)
    account.temporary_password_expires_at = link.expires_at
    return token


def of(token: str) -> EnrolmentLink:
    """The link behind a token, while it may be used. Raises EnrolmentLinkRefused."""
    link = db.session.scalars(
        select(EnrolmentLink)
        .where(EnrolmentLink.token_hash == token_hash(token), EnrolmentLink.ended_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if link is None or not link.issued_at <= clock.now() < link.expires_at or not is_awaited(link.account):
        raise EnrolmentLinkRefused
    return link


def end_all(account: Account) -> None:
    """No link leads to ``account`` any more."""
    begin_write()
    ended = update(EnrolmentLink).where(EnrolmentLink.account_id == account.id, EnrolmentLink.ended_at.is_(None))
    db.session.execute(ended.values(ended_at=clock.now()))
    if is_awaited(account):
        account.temporary_password_expires_at = None


def is_awaited(account: Account) -> bool:
    """Whether a link, and no temporary password, is what completes the registration."""
    return account.state is AccountState.REGISTRATION_PENDING and account.temporary_password_issue is None


def registration_is_over(account: Account) -> bool:
    """Whether what completes a registration came too late; or the clock was put back, and it would last too long."""
    longest = LASTS if is_awaited(account) else temporary_passwords.lasts()
    return not expiry.lasts(account.temporary_password_expires_at, longest, clock.now())
