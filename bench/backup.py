"""A backup of a large embedded database, beside a bare copy of it; and what visitors notice meanwhile.

.venv/bin/python bench/backup.py [--people 200000] [--seconds 5]
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy import Table, insert, select

from bench import load
from bench.installation import Installation, installation
from portal.extensions import db, sqlite_module
from portal.models import Account, Person
from portal.transactions import write

BATCH = 10_000


def add_people(here: Installation, count: int) -> None:
    """Copies of one person, with accounts, until there are so many."""
    with here.app.app_context():
        people, accounts = (kind.__table__ for kind in (Person, Account))
        model = _row(people, db.session.scalars(select(Person.id).order_by(Person.id.desc())).first())
        account = _row(accounts, db.session.scalars(select(Account.id).where(Account.username.is_(None))).first())
        for first in range(1_000_000, 1_000_000 + count, BATCH):
            numbers = range(first, min(first + BATCH, 1_000_000 + count))
            with write():
                db.session.execute(insert(people), [{**model, "id": n, "ess_id": n} for n in numbers])
                db.session.execute(insert(accounts), [{**account, "id": n, "person_id": n} for n in numbers])
        db.session.remove()
        db.engine.dispose()


def _row(table: Table, number: int) -> dict[str, object]:
    return dict(db.session.execute(select(table).where(table.c.id == number)).mappings().one())


def portal_backup(target: Path) -> tuple[float, int]:
    """Seconds from the start of the command to its end, and the most memory that it had, in kB."""
    command = [sys.executable, "-c", "from portal.commands import main; main()", "backup", str(target)]
    began, most = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            most = max([most, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))])
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit("the backup failed")
    return time.perf_counter() - began, most


def bare_file_copy(source: Path, target: Path) -> float:
    """What ``cp`` takes, written through to the disk; of a database in use it would be worth nothing."""
    began = time.perf_counter()
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - began


def bare_sqlite_copy(source: Path, target: Path) -> float:
    """What the ``.backup`` of SQLite's own shell does: a copy that nobody has checked."""
    began = time.perf_counter()
    live, copy = sqlite_module().connect(str(source)), sqlite_module().connect(str(target))
    live.backup(copy)
    copy.close()
    live.close()
    return time.perf_counter() - began


def visitors(port: int, seconds: float) -> load.Rate:
    return load.measure(port, [load.get("/sign-in")], 200, seconds)


def meanwhile(port: int, seconds: float, target: Path) -> load.Rate:
    """Visitors while one backup after the other is made."""
    over = threading.Event()

    def keep_on() -> None:
        while not over.is_set():
            portal_backup(target)

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        return visitors(port, seconds)
    finally:
        over.set()
        thread.join()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=200_000)
    options.add_argument("--seconds", type=float, default=5)
    chosen = options.parse_args()
    with installation("sqlite") as here:
        here.fill(1)
        add_people(here, chosen.people)
        live, target = here.folder / "portal.sqlite3", here.folder / "backup"
        print(f"{chosen.people:,} people, {live.stat().st_size / 1e6:,.0f} MB\n")
        seconds, most = portal_backup(target)
        print(f"portal backup    {seconds:6.2f} s, checked and written through; {most:,} kB at most")
        for name, copy in (("cp", bare_file_copy), ("sqlite3 .backup", bare_sqlite_copy)):
            print(f"{name:<16} {copy(live, here.folder / 'bare'):6.2f} s")
            (here.folder / "bare").unlink()
        here.start("web", "serve", "--port", str(here.port))
        here.wait_for(here.port, "/readyz")
        visitors(here.port, 1)
        for words, rate in (
            ("alone", visitors(here.port, chosen.seconds)),
            ("during backups", meanwhile(here.port, chosen.seconds, target)),
        ):
            print(f"sign-in page, {words:<15} {rate.per_second:6.0f} a second; {rate.words}")


if __name__ == "__main__":
    main()
