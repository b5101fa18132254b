"""The forms of signing in and recovery: what is typed, and what is wrong with it."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length

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
        [
            InputRequired(_("Enter your username or e-mail address")),
            Length(max=254, message=_("This is too long to be a username or an e-mail address")),
        ],
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
