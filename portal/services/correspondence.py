"""What a queued row becomes at delivery: its facts are looked up, its secrets derived, its words put together."""

from collections.abc import Callable
from typing import Any

from flask import current_app

from portal import mail
from portal.domain.email_addresses import masked, same_address
from portal.domain.lockout import Zone
from portal.extensions import db
from portal.mail import Words
from portal.models import Account, EmailChange, OutboxMessage, RecoveryLink
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
    facts: dict[str, Any] = {
        "username": account.username or "",
        "temporary_password": tokens.temporary_password(issue, row.parameters["key"]),
        "expires_at": account.temporary_password_expires_at,
        "url": _sign_in_url(),
    }
    if row.kind == "registration":
        return mail.registration(account.person, **facts)
    return mail.re_enrolment(account.person, had_password=row.parameters["had_password"], **facts)


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
    by_owner = row.parameters.get("by_owner", False)
    return mail.password_changed(account.person, changed_at=row.created_at, url=_recover("password"), by_owner=by_owner)


def _recover(need: str) -> str:
    return f"{current_app.config['BASE_URL']}/recover?need={need}"


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
    barred = _barred_in(row)
    return mail.password_reset(
        account.person, links=links, barred=_named(barred), helpers=_helpers([account, *(who for who, _why in barred)])
    )


def _recovery_help(row: OutboxMessage, account: Account) -> Words:
    barred = _barred_in(row)
    return mail.recovery_help(
        account.person,
        barred=_named(barred),
        sign_in_url=_sign_in_url(),
        helpers=_helpers([who for who, _why in barred]),
    )


def _barred_in(row: OutboxMessage) -> list[tuple[Account, str]]:
    """The accounts that recovery could not help when it was asked, and why."""
    return [(db.session.get_one(Account, each["account"]), each["why"]) for each in row.parameters["barred"]]


def _named(barred: list[tuple[Account, str]]) -> list[mail.Barred]:
    """An account without a username goes by its owner's name."""
    return [mail.Barred(account.username or account.person.full_name, why) for account, why in barred]


def _helpers(about: list[Account]) -> list[mail.Helper]:
    """Who can help: each organisation once."""
    organisations = {account.person.organisation_id: account.person.organisation for account in about}
    base = current_app.config["BASE_URL"]
    return [mail.Helper(each.name, f"{base}/find-administrator/{each.code}") for each in organisations.values()]


def _username_reminder(row: OutboxMessage, account: Account) -> Words:
    return mail.username_reminder(account.person, usernames=row.parameters["usernames"], url=_sign_in_url())


def _verify_email(row: OutboxMessage, account: Account) -> Words:
    change = db.session.get(EmailChange, row.parameters["change"])
    if change is None or change.ended_at is not None or change.credential_version != account.credential_version:
        raise work.Dropped(SUPERSEDED)
    token = tokens.email_token(change.issue, change.account_id, change.credential_version, change.key)
    (helper,) = _helpers([account])
    return mail.verify_email(
        account.person,
        address=change.address,
        url=f"{current_app.config['BASE_URL']}/verify-email/{token}",
        expires_at=change.expires_at,
        help_url=helper.url,
    )


def _email_changed(row: OutboxMessage, account: Account) -> Words:
    asked_by = row.parameters["administrator"]
    (helper,) = _helpers([account])
    return mail.email_changed(
        account.person,
        changed_at=row.created_at,
        before=_for_reader(row, row.parameters["before"]),
        after=_for_reader(row, row.parameters["after"]),
        administrator=db.session.get_one(Account, asked_by).person if asked_by else None,
        secondary=row.parameters["secondary"],
        operated=row.parameters.get("operated", False),
        url=helper.url,
    )


def _for_reader(row: OutboxMessage, address: str) -> str:
    """An address of a notice: in full to whoever reads it there, in part to others."""
    return address if same_address(address, row.recipient) else masked(address)


def _in_person(row: OutboxMessage, account: Account) -> Words:
    by, (helper,) = db.session.get_one(Account, row.parameters["by"]), _helpers([account])
    return mail.in_person(account.person, by=by.person, at=row.created_at, help_url=helper.url)


def _role_changed(row: OutboxMessage, account: Account) -> Words:
    by, (helper,) = db.session.get_one(Account, row.parameters["by"]), _helpers([account])
    return mail.role_changed(
        account.person,
        role=row.parameters["role"],
        scope=row.parameters["scope"],
        granted=row.parameters["granted"],
        by=by.person,
        at=row.created_at,
        url=_sign_in_url(),
        help_url=helper.url,
    )


def _administrator_notice(row: OutboxMessage, account: Account) -> Words:
    about = db.session.get_one(Account, row.parameters["about"])
    by = db.session.get_one(Account, row.parameters["by"]) if row.parameters["by"] else None
    return mail.administrator_notice(
        account.person,
        about=about.person,
        by=by.person if by else None,
        what=row.parameters["what"],
        at=row.created_at,
        url=_sign_in_url(),
    )


_WRITERS: dict[str, Callable[[OutboxMessage, Account], Words]] = {
    "registration": _temporary_password,
    "re-enrolment": _temporary_password,
    "unlocked": _unlocked,
    "locked": _locked,
    "password-changed": _password_changed,
    "password-reset": _password_reset,
    "recovery-help": _recovery_help,
    "username-reminder": _username_reminder,
    "administrator-notice": _administrator_notice,
    "in-person": _in_person,
    "role-changed": _role_changed,
    "verify-email": _verify_email,
    "email-changed": _email_changed,
}
