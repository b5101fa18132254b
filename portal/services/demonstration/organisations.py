"""The demonstration's organisations: a county office, a large trust, and sixty small ones in two more regions."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.search_terms import fold, initial_of
from portal.domain.usernames import code_prefix
from portal.extensions import db
from portal.models import Listing, ListingContact, Organisation, OrganisationDomain, OrganisationName, Region
from portal.services.regions import slug_of

OFFICE, TRUST, CENTRE = "42061", "HUH", "CENTRAL"
RIVERBEND, COASTAL, LAKES = "Riverbend", "Coastal Counties", "Northern Lakes"

DISTRICTS = (
    "Alder Creek Unified School District", "Bishop's Hollow Elementary School District",
    "Blue Heron Charter School", "Cañada Verde Union High School District", "Cedar Point Unified School District",
    "Copper Basin Joint School District", "Cypress Slough Elementary School District",
    "Del Robles Unified School District", "Driftwood Bay High School District", "Eucalyptus Grove School District",
    "Fogarty Valley Union Elementary School District", "Golden Oak Charter Academy",
    "Granite Flats Unified School District", "Hidden Lagoon School District",
    "Juniper Mesa Unified School District", "La Paloma Blanca School District",
    "Lighthouse Point Community College District", "Los Sauces Unified School District",
    "Manzanita Ridge Elementary School District", "Mirasol Joint Union High School District",
    "Osprey Landing Charter School", "Pelican Bay County Office of Education", "Piedra Azul School District",
    "Quail Run Unified School District", "Redwood Fork Elementary School District",
    "Saint Brendan Island School District", "Salt Marsh Union School District",
    "Sierra Perdida Unified School District", "Tern Harbor School District",
    "Willow Slough Joint Unified School District",
)  # fmt: skip

CARERS = (
    "Ashmere Community Health Trust", "Birkrigg Hospice", "Blackwater Tarn Surgery", "Brackenthwaite Health Centre",
    "Caldermoor Mental Health Trust", "Coldbeck Cottage Hospital", "Crosslands and Ullmoor Ambulance Trust",
    "Dunmere Children's Hospital Trust", "Eskdale Bridge Medical Practice", "Fellfoot Dental Access Centre",
    "Grassmoor Rehabilitation Unit", "Harter Lane Surgery", "Ings Road Health Centre", "Kelder Valley Hospice",
    "Kirkholme District Nursing Service", "Langmere Women's Hospital Trust", "Lowick Green Medical Practice",
    "Meresyke Community Hospital", "Netherbeck Walk-in Centre", "Northern Lakes Blood and Transplant Service",
    "Orrest Head Physiotherapy", "Ravenmere Partnership Trust", "Rydalwater Surgery", "St Brannoc's Hospice",
    "St Oswin Eye Hospital", "Stavely Moor Health Centre", "Thornmere Learning Disability Trust",
    "Troutbeck Lane Surgery", "Wastmere General Hospital Trust", "Yewbarrow Medical Practice",
)  # fmt: skip

TOWNS_OF_DISTRICTS = ("Mirasol", "Pelican Bay", "Alder Creek", "Tern Harbor", "Las Sauces", "Quail Run", "Fogarty")
TOWNS_OF_CARERS = ("Langmere", "Kirkholme", "Ullmoor", "Ashmere", "Lowick Green", "Troutbeck Lane", "Wastmere")

CLOSED = {
    "Stavely Moor Health Centre": "Ings Road Health Centre",
    "Eucalyptus Grove School District": "Golden Oak Charter Academy",
}
FORMER = {
    "Ravenmere Partnership Trust": "Lakeland Mental Health Services Trust",
    "Lighthouse Point Community College District": "Point Arguello Junior College District",
    "Wastmere General Hospital Trust": "Wastmere Infirmary",
}
UNPUBLISHED = 6
"""Every so many small organisations, one has published nothing yet."""

SHORT_WORDS = frozenset({"and", "of", "the", "de", "la", "del", "los"})


@dataclass
class Places:
    """The organisations and regions that were made, by their codes and names."""

    regions: dict[str, Region] = field(default_factory=dict)
    organisations: dict[str, Organisation] = field(default_factory=dict)


def make(now: datetime) -> Places:
    """All of them, with their listings."""
    places = Places()
    for name in (RIVERBEND, COASTAL, LAKES):
        places.regions[name] = Region(name=name, slug=slug_of(name))
    db.session.add_all(places.regions.values())
    _make_large(places, now)
    for number, name in enumerate(DISTRICTS, start=1):
        kind = "County office of education" if "County Office" in name else "School district"
        small = _add(
            places,
            f"5{number:02}30",
            name,
            kind,
            COASTAL,
            "US",
            town=TOWNS_OF_DISTRICTS[number % 7],
            postcode=f"93{number:03}",
            automatic=True,
        )
        _list_small(small, number, now, f"(805) 555-{100 + number:04}")
    for number, name in enumerate(CARERS, start=1):
        small = _add(
            places,
            f"NL{number:02}",
            name,
            _care_kind(name),
            LAKES,
            "GB",
            town=TOWNS_OF_CARERS[number % 7],
            postcode=f"NL{number % 7 + 1} {number % 9 + 1}QD",
            automatic=number % 2 == 0,
        )
        _list_small(small, number, now, f"020 7946 {number:04}")
    by_name = {organisation.name: organisation for organisation in places.organisations.values()}
    for closed, successor in CLOSED.items():
        _close(by_name[closed], by_name[successor], now)
    county = by_name["Pelican Bay County Office of Education"]
    for organisation in places.organisations.values():
        if organisation.kind == "School district":
            organisation.parent, organisation.parent_code = county, county.code
    db.session.flush()
    return places


def _make_large(places: Places, now: datetime) -> None:
    centre = _add(
        places,
        CENTRE,
        "CENTRAL ADMINISTRATION",
        "Central administration",
        None,
        "GB",
        town="London",
        domain="centre.example",
        automatic=True,
    )
    # The one place whose people only see their own records: two of the sign-ins show it.
    centre.own_record_amendable = False
    office = _add(
        places, OFFICE, "COUNTY OFFICE OF EDUCATION", "County office of education", RIVERBEND, "US",
        town="Riverbend", postcode="93901", domain="coe.example", automatic=True,
    )  # fmt: skip
    office.other_names.append(_name("alternative", "Riverbend County Office of Education"))
    trust = _add(
        places, TRUST, "Harrowmere University Hospitals Trust", "Hospital trust", RIVERBEND, "GB",
        town="Harrowmere", postcode="HM4 2QX", domain="harrowmere.example",
    )  # fmt: skip
    trust.other_names.append(_name("former", "Harrowmere and Saltby Infirmaries Trust"))
    _publish(
        office, now - timedelta(days=12),
        "Please have your employee number ready when you call. We never ask for your password.",
        "Monday to Friday, 7:30 am to 5 pm",
        ("Human resources systems desk", "(831) 555-0142", "hr-systems@coe.example"),
        ("Payroll help line", "(831) 555-0177", "payroll-help@coe.example"),
    )  # fmt: skip
    _publish(
        trust, now - timedelta(days=31),
        "At night and at weekends the switchboard finds the administrator on call.\n"
        "From outside the hospitals' network you need internet access: ask for it on the ward computer first.",
        "Every day, 07:00 to 21:00",
        ("Workforce systems desk", "0113 496 0140", "workforce.systems@harrowmere.example"),
        ("Switchboard (out of hours)", "0113 496 0100", ""),
    )  # fmt: skip


def _add(
    places: Places, code: str, name: str, kind: str, region: str | None, country: str, *,
    town: str, postcode: str = "", domain: str = "", automatic: bool = False,
) -> Organisation:  # fmt: skip
    made = Organisation(
        code=code, code_folded=code.casefold(), code_bare=code_prefix(code),
        name=name, name_folded=fold(name), initial=initial_of(name), kind=kind,
        country=country, town=town, postcode=postcode, region=places.regions[region] if region else None,
        automatic_internet_access=automatic,
    )  # fmt: skip
    made.domains = [OrganisationDomain(domain=domain or f"{slug_of(name)}.example")]
    made.other_names = [_name("acronym", _acronym(name))]
    if name in FORMER:
        made.other_names.append(_name("former", FORMER[name]))
    db.session.add(made)
    places.organisations[code] = made
    return made


def _name(kind: str, name: str) -> OrganisationName:
    return OrganisationName(kind=kind, name=name, name_folded=fold(name))


def _acronym(name: str) -> str:
    return "".join(word[0] for word in name.split() if word.lower() not in SHORT_WORDS).upper()


def _care_kind(name: str) -> str:
    kinds = {
        "Trust": "Hospital trust",
        "Hospice": "Hospice",
        "Surgery": "Medical practice",
        "Practice": "Medical practice",
    }
    return next((kind for word, kind in kinds.items() if name.endswith(word)), "Community health")


def _list_small(organisation: Organisation, number: int, now: datetime, phone: str) -> None:
    if number % UNPUBLISHED == 0:
        return
    desk = (
        "Staff office" if organisation.country == "GB" else "District office",
        phone,
        f"access@{organisation.domains[0].domain}",
    )
    hours = "Monday to Friday, 09:00 to 16:30" if organisation.country == "GB" else "Monday to Friday, 8 am to 4 pm"
    _publish(organisation, now - timedelta(days=5 + number * 6), "", hours, desk)


def _publish(
    organisation: Organisation, checked_at: datetime, message: str, hours: str, *desks: tuple[str, str, str]
) -> None:
    listing = Listing(organisation=organisation, message=message, hours=hours, checked_at=checked_at)
    listing.contacts = [
        ListingContact(position=position, name=name, phone=phone, email=email)
        for position, (name, phone, email) in enumerate(desks, start=1)
    ]
    db.session.add(listing)


def _close(organisation: Organisation, successor: Organisation, now: datetime) -> None:
    organisation.status = "closed"
    organisation.closed_on = (now - timedelta(days=200)).date()
    organisation.successor, organisation.successor_code = successor, successor.code
