"""How text is folded so that case, accents and punctuation do not matter when words are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.search_terms import fold, initial_of, like_pattern, words_of


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("St Elsewhere", "st elsewhere"),
        ("  ST   ELSEWHERE\t\n", "st elsewhere"),
        ("Zoë Brontë", "zoe bronte"),
        ("Zoe\u0308", "zoe"),
        ("ZOË", "zoe"),
        ("St. Mary's", "st marys"),
        ("St Mary\u2019s", "st marys"),
        ("King\u02bcs", "kings"),
        ("Smith-Jones", "smith jones"),
        ("Smith_Jones", "smith jones"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("ﬁrst", "first"),
        ("Ｗｉｄｅ", "wide"),
        ("İstanbul", "istanbul"),
        ("North & South (East)", "north south east"),
        ("L’Hôpital", "lhopital"),
        ("日本", "日本"),
        ("", ""),
        ("!?*", ""),
    ],
)
def test_text_is_folded_to_what_people_mean(typed, folded):
    assert fold(typed) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_folded_text_has_single_spaces_and_no_wildcards(text):
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert not set(folded) & set("%_\\'\"")


def test_words_keep_their_order_and_lose_their_punctuation():
    assert words_of("Trust, NHS; the") == ["trust", "nhs", "the"]
    assert words_of("  ") == []


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        ("county office", "C"),
        ("Émile Zola School", "E"),
        ("Øresund Academy", "O"),
        ("'Appleton'", "A"),
        ("(The) Beeches", "T"),
        ("4 Oaks", "#"),
        ("", "#"),
        ("!", "#"),
    ],
)
def test_a_name_stands_under_its_letter(name, letter):
    assert initial_of(name) == letter


@given(st.text(max_size=20))
def test_every_name_stands_under_one_letter_or_the_hash(name):
    assert initial_of(name) in set("ABCDEFGHIJKLMNOPQRSTUVWXYZ#")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("oak", "%oak%"),
        ("100%", "%100\\%%"),
        ("a_b", "%a\\_b%"),
        ("back\\slash", "%back\\\\slash%"),
        ("%_\\", "%\\%\\_\\\\%"),
    ],
)
def test_wildcards_that_are_typed_are_looked_for_and_not_obeyed(text, pattern):
    assert like_pattern(text) == pattern
    assert like_pattern(text, start=True) == pattern[1:]
