"""``portal central-administrator``: the first administrator of an installation."""

import click

from portal.domain import contact_details
from portal.filters import moment
from portal.services import first_administrator, health
from portal.services.first_administrator import AddressTaken, AlreadyEnrolled
from portal.transactions import commits


@click.command("central-administrator")
@click.argument("email")
@click.option("--another", is_flag=True, help="Make a further one, where one has chosen a password already.")
def central_administrator(email: str, another: bool) -> None:
    """Make the first central administrator, with the address EMAIL, and print a link to choose a password with.

    The link works once, for 24 hours, and whoever has it is the central administrator. Until it was used, a further
    call makes a new one in its place; another EMAIL corrects the address.
    """
    address = contact_details.email_address(contact_details.tidy(email))
    if address is None:
        raise click.BadParameter("enter it in the form name@organisation.example", param_hint="EMAIL")
    wrong = health.database_faults()
    if wrong:
        raise click.ClickException("\n".join(wrong))
    try:
        issued = commits(first_administrator.issue)(address, another=another)
    except AlreadyEnrolled:
        raise click.ClickException("there is a central administrator already; --another makes a further one") from None
    except AddressTaken as taken:
        raise click.ClickException(f"{address} is the address of {taken.username}: give another one") from None
    click.echo(f"The central administrator {address} has the username {issued.username}.")
    click.echo(f"This link works once, until {moment(issued.expires_at)}. Open it to choose a password:")
    click.echo(f"\n{first_administrator.url_of(issued.token)}\n")
    click.echo("Nothing was mailed to this person. If a link was made for them before, it no longer works.")


commands: list[click.Command] = [central_administrator]
