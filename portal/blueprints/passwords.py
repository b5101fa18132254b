"""Choosing a password, and the rule of locking: for the areas in which passwords are typed."""

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import InputRequired, ValidationError

from portal.domain import passwords
from portal.domain.passwords import Weakness
from portal.models import Person
from portal.services import temporary_passwords


class NewPasswordForm(FlaskForm):
    """A password of one's own, twice, judged by strength and not by rules about digits (NIST SP 800-63B-4 3.1.1.2)."""

    password = PasswordField(_("New password"), [InputRequired(_("Enter a password"))])
    password_again = PasswordField(_("New password again"), [InputRequired(_("Enter the password again"))])

    def __init__(self, person: Person) -> None:
        super().__init__()
        self._person = person

    def validate_password(self, field: PasswordField) -> None:
        """The rules of ``domain.passwords``, and not the temporary password again."""
        shortest = current_app.config["PASSWORD_MIN_LENGTH"]
        weakness = passwords.weakness(field.data or "", own_words(self._person), shortest)
        if weakness is not None:
            raise ValidationError(_why(weakness, shortest))
        if temporary_passwords.is_in_use(self._person.account, field.data or ""):
            raise ValidationError(_("Choose a password of your own, not the temporary one"))

    def validate_password_again(self, field: PasswordField) -> None:
        """Both boxes hold the same."""
        if self.password.data != field.data:
            raise ValidationError(_("The two passwords are not the same"))


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
        "gatehouse",
    ]


def _why(weakness: Weakness, shortest: int) -> LazyString:
    return {
        Weakness.TOO_SHORT: _("The password needs %(number)s characters or more", number=shortest),
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
