"""How long the contacts list of one very large organisation takes: pages, sorts, filters, searches.

    .venv/bin/python bench/contacts_list.py [--database sqlite|postgresql://…] [--people 1000000] [--times 20]

Beside it stands the same screen of an organisation with eleven contacts, which is little more than rendering. The
names come from a seed, so that every run finds the same people.
"""

import argparse
import random
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Table, delete, insert, select, text

from bench import load
from bench.installation import Installation, installation
from bench.sign_in import session_of
from portal import clock
from portal.domain import record_terms
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Organisation, OrganisationName, Person, PersonContactType
from portal.transactions import write

BATCH = 10_000
CODE = "LARGE"
SYLLABLES = ("an", "ber", "cor", "dan", "el", "far", "gre", "hol", "is", "jo", "kat", "lin", "mor", "nor", "ol", "pri")
STATES = [state for state, share in (
    (AccountState.ACTIVE, 80), (AccountState.NOT_REGISTERED, 12), (AccountState.INACTIVE, 4),
    (AccountState.REGISTRATION_PENDING, 2), (AccountState.UNLOCK_PENDING, 1), (AccountState.LOCKED, 1),
) for _ in range(share)]  # fmt: skip
QUESTIONS = {
    "first page": "",
    "all people": "tab=people",
    "page 50,000": "tab=people&page=50000",
    **{f"sort {name}": f"tab=people&sort={name}" for name in (
        "-last_name", "status", "primary_email", "types", "primary_phone", "state", "last_sign_in", "-last_sign_in"
    )},
    "filter type": "type=tpa",
    "filter status": "tab=people&status=inactive",
    **{f"filter {state}": f"tab=people&state={state}" for state in (
        "active", "locked", "registration-expired", "expires-today", "no-usable-email", "holds-role"
    )},
    "locked, by sign-in": "tab=people&state=locked&sort=-last_sign_in",
    "search finding 3": "tab=people&q=zzyzx",
    "search finding many": "tab=people&q=katjo",
    "search for a phone": "tab=people&q=01603+555+0142",
}  # fmt: skip


def add_organisation(here: Installation, count: int) -> None:
    """One more organisation, with ``count`` people, a tenth of them contacts."""
    chance = random.Random(20261127)
    with here.app.app_context():
        with write():
            model = db.session.scalars(select(Organisation).where(Organisation.code == "42061")).one()
            table = Organisation.__table__
            row = dict(db.session.execute(select(table).where(table.c.id == model.id)).mappings().one())
            named = {
                "code": CODE,
                "code_folded": "large",
                "code_bare": "large",
                "name": "LARGE",
                "name_folded": "large",
            }
            db.session.execute(insert(table), {**row, "id": 900_000, **named})
            db.session.execute(delete(OrganisationName).where(OrganisationName.organisation_id == 900_000))
        models = [_row(Person.__table__), _row(Account.__table__)]
        for first in range(1_000_000, 1_000_000 + count, BATCH):
            _add_batch(range(first, min(first + BATCH, 1_000_000 + count)), models, chance)
        _settle()
        db.session.remove()
        db.engine.dispose()


def _settle() -> None:
    """What PostgreSQL's autovacuum does by itself soon after. SQLite has no statistics, and needs none."""
    if db.engine.dialect.name == "sqlite":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _row(table: Table) -> dict[str, Any]:
    return dict(db.session.execute(select(table).order_by(table.c.id).limit(1)).mappings().one())


def _name(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=3)).capitalize()


def _add_batch(numbers: range, models: list[dict[str, Any]], chance: random.Random) -> None:
    now, people, accounts, types = clock.now(), [], [], []
    for n in numbers:
        first, last = _name(chance), "Zzyzx" if n % 400_000 == 7 else _name(chance)
        email, phone = f"{first}.{last}{n}@large.example".lower(), f"01603 5{n % 100_000:05}"
        is_contact = n % 10 == 0
        held = ["tpa"] if n % 1000 == 0 else ["payroll"] if is_contact else []
        people.append({
            **models[0], "id": n, "ess_id": n, "organisation_id": 900_000, "first_name": first, "last_name": last,
            "primary_email": email, "primary_email_folded": email, "primary_phone": phone, "is_contact": is_contact,
            "has_no_email": False, "email_is_temporary": n % 50 == 0, "sorted_types": " ".join(held),
            "sort_name": record_terms.sort_name(first, "", last),
            "search_text": record_terms.search_text((first, last), [email], [str(n)], [phone]),
        })  # fmt: skip
        state = chance.choice(STATES)
        seen = now - timedelta(minutes=chance.randrange(500_000)) if state is AccountState.ACTIVE else None
        until = now + timedelta(hours=chance.randrange(-24, 24))
        accounts.append({
            **{name: value for name, value in models[1].items() if name not in ("state_order", "sorted_sign_in_at")},
            "id": n, "person_id": n, "organisation_id": 900_000, "state": state, "username": None,
            "last_sign_in_at": seen, "unlock_expires_at": until if state is AccountState.UNLOCK_PENDING else None,
            "temporary_password_expires_at": until, "temporary_password_issue": "x",
        })  # fmt: skip
        types += [{"person_id": n, "organisation_id": 900_000, "contact_type": name} for name in held]
    with write():
        for kind, rows in ((Person, people), (Account, accounts), (PersonContactType, types)):
            db.session.execute(insert(kind.__table__), rows)


def milliseconds(port: int, path: str, cookie: str, times: int) -> list[float]:
    """What each of some requests for one page took."""
    connection, found = load.Connection(port), []
    for _ in range(times + 1):
        began = time.perf_counter()
        status, _head, _body = connection.ask(load.get(path, cookie))
        found.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise SystemExit(f"{path}: {status}")
    connection.socket.close()
    return sorted(found[1:])


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database", default="sqlite")
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--times", type=int, default=20)
    chosen = options.parse_args()
    with installation(chosen.database) as here:
        here.fill(1)
        began = time.perf_counter()
        add_organisation(here, chosen.people)
        print(f"{chosen.people:,} people in {time.perf_counter() - began:.0f} s\n")
        here.start("web", "serve", "--port", str(here.port))
        here.wait_for(here.port, "/readyz")
        central = next(entry for entry in here.sign_ins if entry.role == "central_administrator")
        cookie = session_of(here.port, central.username, central.password)
        small = milliseconds(here.port, "/organisations/42061/contacts", cookie, chosen.times)
        print(f"{'eleven contacts':<24} median {statistics.median(small):8.1f} ms")
        for words, query in QUESTIONS.items():
            taken = milliseconds(here.port, f"/organisations/{CODE}/contacts?{query}", cookie, chosen.times)
            late = taken[int(len(taken) * 0.95) - 1]
            print(f"{words:<24} median {statistics.median(taken):8.1f} ms, 95 % within {late:8.1f} ms")


if __name__ == "__main__":
    main()
