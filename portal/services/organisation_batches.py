"""A batch of organisation rows against what is known: what each would do, and the writing of it.

The number of queries does not grow with the rows of a batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import aliased

from portal.domain.organisation_files import OrganisationRow
from portal.domain.search_terms import fold, initial_of
from portal.domain.usernames import code_prefix
from portal.extensions import db
from portal.models import Organisation, OrganisationDomain, OrganisationName
from portal.services import regions
from portal.transactions import begin_write

ONE_IMPORT_AT_A_TIME = 4_711_001
"""The number of PostgreSQL's advisory lock, so that two imports do not both add the same code."""

MOST_IN_ONE_DELETE = 1000
LINKED_AT_ONCE = 500
NOT_MADE_YET = -1
FORMER = "former"

_COMPARED = (
    Organisation.id, Organisation.code_folded, Organisation.name, Organisation.kind, Organisation.country,
    Organisation.town, Organisation.postcode, Organisation.status, Organisation.opened_on, Organisation.closed_on,
    Organisation.region_id, Organisation.parent_code, Organisation.successor_code,
)  # fmt: skip
_LINKS = {"parent_code": "parent_id", "successor_code": "successor_id"}
_UNSAID: dict[str, Any] = {
    "kind": "", "country": "", "region_id": None, "town": "", "postcode": "", "status": "active", "opened_on": None,
    "closed_on": None, "parent_code": "", "successor_code": "",
}  # fmt: skip


class Outcome(StrEnum):
    """What became of a row; CLOSED is a change that closes, whatever else it changes."""

    ADDED = "added"
    CHANGED = "changed"
    CLOSED = "closed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    LEFT_OUT = "left out"


@dataclass
class Known:
    """What the database holds about the rows of a batch: organisations by code; names and domains by id."""

    organisations: dict[str, Any]
    names: dict[int, dict[tuple[str, str], int]]
    domains: dict[int, dict[str, int]]
    regions: dict[str, int]


@dataclass
class Plan:
    """What is to be written. Names and domains of new organisations go by their code until there is an id."""

    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    names: list[tuple[str | int, str, str]] = field(default_factory=list)
    domains: list[tuple[str | int, str]] = field(default_factory=list)
    names_gone: list[int] = field(default_factory=list)
    domains_gone: list[int] = field(default_factory=list)


def compare(rows: list[OrganisationRow]) -> list[tuple[int, Outcome]]:
    """What these rows would do, by line; nothing is written, and nobody who writes is kept waiting."""
    return _plan(rows, _look_up(rows, held=False)).outcomes


def write(rows: list[OrganisationRow]) -> list[tuple[int, Outcome]]:
    """Add and change organisations as these rows say; what each did, by line."""
    begin_write()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(ONE_IMPORT_AT_A_TIME)))
    known = _look_up(rows, held=True)
    missing = [name for name in _region_names(rows) if name not in known.regions]
    known.regions.update(regions.make(missing))
    plan = _plan(rows, known)
    _write(plan)
    return plan.outcomes


def unknown_codes(codes: Iterable[str]) -> set[str]:
    """Those of these folded codes that no organisation has."""
    wanted = set(codes)
    if not wanted:
        return wanted
    return wanted - set(
        db.session.scalars(select(Organisation.code_folded).where(Organisation.code_folded.in_(wanted)))
    )


def not_linked_yet() -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Parents and successors that are there by now and were not when their codes were written, a batch at a time.

    Each batch has the column that links, and pairs of the organisation's id and the other's.
    """
    for code, linked in (("parent_code", "parent_id"), ("successor_code", "successor_id")):
        other, after = aliased(Organisation), 0
        pairs = (
            select(Organisation.id, other.id)
            .join(other, other.code_folded == func.lower(getattr(Organisation, code)))
            .where(getattr(Organisation, linked).is_(None), getattr(Organisation, code) != "")
            .order_by(Organisation.id)
            .limit(LINKED_AT_ONCE)
        )
        while found := [(row[0], row[1]) for row in db.session.execute(pairs.where(Organisation.id > after))]:
            after = found[-1][0]
            yield linked, found


def link(batch: tuple[str, list[tuple[int, int]]]) -> None:
    """Link a batch of organisations with their parents or successors."""
    begin_write()
    linked, pairs = batch
    db.session.execute(update(Organisation), [{"id": whose, linked: other} for whose, other in pairs])


def _region_names(rows: list[OrganisationRow]) -> dict[str, None]:
    return dict.fromkeys(row.region for row in rows if row.region)


def _look_up(rows: list[OrganisationRow], *, held: bool) -> Known:
    codes = [row.code.casefold() for row in rows]
    known_ones = select(*_COMPARED).where(Organisation.code_folded.in_(codes)).order_by(Organisation.id)
    found = db.session.execute(known_ones.with_for_update(key_share=True) if held else known_ones)
    known = Known({row.code_folded: row for row in found}, {}, {}, regions.known(set(_region_names(rows))))
    ids = [row.id for row in known.organisations.values()]
    name, domain = OrganisationName, OrganisationDomain
    names = select(name.organisation_id, name.kind, name.name, name.id).where(name.organisation_id.in_(ids))
    for whose, kind, text, number in db.session.execute(names):
        known.names.setdefault(whose, {})[kind, text] = number
    domains = select(domain.organisation_id, domain.domain, domain.id).where(domain.organisation_id.in_(ids))
    for whose, text, number in db.session.execute(domains):
        known.domains.setdefault(whose, {})[text] = number
    return known


def _plan(rows: list[OrganisationRow], known: Known) -> Plan:
    plan = Plan()
    for row in rows:
        said: dict[str, Any] = dict(row.columns)
        if row.region is not None:
            said["region_id"] = known.regions.get(row.region, NOT_MADE_YET) if row.region else None
        before = known.organisations.get(row.code.casefold())
        outcome = _plan_new(plan, row, said) if before is None else _plan_known(plan, row, said, before, known)
        plan.outcomes.append((row.line, outcome))
    return plan


def _plan_new(plan: Plan, row: OrganisationRow, said: dict[str, Any]) -> Outcome:
    folded = row.code.casefold()
    codes = {"code": row.code, "code_folded": folded, "code_bare": code_prefix(row.code)}
    plan.added.append({**_UNSAID, **codes, **_with_look_ups(said)})
    for kind, names in row.names.items():
        plan.names += [(folded, kind, name) for name in names if (kind, name) != (FORMER, said["name"])]
    plan.domains += [(folded, domain) for domain in row.domains or ()]
    return Outcome.ADDED


def _plan_known(plan: Plan, row: OrganisationRow, said: dict[str, Any], before: Any, known: Known) -> Outcome:
    changes = {column: value for column, value in said.items() if getattr(before, column) != value}
    for column in _LINKS.keys() & changes.keys():
        changes[_LINKS[column]] = None
    names = known.names.get(before.id, {})
    names_added, names_gone = _names_to_change(row, before.name, names)
    domains = known.domains.get(before.id, {})
    wanted = domains.keys() if row.domains is None else set(row.domains)
    domains_added, domains_gone = wanted - domains.keys(), domains.keys() - wanted
    if changes:
        plan.changed.append({"id": before.id, **_with_look_ups(changes)})
    plan.names += [(before.id, kind, name) for kind, name in sorted(names_added)]
    plan.names_gone += [names[gone] for gone in names_gone]
    plan.domains += [(before.id, domain) for domain in sorted(domains_added)]
    plan.domains_gone += [domains[gone] for gone in domains_gone]
    if changes.get("status") == "closed":
        return Outcome.CLOSED
    return (
        Outcome.CHANGED if changes or names_added or names_gone or domains_added or domains_gone else Outcome.UNCHANGED
    )


def _names_to_change(
    row: OrganisationRow, old_name: str, names: dict[tuple[str, str], int]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The other names to add and to take away.

    Former names only grow, because what a file does not list was still the organisation's name, and the name that
    a change replaces joins them; a name that is the present one again leaves them.
    """
    new_name = str(row.columns["name"])
    wanted = {(kind, name) for kind, said in row.names.items() for name in said}
    if old_name != new_name and fold(old_name) != fold(new_name):
        wanted.add((FORMER, old_name))
    wanted.discard((FORMER, new_name))
    replaced = {key for key in names if key[0] in row.names and key[0] != FORMER}
    gone = (replaced - wanted) | ({(FORMER, new_name)} & names.keys())
    return wanted - names.keys(), gone


def _with_look_ups(columns: dict[str, Any]) -> dict[str, Any]:
    if "name" not in columns:
        return columns
    return {**columns, "name_folded": fold(columns["name"]), "initial": initial_of(columns["name"])}


def _write(plan: Plan) -> None:
    ids: dict[str | int, int] = {}
    if plan.added:
        added = insert(Organisation).returning(Organisation.code_folded, Organisation.id)
        ids.update((code, number) for code, number in db.session.execute(added, plan.added))
    if plan.changed:
        db.session.execute(update(Organisation), plan.changed)
    for table, gone in ((OrganisationName, plan.names_gone), (OrganisationDomain, plan.domains_gone)):
        for start in range(0, len(gone), MOST_IN_ONE_DELETE):
            part = gone[start : start + MOST_IN_ONE_DELETE]
            db.session.execute(delete(table).where(table.id.in_(part)).execution_options(synchronize_session=False))
    if plan.names:
        names = [
            {"organisation_id": ids.get(whose, whose), "kind": kind, "name": name, "name_folded": fold(name)}
            for whose, kind, name in plan.names
        ]
        db.session.execute(insert(OrganisationName), names)
    if plan.domains:
        domains = [{"organisation_id": ids.get(whose, whose), "domain": domain} for whose, domain in plan.domains]
        db.session.execute(insert(OrganisationDomain), domains)
