"""Recovery: whoever asks, the page writes the same row; the worker looks it up, and mails what helps.

A link is good for an hour, once, and dies when the password changes; asking again kills no link (NIST 800-63B-4 4.2).
"""

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from typing import Any

from flask import current_app
from sqlalchemy import select

from portal import clock
from portal.domain.account_state import AccountAction, AccountState, allowed
from portal.domain.email_addresses import fold_email, same_address
from portal.domain.lockout import Zone
from portal.extensions import db
from portal.models import Account, Person, RecoveryLink, RecoveryRequest
from portal.services import (
    accounts,
    audit,
    enrolment_links,
    known_browsers,
    outbox,
    passwords,
    sessions,
    temporary_passwords,
    throttle,
    tokens,
    work,
)
from portal.services.origin import asked_from, origin
from portal.transactions import begin_write

SAME_LINK = timedelta(minutes=10)
MOST_MAILS = 3
MOST_ATTEMPTS = 10
NEAREST_FIRST = [AccountState.REGISTRATION_PENDING, AccountState.NOT_REGISTERED, AccountState.INACTIVE]
"""The states that recovery cannot help."""


class Need(StrEnum):
    """What somebody asks for."""

    USERNAME = "username"
    PASSWORD = "password"  # noqa: S105 - a name
    UNLOCK = "unlock"


class LinkRefused(Exception):  # noqa: N818 - an answer, not an error
    """The link was used, is too old, or was never ours."""


def ask(identifier: str, need: Need) -> None:
    """Write down what was asked for; whether such an account exists is not looked at here. Raises TooMany."""
    throttle.admit_recovery(identifier)
    begin_write()
    here, now = origin(), clock.now()
    db.session.add(
        RecoveryRequest(
            identifier=identifier.replace("\0", "").strip()[:254],
            need=need,
            address=here.address,
            zone=here.zone,
            created_at=now,
            due_at=now,
        )
    )


def handle_due(limit: int = 100) -> int:
    """Look up what was asked for and queue the mails; answers how many requests were taken in hand."""
    return work.do_due(_duty(), limit)


def handle_all_due() -> Counter[str]:
    """Look up whatever was asked for by now; answers how many requests were left in which state."""
    return work.do_all_due(_duty())


def _duty() -> work.Duty[RecoveryRequest]:
    return work.Duty(RecoveryRequest, MOST_ATTEMPTS, settled=_handle)


def _handle(request: RecoveryRequest) -> None:
    """One request. What was typed may have been a password by mistake: it is kept no longer than it is needed."""
    with asked_from(request.address, Zone(request.zone)):
        for found in _accounts_by_mailbox(request.identifier):
            if request.need == Need.USERNAME:
                _mail_usernames(found)
            else:
                _mail_links(found)
    request.identifier = ""


def _accounts_by_mailbox(identifier: str) -> list[list[Account]]:
    """The accounts on the address that was typed, or that the account of this username has, by stored address.

    Addresses that are looked up alike may be stored differently: nobody is sent what is another mailbox's.
    """
    folded, theirs = fold_email(identifier), None
    if "@" not in folded:
        person = db.session.scalars(select(Person).join(Person.account).where(Account.username == folded)).one_or_none()
        if person is None or not person.primary_email_folded:
            return []
        folded, theirs = person.primary_email_folded, person.primary_email
    ordered = select(Account).join(Account.person).where(Person.primary_email_folded == folded).order_by(Account.id)
    mailboxes: dict[str, list[Account]] = {}
    for account in db.session.scalars(ordered.with_for_update(of=Account, key_share=True)):
        address = account.person.primary_email
        if theirs is None or same_address(address, theirs):
            known = next((other for other in mailboxes if same_address(address, other)), address)
            mailboxes.setdefault(known, []).append(account)
    return list(mailboxes.values())


def _mail_usernames(found: list[Account]) -> None:
    named = [account for account in found if account.username and account.state is not AccountState.INACTIVE]
    if not named:
        _mail_help(found)
        return
    first = named[0]
    if outbox.mailed_lately("username-reminder", first.person.primary_email, SAME_LINK) >= MOST_MAILS:
        return
    entry = audit.record("account:recovery:username-mailed", person=first.person)
    usernames = [account.username for account in named]
    outbox.queue("username-reminder", account=first, also=named[1:], entry=entry, usernames=usernames)


def _mail_links(found: list[Account]) -> None:
    helped = [account for account in found if _can_reset(account)]
    if not helped:
        _mail_help(found)
        return
    links = [link for account in helped if (link := link_to_mail(account)) is not None]
    if not links:
        return
    for link in links:
        entry = audit.record("account:recovery:link-mailed", person=link.account.person, times=link.times_mailed)
    barred = [account for account in found if account not in helped]
    for account in barred:
        audit.record("account:recovery:help-mailed", person=account.person, why=_barred(account)["why"])
    outbox.queue(
        "password-reset",
        account=links[0].account,
        also=[account for account in found if account is not links[0].account],
        entry=entry,
        not_after=min(link.expires_at for link in links),
        links=[link.id for link in links],
        barred=[_barred(account) for account in barred],
    )


def _can_reset(account: Account) -> bool:
    return allowed(accounts.shown_state(account), AccountAction.RESET_PASSWORD, accounts.circumstances(account))


def link_to_mail(account: Account) -> RecoveryLink | None:
    """For a mail that is queued now: the link of the last ten minutes again, or a new one; None after MOST_MAILS."""
    now = clock.now()
    link = db.session.scalars(
        select(RecoveryLink)
        .where(RecoveryLink.account_id == account.id, RecoveryLink.used_at.is_(None))
        .where(RecoveryLink.credential_version == account.credential_version, RecoveryLink.issued_at > now - SAME_LINK)
        .order_by(RecoveryLink.id.desc())
        .limit(1)
    ).one_or_none()
    if link is None or now >= link.expires_at:
        link = RecoveryLink(
            account=account,
            issue=tokens.new_issue(),
            key=tokens.present_key(),
            credential_version=account.credential_version,
            issued_at=now,
            expires_at=now + timedelta(minutes=current_app.config["RESET_LINK_MINUTES"]),
            times_mailed=0,
        )
        db.session.add(link)
    if link.times_mailed >= MOST_MAILS:
        return None
    link.times_mailed += 1
    db.session.flush()
    return link


def _mail_help(found: list[Account]) -> None:
    """To an address that we hold and cannot help: why, and who can; the nearest to use comes first."""
    first, *others = sorted(found, key=lambda account: NEAREST_FIRST.index(accounts.shown_state(account)))
    if outbox.mailed_lately("recovery-help", first.person.primary_email, SAME_LINK) >= MOST_MAILS:
        return
    barred = [_barred(account) for account in (first, *others)]
    entry, *_rest = [
        audit.record("account:recovery:help-mailed", person=account.person, why=reason["why"])
        for account, reason in zip((first, *others), barred, strict=True)
    ]
    outbox.queue("recovery-help", account=first, also=others, entry=entry, barred=barred)


def _barred(account: Account) -> dict[str, Any]:
    """An account that recovery cannot help, and why."""
    state = accounts.shown_state(account)
    why: str = state.value
    if enrolment_links.is_awaited(account):
        why = "enrolment-link"
    elif state is AccountState.REGISTRATION_PENDING and not temporary_passwords.is_good(account):
        why = "registration-expired"
    return {"account": account.id, "why": why}


def link_of(token: str) -> RecoveryLink:
    """The link behind a token, when it may still be used. Raises LinkRefused."""
    read = tokens.read_recovery_token(token)
    if read is None:
        raise LinkRefused
    issue, account_id, version = read
    link = db.session.scalars(
        select(RecoveryLink)
        .where(RecoveryLink.issue == issue, RecoveryLink.account_id == account_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if link is None or link.credential_version != version or not _is_good(link):
        raise LinkRefused
    return link


def _is_good(link: RecoveryLink) -> bool:
    account = link.account
    unused = link.used_at is None and account.credential_version == link.credential_version
    return unused and link.issued_at <= clock.now() < link.expires_at and _can_reset(account)


def reset_password(token: str, password: str) -> None:
    """Choose a new password by a mailed link, once: it clears the lock and ends all sessions. Raises LinkRefused."""
    account_id = link_of(token).account_id
    hashed = passwords.hash_of(password)
    account = accounts.locked(account_id)
    link = link_of(token)
    entry = accounts.apply(account, AccountAction.RESET_PASSWORD, "account:password:reset", None)
    accounts.put_password(account, hashed)
    link.used_at = clock.now()
    sessions.end_all(account)
    known_browsers.forget_all(account)
    accounts.note(account, "password-reset")
    outbox.queue("password-changed", account=account, entry=entry)
