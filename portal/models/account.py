"""The self-service side of a person: account, roles, sessions, guesses in hand, and recovery."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Enum, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from portal.domain.account_state import ORDER, AccountState
from portal.domain.roles import Role
from portal.extensions import Model
from portal.models.columns import UtcDateTime
from portal.models.organisation import Organisation, Region
from portal.models.person import Person
from portal.models.work import Leased

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When whoever has never signed in stands in an order by sign-ins."""
STATE_ORDER = "state_order = CASE state {} END".format(
    " ".join(f"WHEN '{state.value}' THEN {number}" for state, number in ORDER.items())
)
REGISTRATION_PENDING = f"state_order = {ORDER[AccountState.REGISTRATION_PENDING]}"
"""Of an account that waits for its owner's first password, as a condition on the table."""


def _values(kind: type) -> list[str]:
    return [member.value for member in kind]  # type: ignore[attr-defined]


def _order_of_state(context: DefaultExecutionContext) -> int:
    state = context.get_current_parameters()["state"]
    return ORDER[AccountState(state)]


def _sorted_sign_in(context: DefaultExecutionContext) -> datetime:
    return context.get_current_parameters().get("last_sign_in_at") or NEVER


class Account(Model):
    """One for each person, made with the person. ``failures`` is the lockout's counter: consecutive ones.

    ``organisation_id`` is the person's; ``state_order`` and ``sorted_sign_in_at`` follow state and last sign-in,
    of which there may be none: so an index sorts lists.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("failures >= 0 AND failures_total >= failures", name="failures_counted"),
        CheckConstraint(STATE_ORDER, name="state_order_follows"),
        Index("ix_accounts_organisation_state", "organisation_id", "state_order", "unlock_expires_at", "person_id"),
        Index("ix_accounts_organisation_sign_in", "organisation_id", "sorted_sign_in_at", "person_id"),
        Index(
            "ix_accounts_organisation_pending",
            "organisation_id",
            "temporary_password_expires_at",
            "temporary_password_issue",
            "person_id",
            sqlite_where=text(REGISTRATION_PENDING),
            postgresql_where=text(REGISTRATION_PENDING),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    state: Mapped[AccountState] = mapped_column(
        Enum(AccountState, native_enum=False, length=24, values_callable=_values, create_constraint=True, name="state"),
        default=AccountState.NOT_REGISTERED,
    )
    state_order: Mapped[int] = mapped_column(default=_order_of_state)
    username: Mapped[str | None] = mapped_column(String(120), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    credential_version: Mapped[int] = mapped_column(default=1)
    temporary_password_hash: Mapped[str | None] = mapped_column(String(200))
    temporary_password_issue: Mapped[str | None] = mapped_column(String(40))
    temporary_password_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    temporary_password_failures: Mapped[int] = mapped_column(default=0)
    enrolled: Mapped[bool] = mapped_column(default=False)
    re_enrolled: Mapped[bool] = mapped_column(default=False)
    unlock_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    failures: Mapped[int] = mapped_column(default=0)
    failures_since_success: Mapped[int] = mapped_column(default=0)
    failures_total: Mapped[int] = mapped_column(default=0)
    last_failure_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    sign_ins: Mapped[int] = mapped_column(default=0)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    sorted_sign_in_at: Mapped[datetime] = mapped_column(UtcDateTime(), default=_sorted_sign_in)
    previous_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    internal_message: Mapped[str] = mapped_column(String(60), default="")
    internal_detail: Mapped[str] = mapped_column(String(300), default="")
    internal_message_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    @validates("state")
    def _keep_order(self, _name: str, state: AccountState) -> AccountState:
        self.state_order = ORDER[state]
        return state

    @validates("last_sign_in_at")
    def _keep_sorted(self, _name: str, at: datetime | None) -> datetime | None:
        self.sorted_sign_in_at = at or NEVER
        return at

    person: Mapped[Person] = relationship(back_populates="account")
    roles: Mapped[list["RoleGrant"]] = relationship(back_populates="account", order_by="RoleGrant.id")


class RoleGrant(Model):
    """A role of an account, for an organisation, a region or (neither) everything."""

    __tablename__ = "role_grants"
    __table_args__ = (Index("ix_role_grants_account_id", "account_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    role: Mapped[Role] = mapped_column(
        Enum(Role, native_enum=False, length=40, values_callable=_values, create_constraint=True, name="role")
    )
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    account: Mapped[Account] = relationship(back_populates="roles")
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region | None] = relationship()


class Session(Model):
    """A signed-in browser. The cookie has the token; here stands its hash (ASVS 7.2).

    ``confirmed_at``: when the password was asked for again. ``held_form``: what was sent before that, to go on with.
    """

    __tablename__ = "sessions"
    __table_args__ = (CheckConstraint("kind IN ('full', 'enrolment')", name="kind_known"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    zone: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(60))
    browser: Mapped[str] = mapped_column(String(300))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime())
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    held_form: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    account: Mapped[Account] = relationship()


class KnownBrowser(Model):
    """A browser that signed in to an account before, with a count of failures of its own."""

    __tablename__ = "known_browsers"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime())
    void_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class SignInReservation(Model):
    """A guess that is being checked just now; it counts as a failure when its process dies."""

    __tablename__ = "sign_in_reservations"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    known_browser_id: Mapped[int | None] = mapped_column(ForeignKey("known_browsers.id"))
    credential_version: Mapped[int] = mapped_column(default=0)
    zone: Mapped[str] = mapped_column(String(10))
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime())


class RecoveryRequest(Leased, Model):
    """What somebody asked of recovery, the same row for a known and an unknown name; the worker looks it up."""

    __tablename__ = "recovery_requests"
    id: Mapped[int] = mapped_column(primary_key=True)
    identifier: Mapped[str] = mapped_column(String(254))
    need: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(10))


class RecoveryLink(Model):
    """A mailed link to choose a new password; its token is derived, never stored."""

    __tablename__ = "recovery_links"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    issue: Mapped[str] = mapped_column(String(40), unique=True)
    key: Mapped[str] = mapped_column(String(20))
    credential_version: Mapped[int]
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    times_mailed: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    account: Mapped[Account] = relationship()


class EmailChange(Model):
    """A new address that its owner has asked for; it counts once the link that is mailed to it was used."""

    __tablename__ = "email_changes"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    address: Mapped[str] = mapped_column(String(254))
    issue: Mapped[str] = mapped_column(String(40), unique=True)
    key: Mapped[str] = mapped_column(String(20))
    credential_version: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    account: Mapped[Account] = relationship()


class EnrolmentLink(Model):
    """A link from the command line with which the first central administrator chooses a password, once."""

    __tablename__ = "enrolment_links"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    account: Mapped[Account] = relationship()
