"""What a queued row becomes at delivery: its facts are looked up, its secrets derived, its words put together."""

from collections.abc import Callable

from flask import current_app

from portal import mail
from portal.domain.email_addresses import same_address
from portal.domain.lockout import Zone
from portal.extensions import db
from portal.mail import Words
from portal.models import Account, OutboxMessage, RecoveryLink
from portal.services import tokens, work

SUPERSEDED = "superseded by a later one"
ADDRESS_CHANGED = "the address was changed"


def words_of(row: OutboxMessage) -> Words:
    """The words of a queued mail. Raises work.Dropped when a later event has made it pointless, and tokens.KeyGone."""
    account = db.session.get(Account, row.account_id)
    if account is None:
        raise work.Dropped(SUPERSEDED)
    return _WRITERS[row.kind](row, account)


def _sign_in_url() -> str:
    return f"{current_app.config['BASE_URL']}/sign-in"


def _temporary_password(row: OutboxMessage, account: Account) -> Words:
    issue = row.parameters["issue"]
    if account.temporary_password_issue != issue or account.temporary_password_expires_at is None:
        raise work.Dropped(SUPERSEDED)
    if _has_moved(row, account):
        raise work.Dropped(ADDRESS_CHANGED)
    if account.temporary_password_hash is None:
        raise work.Dropped(SUPERSEDED)
    write = mail.registration if row.kind == "registration" else mail.re_enrolment
    return write(
        account.person,
        username=account.username or "",
        temporary_password=tokens.temporary_password(issue, row.parameters["key"]),
        expires_at=account.temporary_password_expires_at,
        url=_sign_in_url(),
    )


def _has_moved(row: OutboxMessage, account: Account) -> bool:
    """Whether the owner's address is another one by now; a secret does not go to the old one."""
    return not same_address(row.recipient, account.person.primary_email)


def _unlocked(_row: OutboxMessage, account: Account) -> Words:
    if account.unlock_expires_at is None:
        raise work.Dropped(SUPERSEDED)
    return mail.unlocked(
        account.person, expires_at=account.unlock_expires_at, url=_sign_in_url(), recover_url=_recover("password")
    )


def _locked(row: OutboxMessage, account: Account) -> Words:
    zone = Zone(row.parameters["zone"]) if current_app.config["PRIVATE_NETWORKS"] else None
    return mail.locked(account.person, locked_at=row.created_at, url=_recover("unlock"), zone=zone)


def _password_changed(row: OutboxMessage, account: Account) -> Words:
    return mail.password_changed(account.person, changed_at=row.created_at, url=_recover("password"))


def _recover(need: str) -> str:
    return f"{current_app.config['BASE_URL']}/recover?need={need}"


def _find_url(account: Account) -> str:
    return f"{current_app.config['BASE_URL']}/find-administrator/{account.person.organisation.code}"


def _password_reset(row: OutboxMessage, account: Account) -> Words:
    base = current_app.config["BASE_URL"]
    links, reason = [], SUPERSEDED
    for link_id in row.parameters["links"]:
        link = db.session.get(RecoveryLink, link_id)
        if link is None or link.used_at is not None:
            continue
        if not same_address(link.account.person.primary_email, row.recipient):
            reason = ADDRESS_CHANGED
            continue
        if link.account.credential_version != link.credential_version:
            continue
        token = tokens.recovery_token(link.issue, link.account_id, link.credential_version, link.key)
        links.append(mail.Link(link.account.username or "", f"{base}/recover/{token}", link.expires_at))
    if not links:
        raise work.Dropped(reason)
    return mail.password_reset(account.person, links=links, help_url=_find_url(account))


def _recovery_help(row: OutboxMessage, account: Account) -> Words:
    return mail.recovery_help(
        account.person, why=row.parameters["why"], sign_in_url=_sign_in_url(), help_url=_find_url(account)
    )


def _username_reminder(row: OutboxMessage, account: Account) -> Words:
    return mail.username_reminder(account.person, usernames=row.parameters["usernames"], url=_sign_in_url())


_WRITERS: dict[str, Callable[[OutboxMessage, Account], Words]] = {
    "registration": _temporary_password,
    "re-enrolment": _temporary_password,
    "unlocked": _unlocked,
    "locked": _locked,
    "password-changed": _password_changed,
    "password-reset": _password_reset,
    "recovery-help": _recovery_help,
    "username-reminder": _username_reminder,
}
