"""Work on many people at once: what was asked for, and what became of each person; and files of people."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Model
from portal.models.account import Account
from portal.models.columns import UtcDateTime
from portal.models.organisation import Organisation
from portal.models.person import Person
from portal.models.work import Leased


class Asked(Leased):
    """What somebody signed in asked for, and from where; ``total`` and ``done`` are what its progress is told by."""

    address: Mapped[str] = mapped_column(String(60))
    zone: Mapped[str] = mapped_column(String(10))
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class BulkWork(Asked, Model):
    """One move of many people, ``per_day`` of them each day (None: as fast as it goes)."""

    __tablename__ = "bulk_works"
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    per_day: Mapped[int | None]
    refused: Mapped[int] = mapped_column(default=0)
    organisation: Mapped[Organisation] = relationship()
    account: Mapped[Account] = relationship()


class BulkItem(Model):
    """One person of a bulk work. ``result`` is empty until it was tried, then ``done``, or why it was refused."""

    __tablename__ = "bulk_items"
    __table_args__ = (Index("ix_bulk_items_result", "work_id", "result", "position"),)
    work_id: Mapped[int] = mapped_column(ForeignKey("bulk_works.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    result: Mapped[str] = mapped_column(String(40), default="")
    at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    person: Mapped[Person] = relationship()


class Upload(Asked, Model):
    """A file of people, read into rows. ``stage`` says what the worker does with it, or what it waits for.

    ``matching``: somebody says which column is which; ``checking``: the worker compares its rows with the records;
    ``checked``: somebody confirms; ``applying``, ``applied``; ``discarded``. ``columns`` are the field of each column.
    """

    __tablename__ = "uploads"
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    form: Mapped[str] = mapped_column(String(10))
    file_name: Mapped[str] = mapped_column(String(200))
    head: Mapped[list[str]] = mapped_column(JSON)
    columns: Mapped[list[str]] = mapped_column(JSON)
    stage: Mapped[str] = mapped_column(String(10))
    organisation: Mapped[Organisation] = relationship()
    account: Mapped[Account | None] = relationship()


class UploadRow(Model):
    """A row of an upload: its cells as the file has them, and what would become of it, or has.

    ``said`` are the field names with what is wrong with them, or with what changes.
    """

    __tablename__ = "upload_rows"
    __table_args__ = (
        Index("ix_upload_rows_verdict", "upload_id", "verdict", "position"),
        Index("ix_upload_rows_person", "upload_id", "person_id"),
        Index("ix_upload_rows_address", "upload_id", "address"),
    )
    upload_id: Mapped[int] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    cells: Mapped[list[str]] = mapped_column(JSON)
    verdict: Mapped[str] = mapped_column(String(10), default="")
    name: Mapped[str] = mapped_column(String(220), default="")
    address: Mapped[str] = mapped_column(String(254), default="")
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    said: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    applied: Mapped[bool] = mapped_column(default=False)
