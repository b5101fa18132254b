"""The brand colour: one setting becomes the variables of the vendored style sheet."""

import re
from pathlib import Path

import pytest

from portal.domain.brand import DEFAULT_COLOUR, SHADES, brand_css, contrast_on_white

STYLE_SHEET = Path(__file__).parents[2] / "portal" / "static" / "vendor" / "nhsuk-frontend.min.css"
VARIABLE = re.compile(r"var\(--brand-(\d+), (#[0-9a-f]+|rgba\([^)]*\))\)")
DESIGN_SYSTEM_BLUE = "#005eb8"


def variables(css: str) -> dict[int, str]:
    return {int(number): value for number, value in re.findall(r"--brand-(\d+):([^;}]+)", css)}


@pytest.fixture(scope="module")
def style_sheet() -> str:
    return STYLE_SHEET.read_text(encoding="utf-8")


def test_the_default_colour_gives_the_defaults_that_stand_in_the_style_sheet(style_sheet: str) -> None:
    in_style_sheet = {int(number): value for number, value in VARIABLE.findall(style_sheet)}
    assert variables(brand_css(DEFAULT_COLOUR)) == in_style_sheet


def test_every_variable_is_used_and_every_use_has_one_default(style_sheet: str) -> None:
    uses = set(VARIABLE.findall(style_sheet))
    assert sorted(int(number) for number, _ in uses) == list(range(1, len(SHADES) + 1))


def test_no_brand_colour_is_left_hard_coded(style_sheet: str) -> None:
    rest = VARIABLE.sub("", style_sheet)
    left_over = [
        value for value in {*variables(brand_css(DEFAULT_COLOUR)).values(), DESIGN_SYSTEM_BLUE} if value in rest
    ]
    assert left_over == []


def test_another_colour_changes_every_variable() -> None:
    purple, blue = variables(brand_css("#5b2a86")), variables(brand_css(DEFAULT_COLOUR))
    assert purple.keys() == blue.keys()
    assert all(purple[number] != blue[number] for number in blue)


def test_shades_and_tints_round_as_the_design_system_does() -> None:
    derived = variables(brand_css("#005eb8"))
    assert derived[5] == "#004b93"
    assert derived[4] == "#c7dcef"
    assert derived[12] == "rgba(179,207,234,.4)"


def test_three_digits_and_capitals_mean_the_same_colour() -> None:
    assert brand_css("#036") == brand_css(" #003366 ") == brand_css("#036".upper())


@pytest.mark.parametrize("pale", ["#ffffff", "#ffcc00", "#777777", "#41b6e6"])
def test_a_colour_too_pale_to_read_is_refused_in_words(pale: str) -> None:
    with pytest.raises(ValueError, match=r"contrast of \d+\.\d\d:1 on white.*Choose a darker one"):
        brand_css(pale)


def test_the_limit_itself_is_accepted() -> None:
    # #767676 is the lightest grey that WCAG accepts on white (4.54:1); one step lighter is not.
    assert contrast_on_white((0x76, 0x76, 0x76)) == pytest.approx(4.54, abs=0.01)
    brand_css("#767676")


@pytest.mark.parametrize(
    "nonsense", ["", "blue", "#12", "#12345g", "#1234567", "rgb(0,0,0)", "#000;}body{display:none"]
)
def test_what_is_no_colour_is_refused_with_an_example(nonsense: str) -> None:
    with pytest.raises(ValueError, match=f"not a colour.*{DEFAULT_COLOUR}"):
        brand_css(nonsense)
