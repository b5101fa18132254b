"""``portal audit``: whether the audit trail is what was written."""

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from portal.services import audit_heads, audit_verification
from portal.services.audit_verification import Misfit

audit = AppGroup("audit", help="The audit trail.")


@audit.command("verify")
def verify() -> None:
    """Check every entry of the trail; name the first that does not fit, and exit with 1, if one does not."""
    try:
        exported = audit_heads.read()
        verified = audit_verification.verify(exported or {})
    except audit_heads.Unreadable as error:
        raise click.ClickException(str(error)) from None
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"the database could not be read ({type(error).__name__}); portal check says more"
        ) from None
    if verified.misfit is not None:
        raise click.ClickException(f"the audit trail does not fit. {words_of(verified.misfit)}")
    click.echo(f"The audit trail fits: chains {verified.chains:,}, entries {verified.entries:,}.")
    if exported is None:
        click.echo("No heads were exported here, so an end that was cut off with its head would not show.")
    else:
        click.echo(f"So do the heads that were exported here: {len(exported):,}.")


def words_of(misfit: Misfit) -> str:
    """Which entry it is, and what is wrong with it."""
    place = f"Chain {misfit.chain}, entry number {misfit.number:,}"
    if misfit.entry_id is not None:
        place += f" (id {misfit.entry_id}, {misfit.at})"
    return f"{place}: {misfit.what}."


commands: list[click.Command] = [audit]
