"""The audit trail: append-only by trigger, one chain an organisation and one for what belongs to none."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.extensions import Model
from portal.models.columns import UtcDateTime


class AuditEntry(Model):
    """Who did what to whom, when, from where. ``chain`` is the organisation's id, 0 for what belongs to none."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("chain", "sequence"),
        Index("ix_audit_entries_person", "person_id", "id"),
        Index("ix_audit_entries_event", "chain", "event", "sequence"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[int]
    sequence: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    event: Mapped[str] = mapped_column(String(60))
    actor_account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    address: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(10))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditChain(Model):
    """The head of a chain: its last number and hash."""

    __tablename__ = "audit_chains"
    chain: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    head: Mapped[str] = mapped_column(String(64))
