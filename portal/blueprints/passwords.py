"""Choosing a password: the form, what is said while it is typed, words to choose; and the rule of locking.

A page that uses it has an endpoint for its form, and beside it one that judges what is typed, named ``…_check``; both
know the person by the same credential. Its template includes ``partials/new_password.html`` inside the form.
"""

from dataclasses import dataclass
from typing import Self

from flask import current_app, render_template, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import PasswordField, SubmitField
from wtforms.validators import InputRequired, ValidationError

from portal import htmx
from portal.domain import passwords
from portal.domain.passwords import Weakness
from portal.models import Person
from portal.services import password_suggestions, temporary_passwords

OF_THE_PRODUCT = ("gatehouse", "portal", "admin")
"""Words that anybody thinks of who is asked for a password here."""


@dataclass(frozen=True)
class Verdict:
    """What is said of a password while it is typed: it is ``short``, ``refused`` or ``good``, or there is ``none``."""

    kind: str
    text: str = ""


class NewPasswordForm(FlaskForm):
    """A password of one's own, twice, judged by strength and not by rules about digits (NIST SP 800-63B-4 3.1.1.2).

    ``endpoint`` is where the form goes.
    """

    password = PasswordField(_("New password"), [InputRequired(_("Enter a password"))])
    password_again = PasswordField(_("New password again"), [InputRequired(_("Enter the password again"))])
    suggest = SubmitField(_("Suggest three words"))

    def __init__(self, person: Person, endpoint: str) -> None:
        super().__init__()
        self._person = person
        self.action = url_for(endpoint)
        self.check_action = url_for(f"{endpoint}_check")
        self.username = person.account.username
        self.verdict = Verdict("none")
        self.words: str | None = None
        if password_suggestions.words_for(_shortest()) > password_suggestions.FEWEST_WORDS:
            self.suggest.label.text = _("Suggest words")

    def judged(self) -> Self:
        """The form with a verdict on what its first box holds, which comes back in no page."""
        self.verdict = self._verdict(self.password.data or "")
        return self

    def with_words(self) -> Self:
        """The form with words in both boxes, whatever was typed."""
        self.words = password_suggestions.suggestion(own_words(self._person), _shortest())
        return self

    def refusal(self, typed: str) -> LazyString | None:
        """Why ``typed`` cannot be chosen: the rules of ``domain.passwords``, or that it is the temporary one."""
        weakness = passwords.weakness(typed, own_words(self._person), _shortest())
        if weakness is not None:
            return _why(weakness)
        if temporary_passwords.is_in_use(self._person.account, typed):
            return _("Choose a password of your own, not the temporary one")
        return None

    def validate_password(self, field: PasswordField) -> None:
        """It can be chosen."""
        refusal = self.refusal(field.data or "")
        if refusal is not None:
            raise ValidationError(refusal)

    def validate_password_again(self, field: PasswordField) -> None:
        """Both boxes hold the same, whichever way their accents are written."""
        if passwords.normalised(self.password.data or "") != passwords.normalised(field.data or ""):
            raise ValidationError(_("The two passwords are not the same"))

    def _verdict(self, typed: str) -> Verdict:
        if not typed:
            return Verdict("none")
        missing = passwords.missing(typed, _shortest())
        if missing > 0:
            return Verdict("short", ngettext("%(num)s more character", "%(num)s more characters", missing))
        refusal = self.refusal(typed)
        if refusal is not None:
            return Verdict("refused", str(refusal))
        return Verdict("good", str(_("Good: long enough, and hard to guess")))


def show(template: str, form: NewPasswordForm, **context: object) -> str:
    """The page; to HTMX, of a form with words, the part in which they stand."""
    if form.words is not None:
        return htmx.render(template, "partials/password_words.html", form=form, **context)
    return render_template(template, form=form, **context)


def show_verdict(template: str, form: NewPasswordForm, **context: object) -> str:
    """What is said of the password that was typed; the whole page to whoever asks without HTMX."""
    return htmx.render(template, "partials/password_verdict.html", form=form.judged(), **context)


def own_words(person: Person) -> list[str]:
    """Words that make a password easy to guess for who knows the person, the organisation or the product."""
    organisation = person.organisation
    return [
        person.first_name,
        person.last_name,
        person.account.username or "",
        person.primary_email,
        person.primary_email.partition("@")[0],
        organisation.name,
        organisation.code,
        current_app.config["BRAND_NAME"],
        *OF_THE_PRODUCT,
    ]


def _shortest() -> int:
    shortest: int = current_app.config["PASSWORD_MIN_LENGTH"]
    return shortest


def _why(weakness: Weakness) -> LazyString:
    return {
        Weakness.TOO_SHORT: _("The password needs %(number)s characters or more", number=_shortest()),
        Weakness.TOO_LONG: _("The password may have %(number)s characters at most", number=passwords.LONGEST),
        Weakness.GUESSABLE: _(
            "This password is easy to guess. Three words that have nothing to do with you are better"
        ),
        Weakness.OWN_WORDS: _(
            "This password is little more than your own name, address or organisation, and easy to guess. Choose words "
            "that have nothing to do with you"
        ),
    }[weakness]


def lockout_rule() -> str:
    """How locking works, in one line."""
    settings = current_app.config
    if settings["PRIVATE_NETWORKS"]:
        return str(
            gettext(
                "An account locks after %(internet)s failed attempts from the internet, "
                "or %(private)s from your organisation's network.",
                internet=settings["LOCKOUT_INTERNET"],
                private=settings["LOCKOUT_PRIVATE"],
            )
        )
    return str(gettext("An account locks after %(number)s failed attempts.", number=settings["LOCKOUT_INTERNET"]))
