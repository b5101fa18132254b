"""People: a record at one organisation, and what each is a contact for."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Model
from portal.models.columns import UtcDateTime
from portal.models.organisation import Organisation

if TYPE_CHECKING:
    from portal.models.account import Account


LARGEST_ESS_ID = 2**31 - 1
UNUSABLE_EMAIL = "primary_email = '' OR email_is_temporary OR email_bounced_at IS NOT NULL"
"""Of a person whom mail does not reach for certain, as a condition on the table."""


class Person(Model):
    """An employee's record. Status Inactive and account state Inactive are one fact: it stands in the account.

    ``sort_name`` (surname first, folded), ``search_text`` (names, addresses and numbers, folded),
    ``primary_email_folded`` and ``sorted_types`` follow what they are made of; ``is_contact`` says that at least one
    contact type is held.
    """

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("staff_group IN ('permanent', 'bank')", name="staff_group_known"),
        CheckConstraint("NOT has_no_email OR primary_email = ''", name="no_email_has_none"),
        Index("ix_people_organisation_name", "organisation_id", "sort_name", "id"),
        Index("ix_people_organisation_contacts", "organisation_id", "is_contact", "sort_name", "id"),
        Index("ix_people_organisation_email", "organisation_id", "primary_email_folded", "sort_name", "id"),
        Index("ix_people_organisation_phone", "organisation_id", "primary_phone", "sort_name", "id"),
        Index("ix_people_organisation_number", "organisation_id", "employee_number"),
        Index("ix_people_organisation_types", "organisation_id", "sorted_types", "sort_name", "id"),
        Index(
            "ix_people_organisation_unusable_email",
            "organisation_id",
            "sort_name",
            "id",
            sqlite_where=text(UNUSABLE_EMAIL),
            postgresql_where=text(UNUSABLE_EMAIL),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    ess_id: Mapped[int] = mapped_column(unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    prefix: Mapped[str] = mapped_column(String(10), default="")
    first_name: Mapped[str] = mapped_column(String(100))
    middle_name: Mapped[str] = mapped_column(String(100), default="")
    last_name: Mapped[str] = mapped_column(String(100))
    suffix: Mapped[str] = mapped_column(String(10), default="")
    gender: Mapped[str] = mapped_column(String(20), default="")
    sort_name: Mapped[str] = mapped_column(String(320))
    search_text: Mapped[str] = mapped_column(String(1200))
    primary_phone: Mapped[str] = mapped_column(String(40), default="")
    secondary_phone: Mapped[str] = mapped_column(String(40), default="")
    mobile_phone: Mapped[str] = mapped_column(String(40), default="")
    primary_email: Mapped[str] = mapped_column(String(254), default="")
    primary_email_folded: Mapped[str] = mapped_column(String(254), default="", index=True)
    has_no_email: Mapped[bool] = mapped_column(default=False)
    email_is_temporary: Mapped[bool] = mapped_column(default=False)
    email_bounced_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    secondary_email: Mapped[str] = mapped_column(String(254), default="")
    job_title: Mapped[str] = mapped_column(String(120), default="")
    staff_group: Mapped[str] = mapped_column(String(10), default="permanent")
    employee_number: Mapped[str] = mapped_column(String(40), default="")
    smartcard_linked: Mapped[bool] = mapped_column(default=False)
    is_contact: Mapped[bool] = mapped_column(default=False)
    sorted_types: Mapped[str] = mapped_column(String(400), default="", server_default=text("''"))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime())

    organisation: Mapped[Organisation] = relationship()
    account: Mapped["Account"] = relationship(back_populates="person")
    contact_types: Mapped[list["PersonContactType"]] = relationship(
        order_by="PersonContactType.contact_type", cascade="all, delete-orphan"
    )

    @property
    def full_name(self) -> str:
        """The name as the list shows it: first, middle and last name."""
        return " ".join(part for part in (self.first_name, self.middle_name, self.last_name) if part)

    @property
    def type_names(self) -> frozenset[str]:
        """The contact types held, by their field names."""
        return frozenset(held.contact_type for held in self.contact_types)


class PersonContactType(Model):
    """One thing that a person is a contact for. ``organisation_id`` is the person's."""

    __tablename__ = "person_contact_types"
    __table_args__ = (Index("ix_person_contact_types_organisation", "organisation_id", "contact_type", "person_id"),)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    contact_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))


class Counter(Model):
    """A sequence of the portal's own: ESS IDs, and the number at the end of each username."""

    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    value: Mapped[int]
