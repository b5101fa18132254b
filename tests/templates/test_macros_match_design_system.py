"""Our form macros emit the design system's own DOM: each is rendered beside its original, and the two are compared."""

import re
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    Form,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import InputRequired

from tests.templates.oracle import dom, original_html, ours_html

INVALID = {"aria-invalid": "true"}


class Example(Form):
    town = StringField("Town", [InputRequired("Enter the town")])
    secret = PasswordField("Password", [InputRequired("Enter the password")])
    colour = SelectField("Colour", choices={"r": "Red", "g": "Green & more"})
    size = RadioField("Size", [InputRequired("Choose a size")], choices={"s": "Small", "l": "Large"})
    types = SelectMultipleField("Types", [InputRequired("Choose a type")], choices={"a": "Admin", "b": "Benefit"})
    agree = BooleanField("I agree", [InputRequired("Agree first")])


FILLED = {"town": 'Stoke "on" Trent', "colour": "g", "size": "l", "types": "b", "agree": "yes"}


def filled() -> Example:
    return Example(MultiDict(FILLED))


def refused() -> Example:
    form = Example(MultiDict({"town": ""}))
    form.validate()
    return form


def field_params(form: Example, name: str, **more: Any) -> dict[str, Any]:
    field = form[name]
    error = {"errorMessage": {"text": field.errors[0]}} if field.errors else {}
    return {"id": name, "name": name, "label": {"text": field.label.text}, **error, **more}


def group_params(form: Example, name: str, **more: Any) -> dict[str, Any]:
    params = field_params(form, name, **more)
    return {"idPrefix": params.pop("id"), "fieldset": {"legend": params.pop("label")}, **params}


@pytest.mark.parametrize("form", [filled(), refused()], ids=["filled", "refused"])
class TestFields:
    def test_text_input(self, form: Example) -> None:
        attributes = INVALID if form.town.errors else {}
        assert dom(
            ours_html(
                'text_input.text_input(f.town, hint="Or village", width=10, autocomplete="address-level2",'
                ' inputmode="text", spellcheck=false, described_by="more", classes="x")',
                f=form,
            )
        ) == dom(
            original_html(
                "input",
                "input",
                **field_params(
                    form,
                    "town",
                    hint={"text": "Or village"},
                    value=form.town.data or False,
                    width="10",
                    autocomplete="address-level2",
                    inputmode="text",
                    spellcheck=False,
                    describedBy="more",
                    classes="x",
                    attributes=attributes,
                ),
            )
        )

    def test_password_input_never_repeats_what_was_typed(self, form: Example) -> None:
        form.secret.data = "correct horse"
        html = ours_html('password_input.password_input(f.secret, autocomplete="new-password", hint="Long")', f=form)
        assert "correct horse" not in html
        assert dom(html) == dom(
            original_html(
                "password-input",
                "passwordInput",
                **field_params(
                    form,
                    "secret",
                    hint={"text": "Long"},
                    autocomplete="new-password",
                    attributes=INVALID if form.secret.errors else {},
                    showPasswordText="Show",
                    hidePasswordText="Hide",
                    showPasswordAriaLabelText="Show password",
                    hidePasswordAriaLabelText="Hide password",
                    passwordShownAnnouncementText="Your password is visible",
                    passwordHiddenAnnouncementText="Your password is hidden",
                ),
            )
        )

    def test_select(self, form: Example) -> None:
        items = [
            {"value": value, "text": text, "selected": value == form.colour.data}
            for value, text in [("r", "Red"), ("g", "Green & more")]
        ]
        attributes = INVALID if form.colour.errors else {}
        assert dom(ours_html('select.select(f.colour, hint="One")', f=form)) == dom(
            original_html(
                "select",
                "select",
                **field_params(form, "colour", hint={"text": "One"}, items=items, attributes=attributes),
            )
        )

    def test_radios(self, form: Example) -> None:
        items: list[dict[str, Any]] = [
            {"value": "s", "text": "Small", "hint": {"text": "Fits"}},
            {"value": "l", "text": "Large", "checked": form.size.data == "l"},
        ]
        assert dom(
            ours_html(
                'radios.radios(f.size, hint="One", item_hints={"s": "Fits"}, inline=true, small=true,'
                ' legend_classes="nhsuk-fieldset__legend--s")',
                f=form,
            )
        ) == dom(
            original_html(
                "radios",
                "radios",
                **group_params(form, "size", hint={"text": "One"}, inline=True, small=True, items=items)
                | {"fieldset": {"legend": {"text": "Size", "size": "s"}}},
            )
        )

    def test_checkboxes(self, form: Example) -> None:
        items: list[dict[str, Any]] = [
            {"value": "a", "text": "Admin"},
            {"value": "b", "text": "Benefit", "checked": form.agree.data, "hint": {"text": "Pay"}},
        ]
        assert dom(
            ours_html('checkboxes.checkboxes(f.types, hint="Any", item_hints={"b": "Pay"}, small=true)', f=form)
        ) == dom(
            original_html(
                "checkboxes",
                "checkboxes",
                **group_params(form, "types", hint={"text": "Any"}, small=True, items=items),
            )
        )

    def test_one_checkbox(self, form: Example) -> None:
        item = {
            "value": "yes",
            "text": "I agree",
            "checked": form.agree.data,
            "attributes": INVALID if form.agree.errors else {},
        }
        assert dom(ours_html("checkboxes.checkbox(f.agree)", f=form)) == dom(
            original_html(
                "checkboxes",
                "checkboxes",
                **{k: v for k, v in group_params(form, "agree", items=[item]).items() if k != "fieldset"},
            )
        )

    def test_error_summary_leads_to_each_field(self, form: Example) -> None:
        errors = [{"text": field.errors[0], "href": f"#{field.id}"} for field in form if field.errors]
        expected = original_html(
            "error-summary",
            "errorSummary",
            titleText="There is a problem",
            errorList=errors,
            disableAutoFocus=True,
            attributes={"tabindex": "-1", "autofocus": ""},
        )
        assert dom(ours_html("error_summary.error_summary(f)", f=form)) == (dom(expected) if errors else [])


def test_the_ids_of_an_error_summary_exist_in_the_fields() -> None:
    form = refused()
    fields = "".join(
        ours_html(call, f=form)
        for call in (
            "text_input.text_input(f.town)",
            "password_input.password_input(f.secret)",
            "select.select(f.colour)",
            "radios.radios(f.size)",
            "checkboxes.checkboxes(f.types)",
            "checkboxes.checkbox(f.agree)",
        )
    )
    targets = re.findall(r'href="#([^"]+)"', ours_html("error_summary.error_summary(f)", f=form))
    assert len(targets) == 6
    assert [target for target in targets if fields.count(f' id="{target}"') != 1] == []


def test_a_required_field_is_marked_for_eyes_and_for_screen_readers() -> None:
    html = ours_html("text_input.text_input(f.town, required_marker=true)", f=filled())
    assert '<span class="app-required" aria-hidden="true"> *</span>' in html
    assert 'aria-required="true"' in html
