"""``portal organisations``: organisations from files."""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from portal.domain.delimited_text import Damage
from portal.domain.organisation_files import FileFormat
from portal.services import organisation_import
from portal.services.code_ledger import CodeLedger
from portal.services.organisation_batches import Outcome

MOST_RANGES = 50
HELD_BYTES = 256 * 1024


@click.group("organisations")
def organisations_group() -> None:
    """Organisations from files."""


@organisations_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice([known.value for known in FileFormat]),
    default=FileFormat.AUTO.value,
    help="How the file is laid out; auto looks at its first line.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@with_appcontext
def import_organisations(file: Path, file_format: str, dry_run: bool) -> None:
    """Import or re-import the organisations of FILE: an ODS file, or a CSV file with a header.

    The file is checked whole before anything is written; rows with bad values are refused one by one. It is safe to
    run twice, and after a kill it is just run again.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise click.ClickException(f"{click.format_filename(file)} is not a file that can be read twice")
    name = click.format_filename(file.name)
    with Report() as report:
        try:
            with file.open("rb") as content, CodeLedger() as codes:
                rows = _import(content, name, FileFormat(file_format), codes, report, dry_run=dry_run)
        except Damage as damage:
            raise click.ClickException(f"{name}, {damage}. {report.so_far(dry_run=dry_run)}") from None
        except OSError as error:
            raise click.ClickException(f"{name}: {error.strerror or error}. {report.so_far(dry_run=dry_run)}") from None
        except SQLAlchemyError as error:
            words = f"the database refused ({type(error).__name__}); portal check says more"
            raise click.ClickException(f"{name}: {words}. {report.so_far(dry_run=dry_run)}") from error
        report.show(name, rows, dry_run=dry_run)


def _import(
    content: BinaryIO, name: str, file_format: FileFormat, codes: CodeLedger, report: "Report", *, dry_run: bool
) -> int:
    with _bar("Checking", os.fstat(content.fileno()).st_size) as advance:
        checked = organisation_import.check(content, file_format, codes, advance)
    with _bar("Comparing" if dry_run else "Applying", checked.rows) as advance:
        if dry_run:
            organisation_import.compare(checked, report, advance)
        else:
            organisation_import.apply(checked, name, report, advance)
    return checked.rows


@contextmanager
def _bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """click's progress bar, on standard error; answers how to move it."""
    with click.progressbar(range(0), length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


class LineRanges:
    """Line numbers in ascending order, as text: ``2-40, 57``. Behind the first so many ranges it only counts."""

    def __init__(self) -> None:
        self.count = 0
        self._ranges: list[list[int]] = []
        self._unsaid = 0

    def add(self, line: int) -> None:
        """Note one more line."""
        self.count += 1
        if self._ranges and not self._unsaid and self._ranges[-1][1] == line - 1:
            self._ranges[-1][1] = line
        elif len(self._ranges) < MOST_RANGES:
            self._ranges.append([line, line])
        else:
            self._unsaid += 1

    def __str__(self) -> str:
        texts = [str(first) if first == last else f"{first}-{last}" for first, last in self._ranges]
        if self._unsaid:
            texts.append(f"and {self._unsaid:,} more")
        return ", ".join(texts)


class Report:
    """What became of each row, kept on disk where it is long, and shown at the end."""

    def __init__(self) -> None:
        self._lines = {outcome: LineRanges() for outcome in Outcome}
        self._reasons = {
            Outcome.REFUSED: _Paper(),
            Outcome.LEFT_OUT: _Paper(),
        }
        self._warnings = _Paper()

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *_error: object) -> None:
        for paper in (*self._reasons.values(), self._warnings):
            paper.close()

    def outcome(self, line: int, outcome: Outcome, reason: str = "") -> None:
        """A row was added, changed, closed, left as it was, refused or left out."""
        self._lines[outcome].add(line)
        if outcome in self._reasons:
            self._reasons[outcome].write(line, reason)

    def warning(self, line: int, text: str) -> None:
        """A row is applied, but somebody should look at it."""
        self._warnings.write(line, text)

    def so_far(self, *, dry_run: bool) -> str:
        """What an import that stopped has done."""
        done = sum(lines.count for lines in self._lines.values())
        if dry_run or not done:
            return "Nothing was imported."
        return f"The first {done:,} rows may be applied already: put it right and run the import again."

    def show(self, name: str, rows: int, *, dry_run: bool) -> None:
        """Print the summary, then each refused row, each row left out and each warning with its line."""
        click.echo(f"{name}: {rows:,} {'row' if rows == 1 else 'rows'}{', dry run: nothing was written' * dry_run}")
        for outcome, lines in self._lines.items():
            where = f"  {'line' if lines.count == 1 else 'lines'} {lines}" if lines.count else ""
            click.echo(f"  {outcome.value.capitalize():<9} {lines.count:>7,}{where}")
        self._reasons[Outcome.REFUSED].show("Refused:")
        self._reasons[Outcome.LEFT_OUT].show("Left out:")
        self._warnings.show("Warnings:")


class _Paper:
    """Lines of text that stay in memory while they are few."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=HELD_BYTES, mode="w+", encoding="utf-8")  # noqa: SIM115

    def write(self, line: int, text: str) -> None:
        self._file.write(f"  line {line}: {text}\n")

    def show(self, heading: str) -> None:
        self._file.seek(0)
        for number, line in enumerate(self._file):
            if number == 0:
                click.echo(heading)
            click.echo(line, nl=False)

    def close(self) -> None:
        self._file.close()


commands: list[click.Command] = [organisations_group]
