"""The brand: one configured colour, and the shades and tints of it that the design system uses.

The vendored style sheet says ``var(--brand-N, default)`` wherever a colour derives from the brand colour; the text
made here sets those variables. How N derives is fixed by the design system: ``SHADES`` repeats its recipes, and a
test compares the result with the defaults that stand in the style sheet.
"""

import re

DEFAULT_COLOUR = "#24508c"

# WCAG 2.2, 1.4.3: text on the page's white, and the header's white text on the colour.
MINIMUM_CONTRAST = 4.5

BLACK = (0, 0, 0)
WHITE = (255, 255, 255)

Rgb = tuple[int, int, int]

# --brand-N, in order: mixed with what, how much of it in per cent, and the opacity of the result.
SHADES: tuple[tuple[Rgb, int, str | None], ...] = (
    (BLACK, 0, None),
    (BLACK, 50, None),
    (WHITE, 85, None),
    (WHITE, 78, None),
    (BLACK, 20, None),
    (WHITE, 20, None),
    (WHITE, 80, None),
    (BLACK, 50, ".1"),
    (BLACK, 70, ".2"),
    (BLACK, 70, ".05"),
    (BLACK, 70, ".15"),
    (WHITE, 70, ".4"),
    (WHITE, 70, ".1"),
    (BLACK, 10, ".5"),
    (WHITE, 40, None),
    (BLACK, 10, None),
    (WHITE, 93, None),
    (BLACK, 35, None),
)


def brand_css(colour: str) -> str:
    """The text of ``/brand.css`` for one colour, ``#rrggbb`` or ``#rgb``.

    Raises ValueError, in words for whoever configures the portal, when the colour cannot be read or is too pale.
    """
    base = checked_colour(colour)
    variables = [f"--brand-{number}:{_derived(base, *recipe)}" for number, recipe in enumerate(SHADES, start=1)]
    return ":root{" + ";".join(variables) + "}\n"


def checked_colour(colour: str) -> Rgb:
    """Red, green and blue of a colour that is dark enough for a brand; raises ValueError otherwise."""
    base = _parse(colour)
    contrast = contrast_on_white(base)
    if contrast < MINIMUM_CONTRAST:
        raise ValueError(
            f"The brand colour {colour} has a contrast of {contrast:.2f}:1 on white; at least {MINIMUM_CONTRAST}:1 "
            "is needed for people to read links and the header. Choose a darker one."
        )
    return base


def contrast_on_white(colour: Rgb) -> float:
    """The contrast ratio of WCAG 2.2 between a colour and white, from 1 to 21, not rounded."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _parse(colour: str) -> Rgb:
    text = colour.strip().lower()
    if re.fullmatch(r"#[0-9a-f]{3}", text):
        text = "#" + "".join(digit * 2 for digit in text[1:])
    if not re.fullmatch(r"#[0-9a-f]{6}", text):
        raise ValueError(
            f"The brand colour {colour!r} is not a colour: write it as #rrggbb, for instance {DEFAULT_COLOUR}."
        )
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _derived(base: Rgb, other: Rgb, percent: int, opacity: str | None) -> str:
    red, green, blue = (_mixed(own, added, percent) for own, added in zip(base, other, strict=True))
    if opacity is None:
        return f"#{red:02x}{green:02x}{blue:02x}"
    return f"rgba({red},{green},{blue},{opacity})"


def _mixed(own: int, added: int, percent: int) -> int:
    # Whole numbers, and halves go up, as the design system's compiler rounds.
    return (own * (100 - percent) + added * percent + 50) // 100
