"""Web servers side by side on one bare view: granian behind the gateway, granian's own WSGI side, gunicorn.

    .venv/bin/python bench/servers.py [--seconds 5]

gunicorn is no dependency: it takes part where it is installed (pip install gunicorn).
"""

import argparse
import importlib.util
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import load
from bench.installation import ROOT, free_port

THREADS = "4"


def commands(port: str) -> dict[str, list[str]]:
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--blocking-threads", THREADS, "--port", port]
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", THREADS, "-b", f"127.0.0.1:{port}"]
    found = {
        "granian, gateway": [sys.executable, "bench/bare_view.py", port],
        "granian, its WSGI": [*granian, "--factory", "bench.bare_view:application"],
    }
    if importlib.util.find_spec("gunicorn"):
        found["gunicorn gthread"] = [*gunicorn, "bench.bare_view:application()"]
    return found


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=5)
    seconds = options.parse_args().seconds
    for name in commands("0"):
        port = free_port()
        command = commands(str(port))[name]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            load.measure(port, [load.get("/")], 200, 1)
            rate = load.measure(port, [load.get("/")], 200, seconds, connections=8)
            print(f"{name:<20} {rate.per_second:8.0f} a second; {rate.words}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError):
            load.Connection(port).socket.close()
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers on port {port}")


if __name__ == "__main__":
    main()
