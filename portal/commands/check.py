"""``portal check``: what is right and what is wrong with an installation, a line each."""

import click
from flask.cli import with_appcontext

from portal.services import surroundings
from portal.services.surroundings import Verdict


@click.command("check")
@with_appcontext
def check() -> None:
    """Look at the settings and the surroundings; exit with 1 if anything is wrong."""
    wrong = 0
    for finding in surroundings.findings():
        click.echo(f"{finding.verdict:<5}  {finding.subject}: {finding.words}")
        wrong += finding.verdict is Verdict.WRONG
    if wrong:
        raise click.ClickException(f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong")


commands: list[click.Command] = [check]
