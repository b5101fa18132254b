"""Whether memory and files stay as they are while the portal works for an hour; then a crowd, and how soon it is over.

    .venv/bin/python bench/soak.py [--database sqlite|postgresql://…] [--minutes 60] [--crowd 300]

Two visitors at a time do what a day brings: wrong and right sign-ins, recovery, a search, pages, an administrator's
lists, signing out. A line a minute. It ends with 1 when a process has grown by more than GROWTH from the first quarter
of the time to the last, or an answer was not the expected one. ``--crowd`` is how many then ask at once, for a twelfth
of the time.
"""

import argparse
import itertools
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import load
from bench.installation import PASSWORD, Installation, installation, memory
from bench.sign_in import form_of, session_of

ACCOUNTS = 1000
GROWTH = 20 * 1024
"""kB that a process may grow by: its heap's holes, no leak of an hour's work."""
SEARCHES = ("county", "st mary", "hosp", "üniv", "42061", "' OR 1=1", "%%%")


@dataclass
class Tally:
    """What was asked so far, by kind, and what came that should not have."""

    asked: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, status: int, wanted: int) -> None:
        with self.lock:
            self.asked[what] += 1
            if status != wanted:
                self.wrong[f"{what}: {status}"] += 1


def a_day(here: Installation, name: str, number: int, tally: Tally) -> None:
    """Somebody who mistypes, gets in, looks around and leaves; somebody who recovers; and a stranger who guesses."""
    connection = load.Connection(here.port)

    def ask(what: str, request: bytes, wanted: int) -> None:
        status, _head, _body = connection.ask(request)
        tally.note(what, status, wanted)

    cookie, token = form_of(here.port)

    def form(path: str, **fields: str) -> bytes:
        return load.post(path, urlencode({"csrf_token": token, **fields}).encode(), cookie)

    for username in (name, f"nobody{number}"):
        ask("wrong sign-in", form("/sign-in", username=username, password="no such password", next=""), 422)
    ask("recovery", form("/recover", identifier=name, need="password"), 303)
    ask("search", load.get("/find-administrator?" + urlencode({"q": SEARCHES[number % len(SEARCHES)]})), 200)
    theirs = session_of(here.port, name, PASSWORD)
    for path in ("/account", "/account/sessions", "/account/record"):
        ask("account page", load.get(path, theirs), 200)
    theirs, token = form_of(here.port, "/account", theirs)
    ask("sign-out", load.post("/sign-out", urlencode({"csrf_token": token}).encode(), theirs), 303)
    connection.socket.close()


def administer(here: Installation, tally: Tally) -> None:
    """An administrator who looks at lists."""
    cookie = session_of(here.port, here.administrator.username, here.administrator.password)
    connection = load.Connection(here.port)
    for query in ("", "?tab=people&size=100", "?q=contact"):
        status, _head, _body = connection.ask(load.get("/organisations/42061/contacts" + query, cookie))
        tally.note("contact list", status, 200)
    connection.socket.close()


def work(here: Installation, names: list[str], share: int, until: float, tally: Tally) -> None:
    for number, name in zip(itertools.count(share, 2), itertools.cycle(names[share::2])):
        if time.monotonic() >= until:
            return
        a_day(here, name, number, tally)
        if number % 20 == share:
            administer(here, tally)


def sizes(here: Installation) -> dict[str, int]:
    """Resident memory of each process and sizes of the database's files, in kB."""
    found = {}
    for name in ("web", "worker"):
        for number, (_id, resident, _proportional) in enumerate(memory(here.processes[name].pid)):
            found[f"{name} {number}"] = resident
    for file in ("portal.sqlite3", "portal.sqlite3-wal"):
        path = here.folder / file
        if path.exists():
            found[file] = path.stat().st_size // 1024
    return found


def soak(here: Installation, names: list[str], minutes: float) -> bool:
    """Whether all went well."""
    tally, began = Tally(), time.monotonic()
    until = began + minutes * 60
    pool = ThreadPoolExecutor(2)
    visitors = [pool.submit(work, here, names, share, until, tally) for share in range(2)]
    seen = [sizes(here)]
    print("minute   answers  " + "  ".join(f"{name:>18}" for name in seen[0]))
    while time.monotonic() < until:
        time.sleep(min(60.0, max(0.1, until - time.monotonic())))
        seen.append(sizes(here))
        passed = (time.monotonic() - began) / 60
        print(f"{passed:6.1f} {tally.asked.total():9,}  " + "  ".join(f"{size:15,} kB" for size in seen[-1].values()))
        sys.stdout.flush()
    died = [repr(error) for visitor in visitors if (error := visitor.exception(60)) is not None]
    print(
        f"\nasked: {dict(tally.asked)}; unexpected: {dict(tally.wrong) or 'none'}; visitors that died: {died or 'none'}"
    )
    grown = {name: _growth([each[name] for each in seen[1:]]) for name in seen[0] if not name.startswith("portal.")}
    print(f"grown from the first quarter to the last, kB: {grown}, at most {GROWTH:,}")
    return not died and not tally.wrong and max(grown.values()) <= GROWTH


def _growth(samples: list[int]) -> int:
    """From the least of the first quarter to the least of the last: a hash in hand, 19 MiB, is no growth."""
    quarter = max(len(samples) // 4, 1)
    return min(samples[-quarter:]) - min(samples[:quarter])


def crowd(here: Installation, count: int, seconds: float, name: str) -> None:
    """Far more at once than the server takes, each on a new connection, and how soon after it somebody gets in."""
    cookie, token = form_of(here.port)
    fields = {"csrf_token": token, "username": "nobody", "password": "no such password", "next": ""}
    request = load.post("/sign-in", urlencode(fields).encode(), cookie)
    until = time.monotonic() + seconds

    def keep_asking(_one: int) -> Counter[str]:
        answers: Counter[str] = Counter()
        while time.monotonic() < until:
            try:
                connection = load.Connection(here.port)
                status, _head, _body = connection.ask(request)
                connection.socket.close()
                answers[str(status)] += 1
            except OSError as error:
                answers[type(error).__name__] += 1
        return answers

    with ThreadPoolExecutor(count) as pool:
        answers = sum(pool.map(keep_asking, range(count)), Counter())
    over = time.perf_counter()
    session_of(here.port, name, PASSWORD)
    print(f"\n{count} at once for {seconds:.0f} s: {dict(answers)}")
    print(f"somebody is in {time.perf_counter() - over:.2f} s after it; {sizes(here)}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database", default="sqlite")
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--crowd", type=int, default=300)
    chosen = options.parse_args()
    with installation(chosen.database) as here:
        names = here.fill(ACCOUNTS)
        here.start("web", "serve", "--port", str(here.port))
        here.start("worker", "worker")
        here.wait_for(here.port, "/readyz")
        went_well = soak(here, names, chosen.minutes)
        crowd(here, chosen.crowd, chosen.minutes * 5, names[0])
    sys.exit(not went_well)


if __name__ == "__main__":
    main()
