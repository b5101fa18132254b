"""What an account's columns, its audit entries and its last mail say in each state: they agree."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portal.domain.account_state import AccountState

ADMINISTRATOR, OWNER = "administrator", "owner"
REFUSED = "550 5.1.1 mailbox unavailable"


@dataclass(frozen=True)
class Happened:
    """One audit entry of the past; ``username`` in its details stands for the account's own."""

    at: datetime
    event: str
    actor: str = ADMINISTRATOR
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mailed:
    """A mail of the past, with what became of it."""

    at: datetime
    kind: str
    state: str = "done"
    error: str = ""


@dataclass(frozen=True)
class History:
    """An account's state with everything that led to it."""

    state: AccountState
    columns: dict[str, Any]
    happened: tuple[Happened, ...] = ()
    mailed: tuple[Mailed, ...] = ()


def _enrolment(at: datetime, since: datetime) -> tuple[Happened, ...]:
    """Created, registered and, an hour later, with a password."""
    expires_at = (at + timedelta(hours=24)).isoformat()
    return (
        Happened(since, "person:record:created"),
        Happened(at, "account:registration:registered", details={"username": "", "expires_at": expires_at}),
        Happened(at + timedelta(hours=1), "account:registration:completed", OWNER),
    )


def _chosen(at: datetime, hashed: str) -> dict[str, Any]:
    return {"password_hash": hashed, "password_changed_at": at + timedelta(hours=1), "enrolled": True}


def active(now: datetime, hashed: str, *, days: int, sign_ins: int, hours_ago: int, failed: int = 0) -> History:
    """Enrolled ``days`` ago, last signed in ``hours_ago``, with ``failed`` wrong passwords over the whole time."""
    enrolled, last = now - timedelta(days=days), now - timedelta(hours=hours_ago)
    columns = {
        **_chosen(enrolled, hashed), "sign_ins": sign_ins, "last_sign_in_at": last,
        "previous_sign_in_at": last - timedelta(hours=23, minutes=8), "failures_total": failed,
        "last_failure_at": last - timedelta(days=9, minutes=3) if failed else None,
        "internal_message": "registration-completed", "internal_message_at": enrolled + timedelta(hours=1),
    }  # fmt: skip
    signed_in = Happened(last, "account:sign-in:succeeded", OWNER)
    return History(AccountState.ACTIVE, columns, (*_enrolment(enrolled, enrolled), signed_in))


def locked(now: datetime, hashed: str, *, days: int, minutes_ago: int) -> History:
    """Active, until three wrong passwords in a row."""
    before = active(now, hashed, days=days, sign_ins=37, hours_ago=52)
    at = now - timedelta(minutes=minutes_ago)
    failures = tuple(
        Happened(at - timedelta(seconds=20 * (3 - count)), "account:sign-in:failed", OWNER, {"failures": count})
        for count in (1, 2, 3)
    )
    columns = {
        **before.columns, "failures": 3, "failures_since_success": 3, "failures_total": 8, "last_failure_at": at,
        "locked_at": at, "internal_message": "locked-queued", "internal_message_at": at,
    }  # fmt: skip
    lock = Happened(at, "account:lock:locked", OWNER, {"failures": 3})
    return History(AccountState.LOCKED, columns, (*before.happened, *failures, lock))


def unlock_expired(now: datetime, hashed: str) -> History:
    """Unlocked by an administrator, and not used within its 24 hours: treated, and shown, as locked."""
    before = locked(now, hashed, days=140, minutes_ago=31 * 60)
    at = now - timedelta(hours=29)
    expires_at = at + timedelta(hours=24)
    columns = {
        **before.columns, "failures": 0, "unlock_expires_at": expires_at,
        "internal_message": "mail-sent", "internal_detail": "unlocked", "internal_message_at": at,
    }  # fmt: skip
    unlock = Happened(at, "account:lock:unlocked", details={"expires_at": expires_at.isoformat()})
    mails = (Mailed(before.columns["locked_at"], "locked"), Mailed(at, "unlocked"))
    return History(AccountState.UNLOCK_PENDING, columns, (*before.happened, unlock), mails)


def registration_expired(now: datetime, hashed: str) -> History:
    """Registered three days ago; the temporary password ran out unused."""
    at = now - timedelta(days=3, hours=2)
    expires_at = at + timedelta(hours=24)
    columns = {
        **_temporary(hashed, expires_at, "of-the-past-expired"),
        "internal_message": "mail-sent", "internal_detail": "registration", "internal_message_at": at,
    }  # fmt: skip
    happened = _enrolment(at, at - timedelta(minutes=20))[:2]
    return History(AccountState.REGISTRATION_PENDING, columns, happened, (Mailed(at, "registration"),))


def re_enrolled_and_refused(now: datetime, hashed: str) -> History:
    """Re-enrolled five hours ago, and the mail server refused the mail: the address does not exist any more."""
    before = active(now, hashed, days=420, sign_ins=96, hours_ago=24 * 75)
    at = now - timedelta(hours=5)
    expires_at = at + timedelta(hours=24)
    columns = {
        **before.columns, **_temporary(hashed, expires_at, "of-the-past-refused"), "password_hash": None,
        "enrolled": False, "re_enrolled": True, "credential_version": 2, "internal_message": "mail-refused",
        "internal_detail": f"re-enrolment: {REFUSED}", "internal_message_at": at,
    }  # fmt: skip
    again = Happened(at, "account:registration:re-enrolled", details={"expires_at": expires_at.isoformat()})
    mails = (Mailed(at, "re-enrolment", "failed", REFUSED),)
    return History(AccountState.REGISTRATION_PENDING, columns, (*before.happened, again), mails)


def inactive(now: datetime, hashed: str) -> History:
    """Left two months ago: credentials erased, username kept."""
    before = active(now, hashed, days=900, sign_ins=412, hours_ago=24 * 64, failed=11)
    at = now - timedelta(days=61)
    columns = {
        **before.columns, "password_hash": None, "enrolled": False, "credential_version": 2,
        "internal_message": "deactivated", "internal_message_at": at,
    }  # fmt: skip
    return History(AccountState.INACTIVE, columns, (*before.happened, Happened(at, "account:life:deactivated")))


def not_registered(now: datetime, *, days: int) -> History:
    """A record without a way in yet."""
    created = Happened(now - timedelta(days=days), "person:record:created")
    return History(AccountState.NOT_REGISTERED, {}, (created,))


def _temporary(hashed: str, expires_at: datetime, issue: str) -> dict[str, Any]:
    """A temporary password whose secret nobody was told."""
    return {
        "temporary_password_hash": hashed, "temporary_password_issue": issue,
        "temporary_password_expires_at": expires_at,
    }  # fmt: skip
