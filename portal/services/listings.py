"""What the public sees of an organisation: its message, whom to contact, and where to turn next."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from portal.domain.usernames import code_prefix
from portal.extensions import db
from portal.models import Organisation, OrganisationDomain

LONGEST_CODE = 60


@dataclass(frozen=True)
class PublishedContact:
    """A desk, or a person who agreed to be named; phone and e-mail address may be empty."""

    name: str
    phone: str
    email: str

    @property
    def phone_link(self) -> str:
        """The number as a link that telephones follow (RFC 3966): digits, and a plus before a country's code."""
        plus = "+" if self.phone.lstrip().startswith("+") else ""
        return f"tel:{plus}" + "".join(sign for sign in self.phone if sign in "0123456789")


@dataclass(frozen=True)
class Published:
    """A listing as everybody may read it. Without contacts nothing leads to a person yet."""

    code: str
    name: str
    message: str
    hours: str
    checked_at: datetime | None
    contacts: tuple[PublishedContact, ...]


def published(organisation: Organisation) -> Published:
    """What ``organisation`` publishes; all of it is empty where nothing was ever published."""
    listing = organisation.listing
    if listing is None:
        return Published(organisation.code, organisation.name, message="", hours="", checked_at=None, contacts=())
    return Published(
        organisation.code,
        organisation.name,
        message=listing.message.strip(),
        hours=listing.hours.strip(),
        checked_at=listing.checked_at,
        contacts=tuple(PublishedContact(desk.name, desk.phone, desk.email) for desk in listing.contacts),
    )


def organisation_for_typed_text(text: str) -> Organisation | None:
    """The organisation that an e-mail address or a username points to by its own words; no account is looked at.

    An address points to the one organisation that has its domain. A username points to the longest code, in letters
    and digits only, that it begins with. Both are looked up whatever was typed.
    """
    typed = text.strip()[: LONGEST_CODE * 5].casefold()
    by_domain = _the_one_with_domain(typed.rpartition("@")[2])
    by_code = _the_longest_code_before(code_prefix(typed))
    return by_domain if "@" in typed else by_code


def _the_one_with_domain(domain: str) -> Organisation | None:
    having = select(OrganisationDomain.organisation_id).where(OrganisationDomain.domain == domain.replace("\0", ""))
    found = db.session.scalars(select(Organisation).where(Organisation.id.in_(having)).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _the_longest_code_before(username: str) -> Organisation | None:
    bare = Organisation.code_bare
    beginnings = [username[:length] for length in range(1, min(len(username), LONGEST_CODE) + 1)]
    longest = select(Organisation).where(bare.in_(beginnings)).order_by(func.length(bare).desc(), Organisation.id)
    return db.session.scalars(longest.limit(1)).one_or_none()
