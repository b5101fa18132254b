"""The forms of signing in, enrolment and recovery: what is typed, and what is wrong with it."""

from flask import current_app
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, ValidationError

from portal.domain import passwords
from portal.domain.passwords import Weakness
from portal.models import Person
from portal.services import temporary_passwords
from portal.services.recovery import Need


def without_controls(typed: str | None) -> str | None:
    """What was typed without characters that no page may show and no database text holds."""
    return "".join(character for character in typed if character.isprintable()) if typed else typed


class _Unprotected(FlaskForm):
    """A form of somebody who is not signed in: it checks its token itself."""

    def is_stale(self) -> bool:
        """Whether the page was open for longer than its token held: the form comes back filled in (ASVS 3.5.1)."""
        if not self.csrf_token.errors:
            return False
        self.csrf_token.errors = [self.stale]
        return True

    stale = _("This page had been open for too long. Please send it once more")


class SignInForm(_Unprotected):
    """A username or an e-mail address, and a password."""

    username = StringField(
        _("Username or e-mail address"),
        [InputRequired(_("Enter your username or e-mail address")), Length(max=254, message=_("This is too long"))],
        filters=[without_controls],
    )
    password = PasswordField(_("Password"), [InputRequired(_("Enter your password"))])
    next = HiddenField()

    stale = _("This page had been open for too long. Please sign in once more")


class _Identified(_Unprotected):
    identifier = StringField(
        _("E-mail address or username"),
        [
            InputRequired(_("Enter your e-mail address or username")),
            Length(max=254, message=_("This is too long to be an e-mail address or a username")),
        ],
        filters=[without_controls],
    )


class RecoverForm(_Identified):
    """Who is asking, when the address of the page says what is needed."""

    need = HiddenField()


class UnsureRecoverForm(_Identified):
    """The same, when the address of the page does not say what is needed."""

    need = RadioField(  # type: ignore[call-arg]
        _("What do you need?"),
        [InputRequired(_("Choose what you need"))],
        choices=[
            SelectChoice(Need.PASSWORD.value, _("A new password")),
            SelectChoice(Need.USERNAME.value, _("My username")),
            SelectChoice(Need.UNLOCK.value, _("To unlock my account")),
        ],
        invalid_choice_message=_("Choose what you need"),
    )


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
