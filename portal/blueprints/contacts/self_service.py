"""The Self Service Details panel: what every field says, which buttons there are, and why a move was refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app, url_for
from flask_babel import gettext as _

from portal import clock
from portal.blueprints.browser_list import browsers_in_words
from portal.blueprints.contacts import external, mail_words, refusals
from portal.blueprints.contacts.list_views import question
from portal.blueprints.contacts.messages import BUTTONS, MOVES
from portal.blueprints.contacts.presenters import Tag, state_tag
from portal.domain.account_state import AccountAction, AccountState, possible_actions
from portal.domain.roles import Role, operator_may_reset
from portal.filters import moment
from portal.models import Account, Person
from portal.services import accounts, contacts, enrolment_links, signed_in_browsers
from portal.services.contact_mail import Mailed

JUST_NOW = timedelta(minutes=1)
WATCHED = timedelta(minutes=5)
"""How long the panel looks by itself what became of a mail; after that a reader loads the page."""
ALWAYS_IN = frozenset({Role.REGIONAL_ACCOUNT_MANAGER, Role.CENTRAL_ADMINISTRATOR})

SHOWN_TO_OPERATORS = ("user-name", "email-id", "ess-id", "status", "last-email", "external-message")

Fields = dict[str, object]


@dataclass(frozen=True)
class Button:
    """One of the panel's moves, a form of its own."""

    text: str
    action: str
    variant: str | None
    confirm: str | None


@dataclass(frozen=True)
class Panel:
    """Everything that the panel's template says."""

    person: Person
    state: AccountState
    failures: int
    tag: Tag
    rows: list[Fields]
    buttons: list[Button]
    in_person_url: str | None
    why_no_buttons: str | None
    warning: str | None
    mail_is_on_its_way: bool
    browsers: str | None
    watches_mail: bool


@dataclass(frozen=True)
class Reader:
    """What whoever reads the panel may do here: keep the record, add people, help them in (as an operator, only that).

    ``own``: it is the reader's own account; ``below``: the account holds a higher role than the reader.
    """

    keeps: bool
    adds: bool
    resets: bool
    is_operator: bool
    own: bool
    below: bool


def panel(person: Person, mailed: Mailed, reader: Reader) -> Panel:
    """The panel of ``person`` for a reader."""
    account, last = person.account, mailed.last
    free = not reader.own and not reader.below
    may_act = reader.keeps and free
    why = _why_not(person, reader)
    resets = reader.resets and why is None
    possible = possible_actions(accounts.shown_state(account), accounts.circumstances(account))
    gives = resets and AccountAction.GIVE_IN_PERSON in possible
    if reader.is_operator and account.state is AccountState.NOT_REGISTERED:
        gives, why = False, refusals.not_an_operators(person)
    buttons = _buttons(person, [*BUTTONS] if may_act else [AccountAction.REGISTER] if reader.adds and free else [])
    if resets and AccountAction.RESET_PASSWORD in possible and person.primary_email:
        buttons.append(_recovery_button(person, first=not buttons))
    return Panel(
        person=person,
        state=accounts.shown_state(account),
        failures=account.failures,
        tag=state_tag(person),
        rows=_rows_for_operator(person, mailed) if reader.is_operator else _rows(person, mailed, gives),
        buttons=buttons,
        in_person_url=_in_person_url(person) if gives else None,
        why_no_buttons=why,
        warning=_warning(person) if may_act or resets else None,
        mail_is_on_its_way=last is not None and clock.now() - last.created_at < JUST_NOW,
        browsers=browsers_in_words(signed_in_browsers.count(account)) if may_act else None,
        watches_mail=last is not None and last.state == "queued" and clock.now() - last.created_at < WATCHED,
    )


def _why_not(person: Person, reader: Reader) -> str | None:
    """Why a reader who may act on others may not act on this account."""
    if not (reader.keeps or reader.resets or reader.adds):
        return None
    if reader.own:
        return _("This is your own account: you look after it under My account.")
    if reader.below:
        return _("This account holds a higher role than yours: an administrator of that role looks after it.")
    if reader.is_operator and not operator_may_reset(contacts.roles_of(person), person.smartcard_linked):
        return refusals.not_an_operators(person)
    return None


def _in_person_url(person: Person) -> str:
    return url_for("contacts.temporary_password", code=person.organisation.code, ess_id=person.ess_id)


def _recovery_button(person: Person, first: bool) -> Button:
    action = url_for("contacts.recovery_mail", code=person.organisation.code, ess_id=person.ess_id)
    return Button(str(MOVES[AccountAction.RESET_PASSWORD]), action, None if first else "secondary", None)


def _buttons(person: Person, actions: Iterable[AccountAction]) -> list[Button]:
    possible = possible_actions(accounts.shown_state(person.account), accounts.circumstances(person.account))
    offered = [action for action in actions if action in possible]
    return [
        Button(
            text=str(BUTTONS[action]),
            action=url_for(
                f"contacts.{action.value.replace('-', '_')}", code=person.organisation.code, ess_id=person.ess_id
            ),
            variant=None if number == 0 else "secondary",
            confirm=question(action, person),
        )
        for number, action in enumerate(offered)
    ]


def _warning(person: Person) -> str | None:
    """What to know about the address before a mail is sent to it."""
    state = accounts.shown_state(person.account)
    if state is AccountState.INACTIVE:
        return None
    if not person.primary_email:
        if state is AccountState.UNLOCK_PENDING:
            return _("There is no e-mail address: tell the person that the account is unlocked.")
        return _("There is no e-mail address: add one first. Register and Re-Enrol send a temporary password to it.")
    if person.email_bounced_at is not None:
        return _("Mail to this address came back on %(at)s: check it first.", at=moment(person.email_bounced_at))
    if person.email_is_temporary:
        return _("The e-mail address is marked as temporary: check that the person still reads it.")
    return None


def _field(name: str, label: str, value: object, note: str | None = None, wide: bool = False) -> Fields:
    return {"name": name, "label": label, "value": value, "note": note, "wide": wide}


def _rows(person: Person, mailed: Mailed, gives: bool) -> list[Fields]:
    rows = [*_identity(person), *_temporary_password(person.account), *_sign_ins(person.account)]
    if gives and person.account.state in (AccountState.NOT_REGISTERED, AccountState.REGISTRATION_PENDING):
        link = {"href": _in_person_url(person), "text": _("Not received? Give one in person")}
        (otp,) = (row for row in rows if row["name"] == "otp-set")
        otp["more"] = link
    return [*rows, *_ways_in(person, mailed)]


def _rows_for_operator(person: Person, mailed: Mailed) -> list[Fields]:
    """What helps to know the right person, and to tell them what to do; nothing of how they sign in."""
    return [row for row in [*_identity(person), *_ways_in(person, mailed)] if row["name"] in SHOWN_TO_OPERATORS]


def _flag(value: bool) -> str:
    return _("Y") if value else _("N")


def _identity(person: Person) -> list[Fields]:
    account = person.account
    expired = account.state is AccountState.UNLOCK_PENDING and accounts.shown_state(account) is AccountState.LOCKED
    note = _("the unlock expired at %(at)s", at=moment(account.unlock_expires_at)) if expired else None
    if account.state is AccountState.UNLOCK_PENDING and not expired:
        note = _("until %(at)s", at=moment(account.unlock_expires_at))
    return [
        _field("user-name", _("User Name"), account.username),
        _field("email-id", _("Email ID"), person.primary_email),
        _field("ess-id", _("ESS ID"), person.ess_id),
        _field("status", _("Status"), str(state_tag(person).text), note),
        _field("enrolment-completed", _("Enrolment Completed"), _flag(account.enrolled)),
    ]


def _temporary_password(account: Account) -> list[Fields]:
    pending = account.state is AccountState.REGISTRATION_PENDING
    exists = account.temporary_password_hash is not None
    shown = pending or exists
    expired = shown and enrolment_links.registration_is_over(account)
    void = _("void") if pending and not exists else None
    of_link = None
    if enrolment_links.is_awaited(account):
        void, of_link = _("a link was made instead"), _("of the link")
    return [
        _field("otp-set", _("Temporary Password (OTP) Set"), _flag(exists), void),
        _field(
            "otp-expiry",
            _("Temporary Password (OTP) Expiry Date"),
            moment(account.temporary_password_expires_at) if shown else "",
            _("expired") if expired else of_link,
        ),
        _field(
            "otp-attempts",
            _("Temporary Password (OTP) Unsuccessful Attempts"),
            account.temporary_password_failures,
        ),
    ]


def _sign_ins(account: Account) -> list[Fields]:
    must_choose = account.state is AccountState.REGISTRATION_PENDING or accounts.password_is_disabled(account)
    return [
        _field("last-failure", _("Last Authentication Failure"), moment(account.last_failure_at)),
        _field("password-changed", _("Password Last Changed"), moment(account.password_changed_at)),
        _field("password-exp", _("Password Exp Flag"), _flag(must_choose)),
        _field("re-enrolled", _("Is Re-Enrolled Set"), _flag(account.re_enrolled)),
        _field("last-login", _("Last Successful Login"), moment(account.last_sign_in_at)),
        _field("previous-login", _("Previous Login"), moment(account.previous_sign_in_at)),
        _field("logins", _("Successful Login Attempts"), account.sign_ins),
        _field("failures-total", _("Total No of Unsuccessful Attempts"), account.failures_total),
        _field(
            "failures-since-success",
            _("No of Unsuccessful Attempts Since Last Success"),
            account.failures,
        ),
    ]


def _ways_in(person: Person, mailed: Mailed) -> list[Fields]:
    account = person.account
    access, why = _internet_access(person)
    return [
        _field("internet-access", _("Internet Access"), access, why),
        _field("sign-in-method", _("Sign-in Method"), _("Password")),
        {
            **_field("last-email", _("Last E-mail"), *mail_words.last_email(mailed.last), wide=True),
            "more": mail_words.what_to_do(mailed.last, person),
        },
        _field(
            "internal-message",
            _("Internal Message"),
            mail_words.internal_message(account),
            moment(account.internal_message_at) or None,
            wide=True,
        ),
        _field("external-message", _("External Message"), external.message(person, mailed.invitation), wide=True),
    ]


def _internet_access(person: Person) -> tuple[str, str | None]:
    if not current_app.config["PRIVATE_NETWORKS"]:
        return _("Y"), _("from everywhere: there is one zone")
    if contacts.roles_of(person) & ALWAYS_IN:
        return _("Y"), _("always, by role")
    if person.smartcard_linked:
        return _("N"), _("a smartcard is or was linked: it must be asked for")
    if person.organisation.automatic_internet_access:
        return _("Y"), _("automatic in this organisation")
    return _("N"), _("not automatic in this organisation: it must be asked for")
