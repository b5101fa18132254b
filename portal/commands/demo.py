"""``portal demo``: fictional organisations and people to try the portal with."""

import click

from portal.services import demonstration, health
from portal.transactions import commits


@click.command("demo")
def demo() -> None:
    """Load the demonstration data into an empty database."""
    wrong = health.database_faults()
    if wrong:
        raise click.ClickException("\n".join(wrong))
    try:
        loaded = commits(demonstration.load)()
    except demonstration.DatabaseInUse:
        raise click.ClickException(
            "the database holds data already; the demonstration is loaded into an empty one only"
        ) from None
    click.echo(f"Loaded {loaded.organisations} organisations and {loaded.people} people, all of them fictional.")
    click.echo("The sign-in page offers a sign-in for each role.")


commands: list[click.Command] = [demo]
