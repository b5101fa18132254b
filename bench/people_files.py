"""Exports and imports of many people: time and peak memory, beside openpyxl and a plain loop over the ORM.

    .venv/bin/python bench/people_files.py [--people 100000] [--database sqlite|postgresql://…]

Each way runs in a process of its own, so that its peak is its own. openpyxl is measured where it is installed.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import func, select

from bench.contacts_list import CODE, add_organisation
from bench.installation import installation
from portal import create_app
from portal.domain.contact_details import ContactDetails
from portal.domain.people_files import COLUMNS
from portal.extensions import db
from portal.models import Organisation, Person
from portal.services import contact_export, contacts, organisations, people_file_import, workbooks
from portal.services.contact_filters import Wanted
from portal.transactions import write

EVERYBODY = Wanted(tab="people")
INTO = "42061"


def export_csv(folder: Path) -> None:
    """Ours, as the page sends it."""
    with (folder / "people.csv").open("wb") as file:
        contact_export.write_csv(file, contact_export.rows(organisations.get(CODE), EVERYBODY))


def export_excel(folder: Path) -> None:
    """Ours, as the page sends it."""
    with (folder / "people.xlsx").open("wb") as file:
        workbooks.write(
            file, "Contacts", dict.fromkeys(COLUMNS, 12), contact_export.rows(organisations.get(CODE), EVERYBODY),
            zone=ZoneInfo("Europe/London"), date_format="dd/mm/yyyy hh:mm",
        )  # fmt: skip


def export_openpyxl(folder: Path) -> None:
    """The same rows by openpyxl's write-only workbook."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Contacts")
    sheet.append(COLUMNS)
    for row in contact_export.rows(organisations.get(CODE), EVERYBODY):
        sheet.append([cell.replace(tzinfo=None) if hasattr(cell, "tzinfo") else cell for cell in row])
    book.save(folder / "openpyxl.xlsx")


def export_orm(folder: Path) -> None:
    """A plain loop over the ORM's objects into CSV."""
    people = select(Person).join(Person.organisation).where(Organisation.code == CODE).order_by(Person.sort_name)
    with (folder / "orm.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for person in db.session.scalars(people):
            details = contacts.details_of(person)
            cells = [getattr(details, name) for name in ContactDetails.__dataclass_fields__]
            writer.writerow([person.ess_id, person.account.username, *cells, person.account.state.value])


def import_ours(folder: Path, kind: str) -> None:
    """The command's way: the file read and checked whole, then applied in batches."""
    with (folder / f"new.{kind}").open("rb") as file:
        done = people_file_import.run(organisations.get(INTO), file, "new", dry_run=False, advance=lambda _: None)
    assert not done.rows["refused"], done.faults[:3]


def import_csv(folder: Path) -> None:
    import_ours(folder, "csv")


def import_excel(folder: Path) -> None:
    import_ours(folder, "xlsx")


def import_orm(folder: Path) -> None:
    """A plain loop that creates one contact after the other, each in a transaction of its own, and checks nothing."""
    with (folder / "new.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            with write():
                details = ContactDetails(row["first_name"], row["last_name"], primary_email=row["primary_email"])
                contacts.create(organisations.get(INTO), details, None, allow_duplicate=True)


WAYS = {
    "export CSV": export_csv,
    "export Excel": export_excel,
    "export openpyxl": export_openpyxl,
    "export ORM, CSV": export_orm,
    "import CSV": import_csv,
    "import Excel": import_excel,
    "import ORM, CSV": import_orm,
}


def one(way: str, folder: Path) -> None:
    """Run one way, and say what it took."""
    app = create_app()
    with app.app_context():
        db.session.scalar(select(func.count()).select_from(Organisation))
        before = peak()
        began = time.perf_counter()
        WAYS[way](folder)
        took = time.perf_counter() - began
        most = peak()
    more = most - before
    print(f"{way:<18} {took:8.1f} s, peak {most:6.0f} MB, of which {more:6.0f} MB more than at rest", flush=True)


def peak() -> float:
    """The most memory that this process has had, in megabytes; getrusage would count its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def write_new(folder: Path, count: int) -> None:
    """People who are not there yet, as CSV and as a workbook."""
    head = ["first_name", "last_name", "primary_email", "job_title", "types", "mobile_phone"]

    def row(prefix: str, number: int) -> list[Any]:
        return ["Nia", f"New{number}", f"{prefix}{number}@new.example", "Clerk", "admin", "(831) 555-0100"]

    with (folder / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *(row("c", number) for number in range(count))])
    with (folder / "new.xlsx").open("wb") as file:
        workbooks.write(file, "People", dict.fromkeys(head, 12), (row("x", number) for number in range(count)),
                        zone=ZoneInfo("UTC"), date_format="dd/mm/yyyy")  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database", default="sqlite")
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--way", choices=WAYS)
    options.add_argument("--folder", type=Path)
    chosen = options.parse_args()
    if chosen.way:
        one(chosen.way, chosen.folder)
        return
    with installation(chosen.database) as here, tempfile.TemporaryDirectory() as folder:
        here.fill(1)
        add_organisation(here, chosen.people)
        write_new(Path(folder), chosen.people)
        print(f"{chosen.people:,} people, {chosen.database.partition(':')[0]}\n", flush=True)
        for way in WAYS:
            if (
                way == "export openpyxl"
                and subprocess.run(
                    [sys.executable, "-c", "import openpyxl"], capture_output=True, check=False
                ).returncode
            ):
                print(f"{way:<18} is not installed: left out")
                continue
            subprocess.run([sys.executable, __file__, "--way", way, "--folder", folder], check=True)


if __name__ == "__main__":
    main()
