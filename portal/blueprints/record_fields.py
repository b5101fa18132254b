"""Fields of the forms that change a record: its administrators' and its owner's."""

from flask_babel.speaklater import LazyString
from wtforms import IntegerField, StringField
from wtforms.widgets import HiddenInput

from portal.blueprints.record_checks import Check
from portal.blueprints.record_words import FIELDS
from portal.domain import contact_details

PHONES = ("primary_phone", "secondary_phone", "mobile_phone")
NO_VERSION = 0
"""What stands for a version that nobody can read: the record never has it."""


class Version(IntegerField):
    """The version that the form was opened at."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent; nonsense is a version that the record never has."""
        if valuelist:
            text = valuelist[0].strip()
            self.data = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else NO_VERSION


def line(
    name: str, *rules: Check, label: LazyString | None = None, kind: type[StringField] = StringField
) -> StringField:
    """A field of one line, kept trimmed, with its ``rules``, and its label unless another one is given."""
    return kind(label or FIELDS[name], validators=list(rules), filters=[_tidied])


def _tidied(text: str | None) -> str:
    return contact_details.tidy(text or "")
