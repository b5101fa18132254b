"""``portal mail``: the outbox without the worker, for cron."""

import click
from flask.cli import AppGroup

from portal.services import housekeeping, outbox, recovery

mail = AppGroup("mail", help="The outbox.")


@mail.command("deliver")
def deliver() -> None:
    """Send what is due once, and exit. Where cron stands in for the worker, what is spent goes here too."""
    asked = recovery.handle_due()
    sent = outbox.deliver_due()
    housekeeping.sweep_when_due()
    click.echo(f"{asked} recovery requests handled, {sent} mails sent")


commands: list[click.Command] = [mail]
