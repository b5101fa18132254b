"""The panel's moves: one verb each, answered with the panel, or with the chosen contact without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import request
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx, notices
from portal.blueprints.contacts import screens, self_service
from portal.blueprints.contacts.screens import Said
from portal.domain.account_state import MoveRefused
from portal.domain.roles import Permission
from portal.models import Account, Person
from portal.permissions import safe_next
from portal.services import accounts, contacts
from portal.services.accounts import NoEmailAddress
from portal.services.sessions import SignedIn


@dataclass(frozen=True)
class Move:
    """A verb, and the notice of its success."""

    verb: Callable[[Account, SignedIn], None]
    notice: str


REGISTER = Move(accounts.register, "registered")
UNLOCK = Move(accounts.unlock, "unlocked")
RE_ENROL = Move(accounts.re_enrol, "re-enrolled")
DEACTIVATE = Move(accounts.deactivate, "deactivated")
REACTIVATE = Move(accounts.reactivate, "reactivated")


def make(code: str, ess_id: int, move: Move) -> str | Response | tuple[str, int]:
    """Make ``move`` for a person that the signed-in administrator keeps; a refusal answers 409 with the panel."""
    person = contacts.get_for(current_user, code, ess_id, Permission.KEEP_CONTACTS)
    try:
        move.verb(person.account, current_user)
    except MoveRefused as refused:
        return _refused(person, self_service.refusal(refused, person.account))
    except NoEmailAddress:
        return _refused(person, self_service.no_address())
    if htmx.is_htmx():
        return screens.move_answer(person, Said(panel_notice=notices.NOTICES[move.notice]))
    back = safe_next(request.form.get("next")) or screens.next_url(person, screens.wanted())
    return htmx.see_other(back, move.notice)


def _refused(person: Person, why: str) -> tuple[str, int]:
    said = Said(refusal=why)
    if htmx.is_htmx():
        return screens.move_answer(person, said), 409
    return screens.chosen(person, said), 409
