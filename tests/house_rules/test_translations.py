"""The words: British English is the source, American English the first catalogue, and neither has gaps."""

import re
from io import BytesIO
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "portal/translations/en_US/LC_MESSAGES/messages.po"

BRITISH = re.compile(
    r"organis|enrol(?!l)|recognis|authoris|colour|catalogue|centre|cancelled|en-GB|postcode|licen[c]e", re.IGNORECASE
)
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2), "lazy_ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]


def is_british(text: str) -> bool:
    """Whether a text, its named placeholders aside, is spelled as only the British do."""
    return BRITISH.search(re.sub(r"%\(\w+\)s", "", text)) is not None


def texts_of_the_source() -> set[str]:
    found = extract_from_dir(str(ROOT / "portal"), METHODS, keywords=KEYWORDS)
    texts: set[str] = set()
    for _file, _line, message, _comments, _context in found:
        texts.update(message if isinstance(message, tuple) else [message])
    return texts


def american() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        entries = [entry for entry in read_po(file, locale="en_US") if entry.id]
    words: dict[str, str] = {}
    for entry in entries:
        ids = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        strings = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        words.update(zip(ids, strings, strict=True))
    return words


def test_every_text_with_a_british_spelling_has_its_american_words() -> None:
    words = american()
    missing = sorted(text for text in texts_of_the_source() if is_british(text) and not words.get(text))
    assert missing == []


def test_the_american_words_have_no_british_spelling() -> None:
    assert [text for text in american().values() if is_british(text)] == []


def test_the_catalogue_holds_no_text_that_is_gone() -> None:
    assert sorted(set(american()) - texts_of_the_source()) == []


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with CATALOGUE.open("rb") as file:
        fresh = BytesIO()
        write_mo(fresh, read_po(file, locale="en_US"))
    assert CATALOGUE.with_suffix(".mo").read_bytes() == fresh.getvalue()
