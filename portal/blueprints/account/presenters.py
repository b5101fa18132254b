"""The pages of My account: the way between them, and what the first one says of each."""

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from portal.blueprints.account.forms import EmailForm, RecordForm
from portal.blueprints.browser_list import browsers_in_words
from portal.blueprints.record_words import Difference, value_text
from portal.domain.account_state import AccountState
from portal.filters import time_element
from portal.models import Account
from portal.services import accounts, email_changes, own_record, signed_in_browsers

Entry = dict[str, object]


def pages() -> list[Entry]:
    """The pages of My account, in their order; the present one says so."""
    listed = [
        (_("Overview"), url_for("account.index")),
        (_("Office details"), url_for("account.record")),
        (_("E-mail address"), url_for("account.email")),
        (_("Password"), url_for("account.password")),
        (_("Where you are signed in"), url_for("account.sessions")),
    ]
    return [{"text": text, "href": href, "current": request.path == href} for text, href in listed]


def account_is_locked() -> bool:
    """Whether the reader, who is signed in here, could not sign in anywhere else now."""
    return accounts.shown_state(current_user.account) is AccountState.LOCKED


def ones_own(account: Account) -> list[Entry]:
    """Who this is, as the portal knows them."""
    person = account.person
    word = _("Change") if own_record.may_amend(current_user) else _("See")
    return [
        _entry(_("Full Name"), person.full_name),
        _entry(_("User Name"), account.username),
        _entry(_("Organisation"), f"{person.organisation.code} {person.organisation.name}"),
        _entry(
            _("Primary Email Address"),
            person.primary_email or _("None"),
            {"text": word, "hidden": _("your e-mail address"), "href": url_for("account.email")},
        ),
        _entry(
            _("Primary Phone Number"),
            person.primary_phone or _("None"),
            {"text": word, "hidden": _("your office details"), "href": url_for("account.record")},
        ),
    ]


def safety(account: Account) -> list[Entry]:
    """What keeps others out, each with the page on which it is looked after."""
    here = _("in %(browsers)s", browsers=browsers_in_words(signed_in_browsers.count(account)))
    never = _("None")
    return [
        _entry(
            _("Password Last Changed"),
            time_element(account.password_changed_at) or never,
            {"text": _("Change"), "hidden": _("your password"), "href": url_for("account.password")},
        ),
        _entry(
            _("Signed in"),
            here,
            {
                "text": _("See which"),
                "hidden": _("browsers you are signed in with"),
                "href": url_for("account.sessions"),
            },
        ),
        _entry(_("Last Successful Login"), time_element(account.last_sign_in_at) or never),
        _entry(_("Previous Login"), time_element(account.previous_sign_in_at) or never),
    ]


def _entry(key: str, value: object, *actions: dict[str, str]) -> Entry:
    return {"key": key, "value": value, "actions": list(actions)}


def record_page(form: RecordForm, conflict: list[Difference] | None = None, goes_on: bool = False) -> str:
    """Office details: what the record says, and the form for what its owner may change."""
    return render_template(
        "account/record.html",
        form=form,
        conflict=conflict,
        goes_on=goes_on,
        amendable=own_record.may_amend(current_user),
        value_text=value_text,
        account=current_user.account,
        person=current_user.account.person,
    )


def email_page(form: EmailForm, goes_on: bool = False) -> str:
    """The present address, the one that waits for its link, and the form; ``goes_on``: it was sent already."""
    return render_template(
        "account/email.html",
        form=form,
        goes_on=goes_on,
        pending=email_changes.pending(current_user.account),
        amendable=own_record.may_amend(current_user),
        account=current_user.account,
        person=current_user.account.person,
    )
