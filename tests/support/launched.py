"""What a started process is given before the product runs in it: a clock of the test's, or a control taken out.

    portal.before = launched.with_clock(file)
    portal.before = launched.WITHOUT_DUMMY_HASH

Only the process that is started so is another one: what stands in ``portal/`` is untouched.
"""

import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from portal import clock
from portal.services import embedded, guesses, passwords

WITHOUT_DUMMY_HASH = "from tests.support import launched; launched.take_dummy_hash_out()"
WITH_CHEAP_HASHES = "from tests.support import launched; launched.make_hashes_cheap()"
WITH_SLOW_COPIES = "from tests.support import launched; launched.dawdle_over_copies()"
WITH_DEADLY_GUESS = "from tests.support import launched; launched.die_over_a_guess()"

DEADLY_GUESS = "GRASPHARD"
"""The same when it is read as a temporary password."""


def with_clock(file: Path) -> str:
    """The process reads the time from ``file``, where ``write_time`` puts it."""
    return f"from tests.support import launched; launched.read_time_from({str(file)!r})"


def with_noted_checks(file: Path) -> str:
    """The process writes down each stored hash that a guess is checked against, a line each."""
    return f"from tests.support import launched; launched.note_checks_in({str(file)!r})"


def write_time(file: Path, moment: datetime) -> None:
    """What time it is from now on, in every process that reads it."""
    draft = file.with_suffix(".draft")
    draft.write_text(moment.isoformat())
    draft.replace(file)


def read_time_from(path: str) -> None:
    """This process's clock stands still at what the file says."""
    file = Path(path)

    def now() -> datetime:
        return datetime.fromisoformat(file.read_text()).astimezone(UTC)

    clock.now = now


def note_checks_in(path: str) -> None:
    """What the audit trail cannot say: what was checked, and then not told."""
    original = passwords.matches
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def matches(stored: str | None, text: str) -> bool:
        if stored:
            os.write(file, f"{stored}\n".encode())
        return original(stored, text)

    passwords.matches = matches


def take_dummy_hash_out() -> None:
    """Without a stored hash nothing is computed: the answer comes as fast as it can."""
    original = passwords.matches
    passwords.matches = lambda stored, text: original(stored, text) if stored else False


def make_hashes_cheap() -> None:
    """Argon2id with the smallest parameters and refusals at once, where thousands of guesses show nothing of time."""
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    guesses.REFUSAL_SECONDS = 0.0


def dawdle_over_copies() -> None:
    """Two seconds pass between the copy of an embedded database and the look through it: time to kill somebody in."""
    original = embedded.faults_of

    def faults_of(connection: Any) -> list[str]:
        time.sleep(2)
        return original(connection)

    embedded.faults_of = faults_of


def die_over_a_guess() -> None:
    """SIGKILL in the middle of the hash of ``DEADLY_GUESS``: it is reserved, and never settled."""
    original = passwords.matches

    def matches(stored: str | None, text: str) -> bool:
        if text == DEADLY_GUESS:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(stored, text)

    passwords.matches = matches
