"""A new e-mail address of one's own: asked for, mailed to, and made to count by its owner, who brings the link back.

The address is proven before anything is sent to it but that link, and the old one is told (ASVS 6.3.7, NIST 800-63B-4
4.6). Nobody is told whether somebody else has the address: two people may share one.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import func, select, update

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, EmailChange, OutboxMessage
from portal.services import accounts, address_notices, audit, contacts, outbox, own_record, tokens
from portal.services.sessions import SignedIn
from portal.transactions import begin_write

KIND = "verify-email"
SAME_LINK = timedelta(minutes=10)
MOST_MAILS = 3
"""How often the same link is mailed."""
COUNTED = timedelta(hours=1)
MOST_LINKS = 5
"""How many links one account may ask for within an hour: nobody fills a stranger's mailbox with our mail."""


class AskedTooOften(Exception):  # noqa: N818 - an answer, not an error
    """Enough was mailed for now; after ``until`` it may be asked again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"not before {until}")
        self.until = until


class LinkMailedOften(AskedTooOften):
    """The link to this very address was mailed several times already."""


class LinkRefused(Exception):  # noqa: N818 - an answer, not an error
    """The link was used, is too old, was never ours, or belongs to somebody else."""


def pending(account: Account) -> EmailChange | None:
    """The change that waits for its link to be used, if any."""
    now = clock.now()
    newest = select(EmailChange).where(
        EmailChange.account_id == account.id,
        EmailChange.ended_at.is_(None),
        EmailChange.credential_version == account.credential_version,
        EmailChange.asked_at <= now,
        EmailChange.expires_at > now,
    )
    return db.session.scalars(newest.order_by(EmailChange.id.desc()).limit(1)).one_or_none()


def ask(by: SignedIn, address: str) -> None:
    """Mail a link to ``address``; asked again within ten minutes it is the same link, and otherwise ends the older.

    Raises NotAmendable, LinkMailedOften and AskedTooOften.
    """
    account = accounts.locked(by.account.id)
    own_record.refuse_unless_amendable(by)
    change = pending(account)
    if change is None or change.address != address or clock.now() >= change.asked_at + SAME_LINK:
        change = _begin(account, address)
    elif _times_mailed(change) >= MOST_MAILS:
        raise LinkMailedOften(change.asked_at + SAME_LINK)
    entry = audit.record("account:email:asked", person=account.person, by=account, address=change.address)
    accounts.note(account, f"{KIND}-queued")
    outbox.queue(KIND, account=account, to=[change.address], entry=entry, not_after=change.expires_at, change=change.id)


def _begin(account: Account, address: str) -> EmailChange:
    now = clock.now()
    lately = select(EmailChange.asked_at).where(
        EmailChange.account_id == account.id, EmailChange.asked_at > now - COUNTED
    )
    asked = db.session.scalars(lately.order_by(EmailChange.asked_at)).all()
    if len(asked) >= MOST_LINKS:
        raise AskedTooOften(asked[-MOST_LINKS] + COUNTED)
    _end(account)
    change = EmailChange(
        account=account,
        address=address,
        issue=tokens.new_issue(),
        key=tokens.present_key(),
        credential_version=account.credential_version,
        asked_at=now,
        expires_at=now + timedelta(minutes=current_app.config["RESET_LINK_MINUTES"]),
    )
    db.session.add(change)
    db.session.flush()
    return change


def _times_mailed(change: EmailChange) -> int:
    mailed = select(func.count()).where(
        OutboxMessage.account_id == change.account_id,
        OutboxMessage.kind == KIND,
        OutboxMessage.recipient == change.address,
        OutboxMessage.created_at >= change.asked_at,
    )
    return db.session.scalars(mailed).one()


def withdraw(by: SignedIn) -> None:
    """The address is not wanted after all: the link that was mailed to it is dead. Does nothing when none waits."""
    account = accounts.locked(by.account.id)
    change = pending(account)
    if change is not None:
        _end(account)
        accounts.note(account, "verify-email-withdrawn")
        audit.record("account:email:withdrawn", person=account.person, by=account, address=change.address)


def _end(account: Account) -> None:
    begin_write()
    waiting = EmailChange.account_id == account.id, EmailChange.ended_at.is_(None)
    db.session.execute(update(EmailChange).where(*waiting).values(ended_at=clock.now()))


def change_of(token: str, by: SignedIn) -> EmailChange:
    """The change behind a token, when ``by`` may make it count now. Raises LinkRefused."""
    read = tokens.read_email_token(token)
    if read is None:
        raise LinkRefused
    issue, account_id, version = read
    change = db.session.scalars(
        select(EmailChange)
        .where(EmailChange.issue == issue, EmailChange.account_id == account_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if change is None or change.account_id != by.account.id or change.credential_version != version:
        raise LinkRefused
    if not _is_good(change) or not own_record.may_amend(by):
        raise LinkRefused
    return change


def _is_good(change: EmailChange) -> bool:
    account = change.account
    in_time = change.asked_at <= clock.now() < change.expires_at
    unused = change.ended_at is None and change.credential_version == account.credential_version
    return in_time and unused and account.state is AccountState.ACTIVE


def confirm(token: str, by: SignedIn) -> bool:
    """The new address counts from now on, and whatever was mailed to the old one is dead.

    Answers whether it is enough to sign in with: whether nobody else has it, which its owner may know now. Raises
    LinkRefused.
    """
    account = accounts.locked(by.account.id)
    change = change_of(token, by)
    person = contacts.held(account.person)
    before, present = person.primary_email, contacts.details_of(person)
    contacts.rewrite(
        person, replace(present, primary_email=change.address, has_no_email=False, email_is_temporary=False)
    )
    person.email_bounced_at = None
    _end(account)
    accounts.leave_address(account)
    entry = audit.record("account:email:changed", person=person, by=account, before=before, after=change.address)
    accounts.note(account, "email-changed")
    address_notices.tell(account, before, by, entry)
    return contacts.is_alone_with(person)
