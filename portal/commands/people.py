"""``portal people``: people of one organisation from files."""

import os
import sys
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from portal.commands.organisations import LineRanges
from portal.domain.delimited_text import Damage
from portal.domain.upload_rows import FAULTS
from portal.errors import NotFound
from portal.models import Organisation
from portal.services import organisations, people_file_import
from portal.services.people_file_import import Done
from portal.services.people_import import REFUSED, VERDICTS


@click.group("people")
def people_group() -> None:
    """People of one organisation from files."""


@people_group.command("import")
@click.argument("organisation")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@with_appcontext
def import_people(organisation: str, file: Path, dry_run: bool) -> None:
    """Import the people of ORGANISATION (its code) from FILE, CSV or XLSX, with a header row.

    The file is checked whole before anything is written; rows with bad values are refused one by one. It is safe to
    run twice, and after a kill it is just run again.
    """
    name = click.format_filename(file.name)
    found = _organisation(organisation)
    try:
        with (
            file.open("rb") as content,
            click.progressbar(length=2 if dry_run else 3, label="Importing", file=sys.stderr) as bar,
        ):
            done = people_file_import.run(found, content, name, dry_run=dry_run, advance=bar.update)
    except Damage as damage:
        raise click.ClickException(f"{name}, {damage}. Nothing was imported.") from None
    except people_file_import.NoSuchColumns as missing:
        words = f"no column, or more than one, is {' and '.join(missing.fields)}"
        raise click.ClickException(f"{name}: {words}. Nothing was imported.") from None
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror or os.strerror(error.errno or 0)}.") from None
    except SQLAlchemyError as error:
        words = f"the database refused ({type(error).__name__}); portal check says more"
        raise click.ClickException(f"{name}: {words}. Some rows may be applied: run it again.") from error
    _show(name, done, dry_run)


def _organisation(code: str) -> Organisation:
    try:
        return organisations.get(code)
    except NotFound:
        raise click.ClickException(f"there is no organisation with the code {code}") from None


def _show(name: str, done: Done, dry_run: bool) -> None:
    """Print the summary, then each refused row with its number."""
    total = sum(len(rows) for rows in done.rows.values())
    click.echo(f"{name}: {total:,} {'row' if total == 1 else 'rows'}{', dry run: nothing was written' * dry_run}")
    for verdict in VERDICTS:
        lines = LineRanges()
        for number in done.rows[verdict]:
            lines.add(number)
        where = f"  {'row' if lines.count == 1 else 'rows'} {lines}" if lines.count else ""
        click.echo(f"  {verdict.capitalize():<9} {lines.count:>7,}{where}")
    if done.rows[REFUSED]:
        click.echo("Refused:")
    for number, faults in done.faults:
        said = "; ".join(FAULTS[fault.code] % {**fault.facts, "field": fault.field} for fault in faults)
        click.echo(f"  row {number}: {said}")
    if done.unknown:
        click.echo(f"Columns that say nothing here and were left out: {', '.join(done.unknown)}")


commands: list[click.Command] = [people_group]
