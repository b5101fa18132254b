"""Work that is due later: a row with a due time, a count of attempts and a lease; and the outbox, its first user."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from portal.extensions import Model
from portal.models.columns import UtcDateTime


class Leased:
    """Columns of every kind of work: ``state`` goes from queued to done, or to failed when it is given up."""

    state: Mapped[str] = mapped_column(String(12), default="queued")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_error: Mapped[str] = mapped_column(String(300), default="")

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy hands the class
        """The queue's order is an index."""
        table = cls.__tablename__  # type: ignore[attr-defined]
        return (
            CheckConstraint("state IN ('queued', 'done', 'failed', 'dropped')", name="state_known"),
            Index(f"ix_{table}_due", "state", "due_at", "id"),
        )


class OutboxMessage(Leased, Model):
    """A mail to be sent, written in the transaction that asks for it. ``parameters`` never holds a secret.

    ``is_copy``: it goes to the secondary address; what becomes of it is not what became of the mail.
    """

    __tablename__ = "outbox_messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    message_id: Mapped[str] = mapped_column(String(120), unique=True)
    recipient: Mapped[str] = mapped_column(String(254))
    is_copy: Mapped[bool] = mapped_column(default=False)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    audit_entry_id: Mapped[int | None] = mapped_column(ForeignKey("audit_entries.id"), index=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    not_after: Mapped[datetime | None] = mapped_column(UtcDateTime())


class OutboxMention(Model):
    """An account that a mail is about beside the one that it is addressed to: several may share an address."""

    __tablename__ = "outbox_mentions"
    message_id: Mapped[int] = mapped_column(ForeignKey("outbox_messages.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)


Index("ix_outbox_messages_lately", OutboxMessage.recipient, OutboxMessage.kind, OutboxMessage.created_at)


class Heartbeat(Model):
    """When a process that should be running was last seen."""

    __tablename__ = "heartbeats"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
