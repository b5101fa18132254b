"""Filling an empty database with the demonstration, in one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import func, select

from portal import clock
from portal.domain.roles import Role
from portal.extensions import db
from portal.models import Account, AuditEntry, Counter, Organisation, Person, RoleGrant, Session
from portal.services import accounts, outbox, passwords, sequences
from portal.services.demonstration import histories, organisations, past, people
from portal.services.demonstration import office as county
from portal.services.demonstration.office import Told
from portal.services.demonstration.organisations import CENTRE, COASTAL, LAKES, OFFICE, RIVERBEND, TRUST, Places
from portal.services.demonstration.people import Member, SignIn, Usernames
from portal.services.demonstration.staff import Chance
from portal.services.sessions import SignedIn

TRUST_STAFF = 12_000
LAST_ESS_ID_OF_OFFICE = 3000
SMALL_STAFF = (4, 12)
EMPLOYEE = "employee"

KNOWN = {
    "bruno": county.BRUNO,
    "katie": county.KATIE,
    "administrator": county.ADMINISTRATOR,
    "operator": county.OPERATOR,
    "employee": county.EMPLOYEE,
}
"""Whose passwords at the office are known, by their ESS IDs."""

Office = dict[int, Told]

WITHOUT_ADMINISTRATOR = 9
"""Every so many small organisations, one has no administrator."""


@dataclass(frozen=True)
class Prepared:
    """Passwords, and their hashes: slow to make, so made before the database is held."""

    passwords: dict[str, str]
    hashes: dict[str, str]


def prepare() -> Prepared:
    """A new password for everybody who can sign in, and one that nobody knows for all the others."""
    who = (*KNOWN, "regional", "central", "nobody")
    made = {name: people.new_password() for name in who}
    return Prepared(made, {name: passwords.hash_of(password) for name, password in made.items()})


def fill(prepared: Prepared) -> tuple[list[SignIn], list[SignIn]]:
    """Everything; answers the sign-ins of the roles, and those of contacts whose password is known."""
    now = clock.now()
    places = organisations.make(now)
    db.session.add(Counter(name=sequences.ESS_ID, value=LAST_ESS_ID_OF_OFFICE))
    db.session.flush()
    usernames = Usernames()
    by_name = prepared.hashes
    known = {ess_id: by_name[who] for who, ess_id in KNOWN.items()}
    office = county.make(now, known, by_name["nobody"])
    at_office = places.organisations[OFFICE]
    people.add(at_office, [told.member for told in office.values()], usernames, now - timedelta(days=910))
    central, regional = _add_centre(places, prepared, usernames)
    chance = Chance(now, by_name["nobody"])
    _add_trust(places.organisations[TRUST], chance, usernames)
    _add_small(places, chance, usernames)
    usernames.keep()
    _grant_at_office(office, at_office)
    _write_past(office, at_office)
    _act(office)

    def sign_in(role: str, member: Member, organisation: Organisation, password: str) -> SignIn:
        account = db.session.get_one(Account, member.account_id)
        name, secret = f"{member.first_name} {member.last_name}", prepared.passwords[password]
        return SignIn(role, name, organisation.name, account.username or "", secret, account.credential_version)

    centre = places.organisations[CENTRE]
    return [
        sign_in(EMPLOYEE, office[county.EMPLOYEE].member, at_office, "employee"),
        sign_in(Role.PASSWORD_RESET_OPERATOR, office[county.OPERATOR].member, at_office, "operator"),
        sign_in(Role.LOCAL_ADMINISTRATOR, office[county.ADMINISTRATOR].member, at_office, "administrator"),
        sign_in(Role.REGIONAL_ACCOUNT_MANAGER, regional, centre, "regional"),
        sign_in(Role.CENTRAL_ADMINISTRATOR, central, centre, "central"),
    ], [
        sign_in(EMPLOYEE, office[county.BRUNO].member, at_office, "bruno"),
        sign_in(EMPLOYEE, office[county.KATIE].member, at_office, "katie"),
    ]


def counts() -> tuple[int, int]:
    """How many organisations and people there are."""
    return (
        db.session.scalars(select(func.count()).select_from(Organisation)).one(),
        db.session.scalars(select(func.count()).select_from(Person)).one(),
    )


def _add_centre(places: Places, prepared: Prepared, usernames: Usernames) -> tuple[Member, Member]:
    """The central administrator, and a regional account manager for each region."""
    now, nobody = clock.now(), prepared.hashes["nobody"]
    given = (
        ("Adaeze", "Thornbury", "Head of Access Services", prepared.hashes["central"]),
        ("Rhys", "Pemberton", "Account Manager", prepared.hashes["regional"]),
        ("Beatriz", "Calloway", "Account Manager", nobody),
        ("Sunniva", "Dahlgren", "Account Manager", nobody),
    )
    members = []
    for number, (first, last, title, hashed) in enumerate(given):
        history = histories.active(now, hashed, days=800 - number, sign_ins=300 - number, hours_ago=20 + number)
        address = f"{first}.{last}@centre.example".lower()
        members.append(Member(first, last, address, title, (), history.state, account=dict(history.columns)))
    people.add(places.organisations[CENTRE], members, usernames, now - timedelta(days=900))
    _grant(members[0], Role.CENTRAL_ADMINISTRATOR)
    for member, region in zip(members[1:], (RIVERBEND, COASTAL, LAKES), strict=True):
        _grant(member, Role.REGIONAL_ACCOUNT_MANAGER, region_id=places.regions[region].id)
    return members[0], members[1]


def _add_trust(trust: Organisation, chance: Chance, usernames: Usernames) -> None:
    """Twelve thousand staff; six of them are contacts, and two of those administrators."""
    members = list(chance.members(trust, TRUST_STAFF))
    contacts = [chance.in_charge(member) for member in _reachable(members, 6)]
    contacts[2].types, contacts[3].types, contacts[4].types = ("payroll",), ("benefit", "payroll"), ("senior_admin",)
    people.add(trust, members, usernames, chance.now - timedelta(days=1200))
    for member in contacts[:2]:
        _grant(member, Role.LOCAL_ADMINISTRATOR, organisation_id=trust.id)


def _add_small(places: Places, chance: Chance, usernames: Usernames) -> None:
    small = [each for each in places.organisations.values() if each.code not in (OFFICE, TRUST, CENTRE)]
    for number, organisation in enumerate(small, start=1):
        members = list(chance.members(organisation, chance.dice.randint(*SMALL_STAFF)))
        in_charge = [chance.in_charge(member) for member in _reachable(members, 2)]
        people.add(organisation, members, usernames, chance.now - timedelta(days=500 + number))
        if number % WITHOUT_ADMINISTRATOR:
            for member in in_charge:
                _grant(member, Role.LOCAL_ADMINISTRATOR, organisation_id=organisation.id)


def _reachable(members: list[Member], count: int) -> list[Member]:
    return [member for member in members if member.email][:count]


def _grant(member: Member, role: Role, *, organisation_id: int | None = None, region_id: int | None = None) -> None:
    granted_at = clock.now() - timedelta(days=180)
    db.session.add(
        RoleGrant(
            account_id=member.account_id,
            role=role,
            organisation_id=organisation_id,
            region_id=region_id,
            granted_at=granted_at,
        )
    )


def _grant_at_office(office: Office, at_office: Organisation) -> None:
    for told in (office[county.ADMINISTRATOR], office[county.SECOND_ADMINISTRATOR]):
        _grant(told.member, Role.LOCAL_ADMINISTRATOR, organisation_id=at_office.id)
    _grant(office[county.OPERATOR].member, Role.PASSWORD_RESET_OPERATOR, organisation_id=at_office.id)
    db.session.flush()


def _write_past(office: Office, at_office: Organisation) -> None:
    known = select(Account.id, Account.username).join(Account.person).where(Person.organisation_id == at_office.id)
    usernames = {row.id: row.username for row in db.session.execute(known)}
    past.write(at_office.id, list(office.values()), office[county.ADMINISTRATOR].member.account_id, usernames)
    past.write_mails(list(office.values()), urlsplit(current_app.config["BASE_URL"]).hostname or "localhost")
    db.session.flush()


def _act(office: Office) -> None:
    """What happens today, by the real verbs: their mails wait in the outbox, and what they carry works."""
    administrator = SignedIn(session=Session(account=_account(office[county.ADMINISTRATOR])), token="")
    accounts.register(_account(office[county.TO_REGISTER]), administrator)
    accounts.unlock(_account(office[county.TO_UNLOCK]), administrator)
    katie = _account(office[county.KATIE])
    lock = select(AuditEntry.id).where(
        AuditEntry.person_id == katie.person_id, AuditEntry.event == "account:lock:locked"
    )
    for row in outbox.queue("locked", account=katie, entry=db.session.scalars(lock).one(), zone="internet"):
        row.created_at = row.due_at = clock.now() - timedelta(minutes=county.LOCKED_MINUTES_AGO)


def _account(told: Told) -> Account:
    return db.session.scalars(select(Account).where(Account.id == told.member.account_id)).one()
