"""The forms of My account: one's own record and address, with the administrators' rules; passwords."""

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, PasswordField
from wtforms.validators import InputRequired, ValidationError

from portal.blueprints import record_checks as checks
from portal.blueprints.passwords import NewPasswordForm
from portal.blueprints.record_fields import PHONES, Version, line
from portal.domain import contact_details
from portal.domain.contact_details import OwnDetails
from portal.domain.email_addresses import same_address
from portal.domain.passwords import normalised
from portal.filters import minute_after, time_of_day
from portal.models import Person
from portal.services import contacts
from portal.services.email_changes import AskedTooOften, LinkMailedOften

Typed = MultiDict[str, str]


def second_address(form: "RecordForm", field: Field) -> None:
    """It is not the first one again."""
    if field.data and not field.errors and same_address(field.data, form.present.primary_email):
        raise ValidationError(gettext("This is your primary e-mail address already"))


class RecordForm(FlaskForm):
    """What people may change in their own record. ``typed`` is what was sent, None for a form as the record stands."""

    primary_phone = line("primary_phone", checks.line, checks.phone)
    secondary_phone = line("secondary_phone", checks.line, checks.phone)
    mobile_phone = line("mobile_phone", checks.line, checks.phone)
    secondary_email = line("secondary_email", checks.email, second_address)
    version = Version()

    def __init__(self, person: Person, typed: Typed | None) -> None:
        self.present = contacts.details_of(person)
        self.region = contact_details.region_of(person.organisation.country, current_app.config["COUNTRY"])
        super().__init__(formdata=typed, obj=self.present, data={"version": person.version})

    def details(self) -> OwnDetails:
        """What a valid form says."""
        said = {name: self[name].data for name in OwnDetails.__dataclass_fields__}
        return OwnDetails(**said | {name: contact_details.tidy_phone(said[name]) for name in PHONES})

    def changes_address(self) -> bool:
        """Whether it says another address than the record, in which security notices arrive."""
        return self.details().secondary_email != self.present.secondary_email

    def go_on_from(self, version: int) -> None:
        """Somebody else has saved the record meanwhile: what was typed now goes on from what it says since."""
        self.version.data, self.version.raw_data = version, None


def another_address(form: "EmailForm", field: Field) -> None:
    """There is one, and it is not the present one."""
    if not field.data:
        raise ValidationError(gettext("Enter the new e-mail address"))
    checks.email(form, field)
    if same_address(field.data, form.address):
        raise ValidationError(gettext("This is your e-mail address already"))


class EmailForm(FlaskForm):
    """A new address, twice. ``typed`` is what was sent, None for an empty form."""

    primary_email = line("primary_email", another_address, label=_("New e-mail address"))
    confirm_primary_email = line("confirm_primary_email", checks.confirmation, label=_("New e-mail address again"))

    present = None
    email_changes = True

    def __init__(self, person: Person, typed: Typed | None) -> None:
        self.address = person.primary_email
        super().__init__(formdata=typed)

    def refuse(self, refused: AskedTooOften) -> None:
        """Enough was mailed for now: say so, and from when on it is possible again."""
        until = time_of_day(minute_after(refused.until))
        if isinstance(refused, LinkMailedOften):
            text = gettext(
                "The link was mailed to this address several times already. Look in the junk folder too. "
                "From %(until)s on you can ask for a new one",
                until=until,
            )
        else:
            text = gettext(
                "You asked for several new addresses within an hour. From %(until)s on you can ask again", until=until
            )
        checks.add_error(self.primary_email, text)


class ConfirmForm(FlaskForm):
    """The password again, where to go on, and the key of what is held meanwhile."""

    password = PasswordField(_("Password"), [InputRequired(_("Enter your password"))])
    next = HiddenField()
    held = HiddenField()


class ChangePasswordForm(NewPasswordForm):
    """The current password, and another one twice."""

    current_password = PasswordField(_("Current password"), [InputRequired(_("Enter your current password"))])

    def __init__(self, person: Person) -> None:
        super().__init__(person, "account.password")
        self._fields.move_to_end("current_password", last=False)  # errors are listed in the order of the page

    def validate_password(self, field: PasswordField) -> None:
        """The rules for every password, and another one than now."""
        super().validate_password(field)
        if normalised(field.data or "") == normalised(self.current_password.data or ""):
            raise ValidationError(_("Choose another password than the current one"))

    def refuse_current(self) -> None:
        """The current password was wrong, or may not be tried; which of the two is not told."""
        self.current_password.errors = [_("The current password is not right, or the account cannot be used just now")]
