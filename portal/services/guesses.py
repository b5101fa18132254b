"""Guesses at a password: reserved, checked and settled, so that guesses in parallel never get more than the limit.

The reservation is committed before the hash is computed, its outcome in a second transaction after it (ASVS 15.4.2).
Whoever guesses, at a sign-in or while signed in, the same work is done: two transactions and one hash (ASVS 6.3.8).
What is left of a difference, such as a counter's row or the notice of a lock, disappears in the time that every refusal
takes beside its hash.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, cast

from flask import current_app
from sqlalchemy import Table, bindparam, delete, insert, select

from portal import clock
from portal.domain import lockout
from portal.domain.account_state import AccountAction, AccountState, allowed
from portal.domain.lockout import Admission, Limits, Zone
from portal.domain.passwords import normalised, temporary_normalised
from portal.errors import Unavailable
from portal.extensions import db
from portal.models import Account, KnownBrowser, SignInReservation
from portal.services import accounts, audit, known_browsers, passwords, temporary_passwords, throttle
from portal.services.origin import origin
from portal.transactions import reserve_then_settle

T = TypeVar("T")

# What every guess asks and writes, built once; the reservations' table itself, because no object outlives its guess.
RESERVATIONS = cast(Table, SignInReservation.__table__)
OPEN = select(RESERVATIONS).where(RESERVATIONS.c.account_id == bindparam("account"))
RESERVE = insert(RESERVATIONS).returning(RESERVATIONS.c.id)
SPEND = delete(RESERVATIONS).where(RESERVATIONS.c.id == bindparam("reservation")).returning(RESERVATIONS.c.id)

LONGEST_GUESS = 1024
"""Characters of a guess that are looked at; no password is as long."""

REFUSAL_SECONDS = 0.04
"""What a refusal takes beside a hash of today's: three times what the database needs for the longest of them, or less
than twice that and a hash of older parameters.
"""


class Way(StrEnum):
    """What a guess is checked against."""

    PASSWORD = "password"  # noqa: S105 - a name
    KNOWN_BROWSER = "known-browser"
    TEMPORARY = "temporary"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Guess:
    """One guess in hand, between its two transactions."""

    reservation_id: int
    account_id: int | None
    way: Way
    stored: str | None
    credential_version: int
    known_tokens: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """What became of a guess between its two transactions."""

    matches: bool
    upgraded: str | None
    """The hash of today's parameters that takes the place of an older one."""
    seconds: float
    """What one hash of today's parameters took."""
    unavailable: Unavailable | None = None
    """Why it could not be found out; such a guess is none."""


def make(
    account_id: int | None,
    password: str,
    known_tokens: Sequence[str],
    right: Callable[[Account, Way], T | None],
    typed: str = "",
) -> T | None:
    """One guess at an account's password; ``account_id`` is None for a name that leads to nobody, ``typed`` that name.

    Answers what ``right`` does, which is called in the second transaction when the password was right, with the account
    held. None: it failed, whatever the reason. ``known_tokens`` are what the browser shows of accounts that it knows.
    Raises TooMany, before anything is reserved or hashed, when too many others failed from this address; a known
    browser is never held up.
    """
    known = known_browsers.knows(account_id, known_tokens)
    if not known:
        throttle.admit_sign_in()
    tokens = tuple(known_tokens)
    zone = origin().zone
    answer_at = time.monotonic() + REFUSAL_SECONDS
    guess = normalised(password[:LONGEST_GUESS])
    checked = Check(False, None, 0.0)

    def check(held: Guess) -> Check:
        nonlocal checked
        checked = _checked(held, guess)
        return checked

    def settle(held: Guess, checked: Check) -> T | None:
        with db.session.no_autoflush:  # all that changes here is written once, at the end
            account = _settled(held, checked, zone)
            return None if account is None else right(account, held.way)

    answer: T | None = reserve_then_settle(
        lambda: _reserve(account_id, zone, tokens), check, settle, lockout.LONGEST_WAIT_SECONDS
    )
    if checked.unavailable:
        raise checked.unavailable
    _count_at_address(account_id, typed, known=known, got_in=answer is not None)
    if answer is None:
        time.sleep(max(0.0, answer_at + checked.seconds - time.monotonic()))
    return answer


def _checked(held: Guess, guess: str) -> Check:
    """The slow part. A wrong guess costs a hash of today's parameters, and what it costs beside that is hidden in
    REFUSAL_SECONDS (ASVS 6.3.8).
    """
    text = temporary_normalised(guess) if held.way is Way.TEMPORARY else guess
    outdated = held.stored is not None and passwords.is_outdated(held.stored)
    began = time.monotonic()
    try:
        # One of today's first, as for everybody: a hash that follows another has its memory ready, and is done sooner.
        matches = passwords.matches(None if outdated else held.stored, text)
        seconds = time.monotonic() - began
        if outdated:
            matches = passwords.matches(held.stored, text)
        renew = outdated and matches and held.way is not Way.TEMPORARY
        return Check(matches, passwords.hash_of(guess) if renew else None, seconds)
    except Unavailable as error:
        return Check(False, None, 0.0, error)


def _count_at_address(account_id: int | None, typed: str, *, known: bool, got_in: bool) -> None:
    if got_in:
        throttle.note_success(account_id)
    elif not known:
        throttle.note_failure(account_id, typed)


def _limits() -> Limits:
    return Limits(current_app.config["LOCKOUT_INTERNET"], current_app.config["LOCKOUT_PRIVATE"])


def _reserve(account_id: int | None, zone: Zone, tokens: tuple[str, ...]) -> Guess | None:
    """First transaction: what the guess may be checked against. None: guesses before it must be settled first."""
    now = clock.now()
    way, stored, version, account, known = Way.NOTHING, None, 0, None, None
    if account_id is not None:
        account = accounts.locked(account_id)
        open_ones = _open_reservations(account)
        known = known_browsers.of(account, list(tokens))
        way = _way(account, known)
        if way is not Way.NOTHING and _admission(account, way, zone, known, open_ones) is not Admission.CHECK:
            return None
        stored = _stored(account, way)
        version = account.credential_version
    reservation = {
        "account_id": account.id if account is not None and way is not Way.NOTHING else None,
        "known_browser_id": known.id if known is not None else None,
        "credential_version": version,
        "zone": zone,
        "reserved_at": now,
    }
    reservation_id = db.session.execute(RESERVE, reservation).scalar_one()
    return Guess(reservation_id, account_id, way, stored, version, tokens)


def _stored(account: Account, way: Way) -> str | None:
    if way is Way.TEMPORARY:
        return account.temporary_password_hash
    return None if way is Way.NOTHING else account.password_hash


def _way(account: Account, known: KnownBrowser | None) -> Way:
    match accounts.shown_state(account):
        case AccountState.ACTIVE | AccountState.UNLOCK_PENDING:
            return Way.NOTHING if accounts.password_is_disabled(account) else Way.PASSWORD
        case AccountState.REGISTRATION_PENDING:
            return Way.TEMPORARY if temporary_passwords.is_good(account) else Way.NOTHING
        case AccountState.LOCKED if known is not None and not accounts.password_is_disabled(account):
            return Way.KNOWN_BROWSER
        case _:
            return Way.NOTHING


def _admission(
    account: Account, way: Way, zone: Zone, known: KnownBrowser | None, open_ones: list[int | None]
) -> Admission:
    """``open_ones`` has the known browser of each guess in hand, None for a strange one."""
    reserved = len(open_ones)
    if way is Way.KNOWN_BROWSER and known is not None:
        limit, failures, reserved = _limits().of(zone), known.failures, open_ones.count(known.id)
    elif way is Way.TEMPORARY:
        limit, failures = lockout.TEMPORARY_PASSWORD_GUESSES, account.temporary_password_failures
    else:
        limit, failures = _limits().of(zone), account.failures
    return lockout.admission(failures=failures, reserved=reserved, limit=limit)


def _open_reservations(account: Account) -> list[int | None]:
    """The guesses in hand, each by its known browser; one whose process died counts as a failure (ASVS 15.4.2).

    What was guessed at before a reset or a re-enrolment says nothing about the password that there is now.
    """
    now = clock.now()
    open_ones = []
    for left in db.session.execute(OPEN, {"account": account.id}).all():
        if left.credential_version != account.credential_version:
            if lockout.abandoned(left.reserved_at, now):
                db.session.execute(SPEND, {"reservation": left.id})
        elif lockout.abandoned(left.reserved_at, now):
            db.session.execute(SPEND, {"reservation": left.id})
            known = db.session.get(KnownBrowser, left.known_browser_id) if left.known_browser_id else None
            _count_failure(account, Zone(left.zone), known)
        else:
            open_ones.append(left.known_browser_id)
    return open_ones


def _settled(held: Guess, checked: Check, zone: Zone) -> Account | None:
    """Second transaction: the account, when the guess was right; a wrong one was counted, and every other refused."""
    account = accounts.locked(held.account_id) if held.account_id is not None else None
    mine = db.session.execute(SPEND, {"reservation": held.reservation_id}).scalar_one_or_none()
    if checked.unavailable:
        return None
    if account is None:
        audit.record("sign-in:unknown:failed")
        return None
    known = known_browsers.of(account, list(held.known_tokens))
    unchanged = mine is not None and account.credential_version == held.credential_version
    if held.way is Way.NOTHING or not unchanged or not _still_open(held.way, _way(account, known)):
        audit.record("account:sign-in:refused", person=account.person, state=accounts.shown_state(account).value)
        return None
    if not checked.matches:
        _count_failure(account, zone, known)
        return None
    if checked.upgraded:
        account.password_hash = checked.upgraded
    return account


def _still_open(reserved: Way, now: Way) -> bool:
    """Whether what the guess was admitted to is open still; a lock that was lifted meanwhile does not close it."""
    return reserved is now or (reserved is Way.KNOWN_BROWSER and now is Way.PASSWORD)


def _count_failure(account: Account, zone: Zone, known: KnownBrowser | None) -> None:
    """One wrong guess that was checked: it counts, and locks or voids when it is one too many."""
    way = _way(account, known)
    if known is not None and known_browsers.note_failure(known, _limits().of(zone)):
        audit.record("account:known-browser:voided", person=account.person, failures=known.failures)
    account.last_failure_at = clock.now()
    account.failures_total += 1
    account.failures += 1
    account.failures_since_success += 1
    if way is Way.TEMPORARY:
        _count_temporary_failure(account)
        return
    audit.record("account:sign-in:failed", person=account.person, failures=account.failures)
    disabled = accounts.password_is_disabled(account)
    limit_reached = lockout.locks(failures=account.failures, limit=_limits().of(zone))
    if (limit_reached or disabled) and allowed(accounts.shown_state(account), AccountAction.LOCK):
        accounts.lock(account, zone)
    if disabled:
        audit.record("account:password:disabled", person=account.person, failures=account.failures_since_success)
        accounts.note(account, "password-disabled")


def _count_temporary_failure(account: Account) -> None:
    account.temporary_password_failures += 1
    failures = account.temporary_password_failures
    audit.record("account:temporary-password:failed", person=account.person, failures=failures)
    if failures >= lockout.TEMPORARY_PASSWORD_GUESSES:
        account.temporary_password_hash = None
        audit.record("account:temporary-password:voided", person=account.person, failures=failures)
        accounts.note(account, "temporary-password-voided")
