"""Temporary passwords: derived for the mail, kept as a hash, good for some hours, and at most one at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app

from portal import clock
from portal.domain import expiry
from portal.domain.passwords import TEMPORARY_CHARACTERS, temporary_normalised
from portal.models import Account
from portal.services import passwords, tokens


@dataclass(frozen=True)
class Issued:
    """The public name of a temporary password, and the hash of its secret."""

    issue: str
    hashed: str


def new() -> Issued:
    """A fresh one; its hash is slow, so it is made before the write lock is taken."""
    issue = tokens.new_issue()
    secret = tokens.temporary_password(issue, tokens.present_key())
    return Issued(issue, passwords.hash_of(temporary_normalised(secret)))


def put(account: Account, issued: Issued) -> datetime:
    """Make it the one that is good for ``account``; answers until when."""
    expires_at = clock.now() + lasts()
    account.temporary_password_hash = issued.hashed
    account.temporary_password_issue = issued.issue
    account.temporary_password_expires_at = expires_at
    account.temporary_password_failures = 0
    account.enrolled = False
    return expires_at


def lasts() -> timedelta:
    """How long one is good."""
    return timedelta(hours=current_app.config["TEMPORARY_PASSWORD_HOURS"])


def is_good(account: Account) -> bool:
    """Whether there is one that may be signed in with now."""
    until = account.temporary_password_expires_at
    return account.temporary_password_hash is not None and expiry.lasts(until, lasts(), clock.now())


def erase(account: Account) -> None:
    """There is none any more, nor a trace of how it was guessed at."""
    account.temporary_password_hash = account.temporary_password_issue = None
    account.temporary_password_expires_at = None
    account.temporary_password_failures = 0


def is_in_use(account: Account, typed: str) -> bool:
    """Whether ``typed`` is the one that is in use, however it is written: it is not chosen again."""
    text, stored = temporary_normalised(typed), account.temporary_password_hash
    return len(text) == TEMPORARY_CHARACTERS and stored is not None and passwords.matches(stored, text)
