"""``portal backup`` and ``portal restore``: the embedded database, copied while the portal runs, and put back."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from flask.cli import with_appcontext

from portal.services import backup as backups
from portal.services import restore as restores
from portal.services.embedded import NotEmbedded, Refused
from portal.services.restore import Restored

MOST_NAMED = 20
STOPPED = 128
"""What a shell adds the number of a signal to, for the exit code of a program that it ended."""


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Copy the embedded database to FILE, as it is at one moment, while the portal goes on working."""
    with _answering("backup", file, "pg_dump"):
        made = backups.make(file)
    click.echo(f"{click.format_filename(made.file)}: {made.size:,} bytes, checked.")
    click.echo("Keep the secret key too, in another place.")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@with_appcontext
def restore(file: Path) -> None:
    """Put the backup FILE in the place of the embedded database; the portal may run meanwhile.

    Everybody is signed out, and no link, temporary password or queued mail of the backup is good any more.
    """
    with _answering("restore", file, "pg_restore"):
        restored = restores.put_back(file)
    for line in _words_of(restored, file):
        click.echo(line)


def _words_of(restored: Restored, file: Path) -> Iterator[str]:
    """What was done, and what there is to do now."""
    ended, lost = restored.ended, restored.lost
    name, taken_at = click.format_filename(file), f"{restored.taken_at:%Y-%m-%d %H:%M} UTC"
    yield f"Restored from {name}, as of {taken_at}: people {restored.people:,}."
    yield f"Ended: sessions {ended.sessions:,}, links {ended.links:,}."
    yield f"Not sent: mails {ended.mails:,}; not handled: requests for recovery {ended.requests:,}."
    yield f"Temporary passwords that are void, of people to re-enrol: {len(ended.to_re_enrol):,}."
    for code, username, ess_id in ended.to_re_enrol[:MOST_NAMED]:
        yield f"  {code}  {username}  (ESS ID {ess_id})"
    if len(ended.to_re_enrol) > MOST_NAMED:
        yield f"  and {len(ended.to_re_enrol) - MOST_NAMED:,} more: those whose registration is pending"
    yield "Records, passwords and roles are as they were then: see again to whoever left or lost a role since."
    if lost is None:
        yield "What happened after the backup is lost, and nothing tells what it was."
    elif not lost["chains"]:
        yield "The audit trail lacks nothing."
    else:
        yield "The audit trail lacks what happened since:"
        for code, first, last in lost["chains"]:
            yield f"  chain {code or 'none'}, entries {first:,} to {last:,}"
        if lost["more"]:
            yield f"  and entries of {lost['more']:,} more chains"
    if restored.replaced:
        yield "The database that was there did not answer, and its file was replaced: restart web server and worker."


@contextmanager
def _answering(command: str, file: Path, instead: str) -> Iterator[None]:
    """What stops the command is said; a signal that ends it leaves nothing half done behind."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except NotEmbedded:
        raise click.ClickException(
            f"portal {command} is for the embedded database, and this installation uses PostgreSQL: "
            f'use {instead}, as the README says under "Back up"'
        ) from None
    except Refused as reason:
        raise click.ClickException(f"{click.format_filename(file)}: {reason}. Nothing was changed.") from None
    except OSError as error:
        raise click.ClickException(
            f"{click.format_filename(file)}: {error.strerror or error}. Nothing was changed."
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(STOPPED + number)


commands: list[click.Command] = [backup, restore]
