"""The forms of My account: the password again, and another password."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField
from wtforms.validators import InputRequired, ValidationError

from portal.blueprints.passwords import NewPasswordForm
from portal.domain.passwords import normalised
from portal.models import Person


class ConfirmForm(FlaskForm):
    """The password again, where to go on, and the key of what is held meanwhile."""

    password = PasswordField(_("Password"), [InputRequired(_("Enter your password"))])
    next = HiddenField()
    held = HiddenField()


class ChangePasswordForm(NewPasswordForm):
    """The current password, and another one twice."""

    current_password = PasswordField(_("Current password"), [InputRequired(_("Enter your current password"))])

    def __init__(self, person: Person) -> None:
        super().__init__(person)
        self._fields.move_to_end("current_password", last=False)  # errors are listed in the order of the page

    def validate_password(self, field: PasswordField) -> None:
        """The rules for every password, and another one than now."""
        super().validate_password(field)
        if normalised(field.data or "") == normalised(self.current_password.data or ""):
            raise ValidationError(_("Choose another password than the current one"))

    def refuse_current(self) -> None:
        """The current password was wrong, or may not be tried; which of the two is not told."""
        self.current_password.errors = [_("The current password is not right, or the account cannot be used just now")]
