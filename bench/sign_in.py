"""How many people a second get in, next to what the hash alone allows; two pages next to a bare view; weights; memory.

.venv/bin/python bench/sign_in.py [--database sqlite|postgresql://…] [--seconds 10]
"""

import argparse
import gzip
import os
import re
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode, urljoin

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import load
from bench.installation import PASSWORD, Installation, free_port, installation, memory, processor_seconds
from portal.services import passwords

ACCOUNTS = 1000
AIMS = {"sqlite": 0.70, "postgresql": 0.85}


def hashes_a_second(seconds: float) -> float:
    """Bare Argon2id checks with the portal's parameters, on two threads."""
    stored = passwords.HASHER.hash(PASSWORD)
    counts = [0, 0]
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < end:
            passwords.HASHER.verify(stored, PASSWORD)
            counts[number] += 1

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def processor_ms_a_hash() -> float:
    """Processor time of one bare check, which other work on the machine disturbs less than the clock's time."""
    stored = passwords.HASHER.hash(PASSWORD)
    began = time.process_time()
    for _ in range(20):
        passwords.HASHER.verify(stored, PASSWORD)
    return (time.process_time() - began) / 20 * 1000


def form_of(port: int, path: str = "/sign-in", cookie: str = "") -> tuple[str, str]:
    """The cookie of a visitor, or of somebody signed in, and the token of the forms on a page."""
    _status, head, page = load.Connection(port).ask(load.get(path, cookie))
    return _cookie(head), re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page)[1].decode()


def _cookie(head: bytes) -> str:
    return re.findall(rb"(?i)set-cookie: (portal=[^;]+)", head)[-1].decode()


def sign_in_request(port: int, username: str, password: str) -> bytes:
    cookie, token = form_of(port)
    form = {"csrf_token": token, "username": username, "password": password, "next": ""}
    return load.post("/sign-in", urlencode(form).encode(), cookie)


def session_of(port: int, username: str, password: str) -> str:
    """The cookie of somebody who is signed in."""
    status, head, page = load.Connection(port).ask(sign_in_request(port, username, password))
    if status != 303:
        raise SystemExit(f"{username} does not get in: {status} {page[:300]!r}")
    return _cookie(head)


def sign_ins(here: Installation, names: list[str], seconds: float) -> load.Rate:
    cookie, token = form_of(here.port)
    forms = [{"csrf_token": token, "username": name, "password": PASSWORD, "next": ""} for name in names]
    requests = [load.post("/sign-in", urlencode(form).encode(), cookie) for form in forms]
    return load.measure(here.port, requests, 303, seconds)


def weight(port: int, path: str, cookie: str = "") -> tuple[int, int, int]:
    """Bytes of a first visit over the wire: the page, all that it loads, and how many requests that takes."""
    connection = load.Connection(port)
    _status, head, body = connection.ask(load.get(path, cookie, "Accept-Encoding: gzip"))
    page = len(head) + 4 + len(body)
    text = gzip.decompress(body).decode()
    waiting = set(re.findall(r'(?:src|href)="((?:/static/|/brand\.css)[^"]*)"', text))
    seen: set[str] = set()
    total = page
    while waiting:
        address = waiting.pop()
        seen.add(address)
        _status, head, body = connection.ask(load.get(address, cookie, "Accept-Encoding: gzip"))
        total += len(head) + 4 + len(body)
        script = gzip.decompress(body) if b"content-encoding: gzip" in head.lower() else body
        if ".js" in address:
            imported = re.findall(r"""(?:from|import)\s*['"](\.[^'"]+)['"]""", script.decode())
            waiting |= {urljoin(address, module) for module in imported} - seen
    return page, total, len(seen) + 1


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--database", default="sqlite")
    options.add_argument("--seconds", type=float, default=10)
    chosen = options.parse_args()
    kind = "sqlite" if chosen.database == "sqlite" else "postgresql"
    with installation(chosen.database) as here:
        names = here.fill(ACCOUNTS)
        web = here.start("web", "serve", "--port", str(here.port))
        worker = here.start("worker", "worker")
        bare_port = free_port()
        here.start("bare", "bench/bare_view.py", str(bare_port))
        here.wait_for(here.port, "/readyz")
        here.wait_for(bare_port, "/")
        report(here, names, bare_port, kind, chosen.seconds)
        print("\nmemory afterwards, kB       resident  proportional")
        for name, pid in (("web", web), ("worker", worker)):
            for each, resident, proportional in memory(pid):
                print(f"  {name:<8} process {each:<8} {resident:>10,}  {proportional:>10,}")


def report(here: Installation, names: list[str], bare_port: int, kind: str, seconds: float) -> None:
    port = here.port
    print(f"{kind}, {os.cpu_count()} cores, {len(names)} accounts, {seconds:g} seconds each\n")
    sign_ins(here, names[:20], 2)
    before = hashes_a_second(seconds / 2)
    spent = processor_seconds(here.processes["web"].pid)
    signed = sign_ins(here, names, seconds)
    spent = (processor_seconds(here.processes["web"].pid) - spent) / max(1, len(signed.milliseconds))
    after = hashes_a_second(seconds / 2)
    hashes = (before + after) / 2
    hash_ms = processor_ms_a_hash()
    print(f"bare Argon2id hashes  {hashes:8.1f} a second, 2 threads (before {before:.1f}, after {after:.1f})")
    print(f"POST /sign-in         {signed.per_second:8.1f} a second; {signed.words}")
    print(f"processor time        {spent * 1000:8.1f} ms a sign-in in the web server, {hash_ms:.1f} ms a bare hash")
    print(f"ratio                 {signed.per_second / hashes:8.2f} (aim {AIMS[kind]:.2f})\n")
    cookie = session_of(port, here.administrator.username, here.administrator.password)
    screen = "/organisations/42061/contacts"
    bare = load.measure(bare_port, [load.get("/")], 200, seconds / 2)
    print(f"bare Flask view       {bare.per_second:8.0f} a second")
    for name, path, whose in (("sign-in page", "/sign-in", ""), ("maintenance screen", screen, cookie)):
        rate = load.measure(port, [load.get(path, whose)], 200, seconds / 2)
        share = rate.per_second / bare.per_second
        print(f"{name:<21} {rate.per_second:8.0f} a second, {share:.2f} of the bare view; {rate.words}")
    print("\nfirst visit, bytes over the wire    page       all  requests")
    for path, whose in (("/sign-in", ""), ("/find-administrator", ""), (screen, cookie)):
        page, total, count = weight(port, path, whose)
        print(f"  {path:<30} {page:>9,} {total:>9,}  {count}")


if __name__ == "__main__":
    main()
