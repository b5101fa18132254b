"""Organisations, their regions, other names, e-mail domains, and what the public sees of them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import Model
from portal.models.columns import UtcDateTime


class Region(Model):
    """A group of organisations that one regional account manager looks after."""

    __tablename__ = "regions"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    slug: Mapped[str] = mapped_column(String(200), unique=True)


class Organisation(Model):
    """An employer. ``code_folded``, ``name_folded`` and ``initial`` are for look-ups and follow code and name.

    ``code_bare`` is what the usernames of its people begin with: the code's letters and digits, in lower case.
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'closed')", name="status_known"),
        Index("ix_organisations_status_name", "status", "name_folded", "id"),
        Index("ix_organisations_status_initial", "status", "initial", "name_folded", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    code_folded: Mapped[str] = mapped_column(String(60), unique=True)
    code_bare: Mapped[str] = mapped_column(String(60), index=True)
    name: Mapped[str] = mapped_column(String(300))
    name_folded: Mapped[str] = mapped_column(String(300))
    initial: Mapped[str] = mapped_column(String(1))
    kind: Mapped[str] = mapped_column(String(60), default="")
    country: Mapped[str] = mapped_column(String(60), default="")
    town: Mapped[str] = mapped_column(String(120), default="")
    postcode: Mapped[str] = mapped_column(String(20), default="")
    status: Mapped[str] = mapped_column(String(10), default="active")
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    region_id: Mapped[int | None] = mapped_column(ForeignKey("regions.id"), index=True)
    parent_code: Mapped[str] = mapped_column(String(60), default="", index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    successor_code: Mapped[str] = mapped_column(String(60), default="", index=True)
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    automatic_internet_access: Mapped[bool] = mapped_column(default=False)
    own_record_amendable: Mapped[bool] = mapped_column(default=True, server_default=true())

    region: Mapped[Region | None] = relationship()
    parent: Mapped["Organisation | None"] = relationship(foreign_keys=[parent_id], remote_side=[id])
    successor: Mapped["Organisation | None"] = relationship(foreign_keys=[successor_id], remote_side=[id])
    other_names: Mapped[list["OrganisationName"]] = relationship(
        back_populates="organisation", order_by="OrganisationName.name", cascade="all, delete-orphan"
    )
    domains: Mapped[list["OrganisationDomain"]] = relationship(
        order_by="OrganisationDomain.domain", cascade="all, delete-orphan"
    )
    listing: Mapped["Listing | None"] = relationship(back_populates="organisation")


class OrganisationName(Model):
    """A name that an organisation also goes by: ``former``, ``acronym`` or ``alternative``."""

    __tablename__ = "organisation_names"
    __table_args__ = (
        CheckConstraint("kind IN ('former', 'acronym', 'alternative')", name="kind_known"),
        UniqueConstraint("organisation_id", "kind", "name"),
        Index("ix_organisation_names_name_folded", "name_folded"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(300))
    name_folded: Mapped[str] = mapped_column(String(300))
    organisation: Mapped[Organisation] = relationship(back_populates="other_names")


class OrganisationDomain(Model):
    """An e-mail domain of an organisation; several organisations may share one."""

    __tablename__ = "organisation_domains"
    __table_args__ = (UniqueConstraint("organisation_id", "domain"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    domain: Mapped[str] = mapped_column(String(255), index=True)


class Listing(Model):
    """What the public sees of an organisation: a message, opening hours, and when the details were checked."""

    __tablename__ = "listings"
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), unique=True)
    message: Mapped[str] = mapped_column(String(2000), default="")
    hours: Mapped[str] = mapped_column(String(300), default="")
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    organisation: Mapped[Organisation] = relationship(back_populates="listing")
    contacts: Mapped[list["ListingContact"]] = relationship(
        order_by="ListingContact.position", cascade="all, delete-orphan"
    )


class ListingContact(Model):
    """One published contact: a desk, or a person who agreed to be named."""

    __tablename__ = "listing_contacts"
    __table_args__ = (UniqueConstraint("listing_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(60), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
