"""The panel's moves: one verb each, answered with the panel, or with the chosen contact without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import request
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx, notices
from portal.blueprints.contacts import refusals, screens
from portal.blueprints.contacts.screens import Said
from portal.domain.account_state import MoveRefused
from portal.domain.roles import Permission
from portal.models import Account, Person
from portal.permissions import safe_next
from portal.services import accounts, contacts, password_resets
from portal.services.accounts import NoEmailAddress
from portal.services.administrators import LastAdministrator
from portal.services.password_resets import MailedOften, NotAnOperators
from portal.services.sessions import SignedIn


@dataclass(frozen=True)
class Move:
    """A verb, and the notice of its success."""

    verb: Callable[[Account, SignedIn], None]
    notice: str


REGISTER = Move(accounts.register, "registered")
UNLOCK = Move(accounts.unlock, "unlocked")
RE_ENROL = Move(accounts.re_enrol, "re-enrolled")
RECOVERY_MAIL = Move(password_resets.send_recovery_mail, "recovery-mailed")
REACTIVATE = Move(accounts.reactivate, "reactivated")


def make(
    code: str, ess_id: int, move: Move, permission: Permission = Permission.KEEP_CONTACTS
) -> str | Response | tuple[str, int]:
    """Make ``move`` for a person whom ``permission`` reaches; what the state refuses answers 409 with the panel."""
    person = contacts.get_for(current_user, code, ess_id, permission)
    try:
        move.verb(person.account, current_user)
    except MoveRefused as refused:
        return _refused(person, refusals.refusal(refused, person.account))
    except NoEmailAddress:
        return _refused(person, refusals.no_address())
    except MailedOften:
        return _refused(person, refusals.mailed_often())
    except NotAnOperators:
        return _refused(person, refusals.not_an_operators(person))[0], 403
    except LastAdministrator as last:
        return _refused(person, refusals.last_administrator(last), move if last.may_confirm else None)
    if htmx.is_htmx():
        return screens.move_answer(person, Said(panel_notice=notices.NOTICES[move.notice]))
    back = safe_next(request.form.get("next")) or screens.next_url(person, screens.wanted())
    return htmx.see_other(back, move.notice)


def _deactivate(account: Account, by: SignedIn) -> None:
    accounts.deactivate(account, by, confirmed=request.form.get("confirm") == "yes")


DEACTIVATE = Move(_deactivate, "deactivated")


def _refused(person: Person, why: str, confirms: Move | None = None) -> tuple[str, int]:
    """409 with the reason; with the question, and the button that says yes, where the reader may decide it."""
    said = Said(refusal=why, confirm_action=request.path if confirms else None)
    if htmx.is_htmx():
        return screens.move_answer(person, said), 409
    return screens.chosen(person, said), 409
