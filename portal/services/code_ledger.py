"""Which codes a file holds, and on which line each stood first: kept on disk, so that memory does not grow with it."""

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Self

MOST_IN_ONE_QUERY = 900
CACHE_KIBIBYTES = 1024


class CodeLedger:
    """A private temporary database (SQLite removes it when it is closed, and when the process ends)."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE codes (code TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    def enter(self, codes: Iterable[tuple[str, int]]) -> None:
        """Note codes and their lines; a code that is there already keeps its first line."""
        self._database.executemany("INSERT OR IGNORE INTO codes VALUES (?, ?)", codes)

    def lines(self, codes: Iterable[str]) -> dict[str, int]:
        """The first line of each of these codes that the file holds."""
        wanted = list(codes)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), MOST_IN_ONE_QUERY):
            part = wanted[start : start + MOST_IN_ONE_QUERY]
            places = ",".join("?" * len(part))
            found.update(self._database.execute(f"SELECT code, line FROM codes WHERE code IN ({places})", part))
        return found
