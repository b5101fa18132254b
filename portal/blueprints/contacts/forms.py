"""The contact form: details and contact types together, one Save."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from portal.blueprints import record_checks as checks
from portal.blueprints.contacts import refusals
from portal.blueprints.record_checks import Check
from portal.blueprints.record_fields import PHONES, Version, line
from portal.blueprints.record_words import CONTACT_TYPES, FIELDS, GENDERS, STAFF_GROUPS, STATUSES
from portal.domain import contact_details
from portal.domain.contact_details import ContactDetails
from portal.domain.roles import Role
from portal.models import Organisation, Person
from portal.services import contacts
from portal.services.administrators import LastAdministrator

TICKED = ("yes", "y", "true", "on", "1")


class Tick(BooleanField):
    """A checkbox with the value ``yes``; anything that does not mean yes is no."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent."""
        self.data = bool(valuelist) and valuelist[0].strip().lower() in TICKED


class Name(StringField):
    """A name that there must be: a form without the field has it empty, and is refused."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent."""
        self.data = valuelist[0] if valuelist else ""


def _choices(known: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in known.items()]


def _one_of(name: str, choices: Iterable[tuple[str, Any]], *rules: Check, empty: bool = True) -> SelectField:
    known = dict(choices)
    return SelectField(
        FIELDS[name],
        validators=list(rules),
        choices=[*([SelectChoice("", "–")] if empty else []), *_choices(known)],
        coerce=lambda text: contact_details.choice(str(text or ""), known),
        default="" if empty else next(iter(known)),
        invalid_choice_message=_("Choose one from the list"),  # type: ignore[call-arg]
    )


class ContactForm(FlaskForm):
    """The fields of one contact. ``person`` is whose record it is, None for a new one; ``own``: of who is signed in."""

    first_name = line("first_name", checks.first_name, checks.line, kind=Name)
    middle_name = line("middle_name", checks.line)
    last_name = line("last_name", checks.last_name, checks.line, kind=Name)
    prefix = _one_of("prefix", [(word, word) for word in contact_details.PREFIXES])
    suffix = _one_of("suffix", [(word, word) for word in contact_details.SUFFIXES])
    gender = _one_of("gender", GENDERS.items())
    primary_phone = line("primary_phone", checks.line, checks.phone)
    secondary_phone = line("secondary_phone", checks.line, checks.phone)
    mobile_phone = line("mobile_phone", checks.line, checks.phone)
    primary_email = line("primary_email", checks.primary_email)
    confirm_primary_email = line("confirm_primary_email", checks.confirmation)
    has_no_email = Tick(FIELDS["has_no_email"])
    email_is_temporary = Tick(FIELDS["email_is_temporary"])
    secondary_email = line("secondary_email", checks.email)
    job_title = line("job_title", checks.line)
    staff_group = _one_of("staff_group", STAFF_GROUPS.items(), empty=False)
    employee_number = line("employee_number", checks.line)
    smartcard_linked = Tick(FIELDS["smartcard_linked"])
    status = _one_of("status", STATUSES.items(), checks.status, empty=False)
    types = SelectMultipleField(
        FIELDS["types"],
        choices=_choices(CONTACT_TYPES),
        invalid_choice_message=_("Choose from the list: %(value)s is not in it"),  # type: ignore[call-arg]
    )
    allow_duplicate = Tick(_("Keep this address in both records"))
    confirm = Tick(_("Yes, make the last administrator inactive"))
    version = Version()

    def __init__(
        self,
        organisation: Organisation,
        person: Person | None,
        typed: MultiDict[str, str] | None,
        *,
        own: bool = False,
    ) -> None:
        self.present = contacts.details_of(person) if person else None
        self.own = own
        self.region = contact_details.region_of(organisation.country, current_app.config["COUNTRY"])
        self.duplicates: list[Person] = []
        self.asks_to_confirm = False
        may_unlink = Role.CENTRAL_ADMINISTRATOR in current_user.roles
        self.smartcard_stays = bool(self.present and self.present.smartcard_linked and not may_unlink)
        super().__init__(formdata=typed, obj=self.present, data={"version": person.version} if person else None)
        if self.smartcard_stays:
            self.smartcard_linked.data = True

    @property
    def email_changes(self) -> bool:
        """Whether the primary address is another than the record's."""
        return not self.present or self.present.primary_email != self.primary_email.data

    def details(self) -> ContactDetails:
        """What a valid form says."""
        said = {name: self[name].data for name in ContactDetails.__dataclass_fields__}
        said |= {name: contact_details.tidy_phone(said[name]) for name in PHONES}
        said["email_is_temporary"] = said["email_is_temporary"] and bool(said["primary_email"])
        return ContactDetails(**{**said, "types": frozenset(said["types"] or ())})

    def ask_about_last(self, last: LastAdministrator) -> None:
        """It would leave an organisation without an administrator: say so at the field, and ask who may decide it."""
        self.asks_to_confirm = last.may_confirm
        checks.add_error(self.status, refusals.last_administrator(last))

    def show_duplicates(self, people: Iterable[Person]) -> None:
        """Other records have the address: say so at the field."""
        self.duplicates = list(people)
        checks.add_error(
            self.primary_email,
            gettext("Another record of this organisation has this e-mail address: keep it, or change it"),
        )
