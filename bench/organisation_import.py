"""How fast organisations are imported, next to a plain loop over the ORM, and what memory a larger file takes.

    .venv/bin/python bench/organisation_import.py [FILE]

FILE is a file in the product's own columns; without one, the real ``../shared/data/organisations/ror.csv``. Each figure
is a process of its own with a fresh SQLite database, so that its peak memory is its own. ``--database URL`` measures
another database, which must be empty.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "organisations" / "ror.csv"
PRACTICES = ROOT.parent / "shared" / "data" / "ods" / "epraccur_2019.csv"
TIMES = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=REAL)
    parser.add_argument("--database")
    parser.add_argument("--child", choices=("import", "orm", "start"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if not given.file.exists():
        print(f"{given.file} is not here; name a file in the product's own columns", file=sys.stderr)
        return 1
    if given.child:
        print(json.dumps(measure(given.child, given.file)))
        return 0
    compare(given.file, given.database)
    return 0


def compare(file: Path, database: str | None) -> None:
    """Print the table: one line a measure."""
    print(f"{file.name}, {'SQLite' if database is None else database.split(':')[0]}")
    print(f"{'':34}{'rows':>9}{'seconds':>9}{'rows/s':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        half, tenth, several = (Path(folder) / name for name in ("half.csv", "tenth.csv", "several.csv"))
        write_part(file, half, 0.5)
        write_part(file, tenth, 0.1)
        write_several(file, several, TIMES)
        show("the application, nothing imported", run("start", [file], database)[0])
        show("import, half the file", run("import", [half], database)[0])
        first, again = run("import", [file, file], database)
        show("import, the whole file", first)
        show("import, the whole file again", again)
        if database is None:
            show("plain loop over the ORM, a tenth", run("orm", [tenth], None)[0])
            show(f"import, the file {TIMES} times over", run("import", [several], None)[0])
            if PRACTICES.exists():
                show(f"import, {PRACTICES.name}", run("import", [PRACTICES], None)[0])


def show(what: str, measured: dict[str, Any]) -> None:
    rows, seconds = measured["rows"], measured["seconds"]
    speed = f"{rows / seconds:>9,.0f}" if rows else f"{'':9}"
    print(f"{what:34}{rows:>9,}{seconds:>9.1f}{speed}{measured['peak_mb']:>9.1f}", flush=True)


def run(child: str, files: list[Path], database: str | None) -> list[dict[str, Any]]:
    """Each file in a process of its own, one after the other on one database."""
    with tempfile.TemporaryDirectory() as instance:
        environment = {**os.environ, "PORTAL_INSTANCE_PATH": instance, "PYTHONPATH": str(ROOT)}
        if database:
            environment["PORTAL_SQLALCHEMY_DATABASE_URI"] = database
        migrate = [sys.executable, "-c", "from portal.commands import main; main()", "db", "upgrade"]
        subprocess.run(migrate, env=environment, cwd=ROOT, check=True, capture_output=True)
        command = [sys.executable, __file__, "--child", child]
        outputs = [
            subprocess.run([*command, str(file)], env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
            for file in files
        ]
        return [json.loads(output.stdout.splitlines()[-1]) for output in outputs]


def measure(child: str, file: Path) -> dict[str, Any]:
    """In the process of the measure: its rows, its seconds, and the most memory that it took."""
    from portal import create_app

    app = create_app()
    started = time.perf_counter()
    rows = 0
    if child == "import":
        result = app.test_cli_runner().invoke(args=["organisations", "import", str(file)])
        if result.exit_code:
            raise SystemExit(result.output)
        rows = int(result.stdout.split(": ")[1].split(" ")[0].replace(",", ""))
    elif child == "orm":
        with app.app_context():
            rows = plain_loop(file)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "seconds": seconds, "peak_mb": peak}


def plain_loop(file: Path) -> int:
    """What one would write first: look each row up, make an object, commit at the end."""
    from sqlalchemy import select

    from portal.domain.organisation_files import NAME_KINDS
    from portal.domain.search_terms import fold, initial_of
    from portal.domain.usernames import code_prefix
    from portal.extensions import db
    from portal.models import Organisation, OrganisationDomain, OrganisationName, Region
    from portal.transactions import write

    rows = 0
    with write(), file.open(encoding="utf-8-sig", newline="") as text:
        for row in csv.DictReader(text):
            rows += 1
            folded = row["code"].casefold()
            found = db.session.scalars(select(Organisation).where(Organisation.code_folded == folded)).one_or_none()
            organisation = found or Organisation(
                code=row["code"], code_folded=folded, code_bare=code_prefix(row["code"])
            )
            region = db.session.scalars(select(Region).where(Region.name == row["region"])).one_or_none()
            organisation.region = region or Region(name=row["region"], slug=f"{fold(row['region'])}-{rows}")
            organisation.name, organisation.name_folded = row["name"], fold(row["name"])
            organisation.initial = initial_of(row["name"])
            for column in ("kind", "town", "postcode", "status", "successor_code"):
                setattr(organisation, column, row[column])
            organisation.closed_on = date(2000, 1, 1) if row["status"] == "closed" else None
            organisation.other_names = [
                OrganisationName(kind=kind, name=name, name_folded=fold(name))
                for column, kind in NAME_KINDS.items()
                for name in values(row[column])
            ]
            organisation.domains = [OrganisationDomain(domain=domain) for domain in values(row["email_domains"])]
            db.session.add(organisation)
    return rows


def values(cell: str) -> Iterator[str]:
    return iter(dict.fromkeys(value for value in cell.split(" || ") if value))


def write_part(file: Path, part: Path, share: float) -> None:
    """The first rows of the file."""
    size, taken = file.stat().st_size * share, 0
    with file.open("rb") as whole, part.open("wb") as written:
        for line in whole:
            written.write(line)
            taken += len(line)
            if taken >= size:
                return


def write_several(file: Path, several: Path, times: int) -> None:
    """The file so many times over, with codes that differ."""
    with several.open("w", encoding="utf-8", newline="") as written:
        out = csv.writer(written)
        for number in range(times):
            with file.open(encoding="utf-8-sig", newline="") as text:
                reader = csv.reader(text)
                header = next(reader)
                code = header.index("code")
                if number == 0:
                    out.writerow(header)
                for row in reader:
                    row[code] = f"{row[code]}-{number}"
                    out.writerow(row)


if __name__ == "__main__":
    sys.exit(main())
