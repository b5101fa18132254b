"""``portal mail``: the outbox without the worker, for cron."""

import click
from flask.cli import AppGroup

from portal import logs
from portal.services import audit_heads, health, housekeeping, outbox, recovery

mail = AppGroup("mail", help="The outbox.")


@mail.command("deliver")
def deliver() -> None:
    """Send what is due once, and exit. Where cron stands in for the worker, its other duties are done here too."""
    wrong = health.database_faults()
    if wrong:
        raise click.ClickException("\n".join(wrong))
    logs.configure()
    asked, mails = recovery.handle_all_due(), outbox.deliver_all_due()
    housekeeping.sweep_when_due()
    audit_heads.Watch().look_when_due()
    click.echo(f"recovery requests: {asked['done']} handled, {asked['queued']} to be tried again")
    sent, refused = mails["done"], mails["failed"]
    click.echo(f"mails: {sent} sent, {mails['queued']} delayed, {refused} refused, {mails['dropped']} no longer wanted")


commands: list[click.Command] = [mail]
