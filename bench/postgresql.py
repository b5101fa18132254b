"""A PostgreSQL for benchmarks: the one that is named, or a private cluster that is as careful as a real one.

    .venv/bin/python bench/postgresql.py COMMAND …   # runs COMMAND with the server's URL behind it

Without PostgreSQL it says so and runs nothing.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import postgres

CAREFUL = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "1GB"}
"""Nothing is lost in a power cut, and a quarter of a small server's memory, as PostgreSQL's manual advises."""


def main() -> int:
    given = os.environ.get("BENCH_POSTGRESQL")
    if not given and postgres.programs() is None:
        print("PostgreSQL is not installed: nothing is measured on it; BENCH_POSTGRESQL may name a server")
        return 0
    postgres.SETTINGS.update(CAREFUL)
    with postgres.server(given) as url:
        return subprocess.run([*sys.argv[1:], url]).returncode


if __name__ == "__main__":
    sys.exit(main())
