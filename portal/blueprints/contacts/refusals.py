"""Why something was not done, and what is possible instead: in words, for who asked for it."""

from flask_babel import gettext as _

from portal.blueprints.contacts.messages import MOVES
from portal.blueprints.contacts.presenters import state_tag
from portal.domain.account_state import MoveRefused, possible_actions
from portal.models import Account, Person
from portal.services import accounts, administrators, contacts
from portal.services.administrators import LastAdministrator


def not_an_operators(person: Person) -> str:
    """Why a reset operator does not help this person in, and who does."""
    if contacts.roles_of(person):
        why = _("This person holds a role, so an administrator helps them in.")
    elif person.smartcard_linked:
        why = _("A smartcard is or was linked to this person, so an administrator helps them in.")
    else:
        why = _("This person is not registered yet, and an administrator registers people.")
    names = administrators.named(person.organisation)
    if names:
        return f"{why} " + _("Who can: %(names)s.", names=", ".join(names))
    return f"{why} " + _("The organisation has none who can sign in just now: ask the Functional Account Manager.")


def mailed_often() -> str:
    """Why a recovery mail was not sent once more."""
    return _("The same link was mailed three times within ten minutes. Wait a little, or give a password in person.")


def last_administrator(last: LastAdministrator) -> str:
    """Why nobody may go from an organisation who would leave it without an administrator."""
    if last.may_confirm:
        return _(
            "%(organisation)s would have no administrator left who can sign in. Do you want that all the same?",
            organisation=last.organisation.name,
        )
    return _(
        "%(organisation)s would have no administrator left who can sign in, so this was not done. Give somebody else "
        "the role first.",
        organisation=last.organisation.name,
    )


def refusal(refused: MoveRefused, account: Account) -> str:
    """Why a move was not made, and what is possible instead."""
    possible = possible_actions(accounts.shown_state(account), accounts.circumstances(account))
    offers = [str(text) for action, text in MOVES.items() if action in possible]
    said = _(
        "%(move)s is not possible now: the account is %(state)s.",
        move=str(MOVES[refused.action]).capitalize(),
        state=_in_sentence(account),
    )
    return said + " " + (_("Possible now: %(moves)s.", moves=", ".join(offers)) if offers else "")


def _in_sentence(account: Account) -> str:
    return str(state_tag(account.person).text).lower()


def no_address() -> str:
    """Why a move that mails something was not made."""
    return _(
        "There is no e-mail address to send a temporary password to. Add one under Contact Details and save first."
    )
