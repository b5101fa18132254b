"""The rules of a record's fields, whoever fills them in. What is right is the domain's to say; here stand the words."""

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _
from wtforms import Field, ValidationError

from portal.domain import contact_details
from portal.domain.contact_details import LENGTHS
from portal.domain.email_addresses import fold_email

Check = Callable[[Any, Field], None]


def first_name(_form: Any, field: Field) -> None:
    """There is one, and it can be seen."""
    if not contact_details.is_visible(field.data):
        raise ValidationError(_("Enter the first name"))


def last_name(_form: Any, field: Field) -> None:
    """There is one, and it can be seen."""
    if not contact_details.is_visible(field.data):
        raise ValidationError(_("Enter the last name"))


def line(_form: Any, field: Field) -> None:
    """One line of print, no longer than its column."""
    if not contact_details.is_printable(field.data):
        raise ValidationError(_("Leave out line breaks and other characters that cannot be printed"))
    most = LENGTHS[field.name]
    if len(field.data) > most:
        raise ValidationError(_("%(field)s: use %(most)s characters or fewer", field=str(field.label.text), most=most))


def phone(form: Any, field: Field) -> None:
    """A number that can be dialled in the organisation's country."""
    if field.data and not _is_as_before(form, field) and not contact_details.is_phone(field.data, form.region):
        example = contact_details.example_phone(form.region)
        label = str(field.label.text)
        raise ValidationError(
            _("%(field)s: enter it with its area code, such as %(example)s", field=label, example=example)
        )


def email(form: Any, field: Field) -> None:
    """An address by its syntax; the field then holds its normal form."""
    if not field.data or _is_as_before(form, field):
        return
    address = contact_details.email_address(field.data)
    if address is None:
        label = str(field.label.text)
        if len(field.data) > contact_details.LENGTHS["primary_email"]:
            raise ValidationError(_("%(field)s: this is too long to be an e-mail address", field=label))
        raise ValidationError(_("%(field)s: enter it in the form name@organisation.example", field=label))
    field.data = address


def primary_email(form: Any, field: Field) -> None:
    """An address or the word that there is none, one of the two; one's own is changed elsewhere."""
    if not field.data and not form.has_no_email.data:
        raise ValidationError(_("Enter the primary e-mail address, or say that there is none"))
    if field.data and form.has_no_email.data:
        raise ValidationError(_("Either enter an e-mail address or say that there is none, not both"))
    email(form, field)
    if form.own and form.email_changes:
        raise ValidationError(
            _("Your own e-mail address is not changed here, but under My account or by another administrator")
        )


def confirmation(form: Any, field: Field) -> None:
    """The address typed again, when it is new or another."""
    if not form.primary_email.data or not form.email_changes:
        return
    if not field.data:
        raise ValidationError(_("Enter the primary e-mail address again, to confirm it"))
    if form.primary_email.errors:
        return
    typed = contact_details.email_address(field.data) or field.data
    if fold_email(typed) != fold_email(form.primary_email.data):
        raise ValidationError(_("The two e-mail addresses are not the same"))


def status(form: Any, field: Field) -> None:
    """One's own record stays active."""
    if form.own and form.present and field.data != form.present.status:
        raise ValidationError(_("Your own status is not changed here: ask another administrator"))


def add_error(field: Field, text: str) -> None:
    """An error that only the database could find."""
    field.errors = [*field.errors, text]


def _is_as_before(form: Any, field: Field) -> bool:
    """Whether the field says what the record says already: an old mistake keeps nobody from saving something else."""
    return bool(form.present) and getattr(form.present, field.name) == field.data
