"""What a password must be, and how temporary ones are written and read."""

import sys
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain import passwords
from portal.domain.passwords import Weakness, normalised, temporary_normalised, temporary_text, weakness

STRONG = "copper lantern meadow"


def random_looking(length: int) -> str:
    """Letters in no order that a dictionary, a keyboard or a sequence knows."""
    return ("qvzjxkwpyfbgmhu" * 10)[:length]


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("vqzj xkwp y", Weakness.TOO_SHORT),
        ("vqzj xkwp yf", None),
        (random_looking(64), None),
        (random_looking(73), None),
        (random_looking(101), None),
        (random_looking(128), None),
        (random_looking(129), Weakness.TOO_LONG),
        ("aaaaaaaaaaaaaaa", Weakness.GUESSABLE),
        ("password1234", Weakness.GUESSABLE),
        ("qwertyuiop[]", Weakness.GUESSABLE),
    ],
)
def test_length_and_guessability_decide_and_nothing_else(password: str, why: Weakness | None):
    assert weakness(password, [], 12) is why


def test_the_least_length_is_a_setting():
    assert weakness("vqzj xkwp yfbg", [], 15) is Weakness.TOO_SHORT


def test_an_emoji_counts_as_one_character():
    assert weakness("🦊🐙🌵🎈🚲🧀🔭🪁🍄🎻🧭", [], 12) is Weakness.TOO_SHORT
    assert weakness("🦊🐙🌵🎈🚲🧀🔭🪁🍄🎻🧭🛶", [], 12) is None


@pytest.mark.parametrize("own", ["Thistlewick", "COUNTY OFFICE OF EDUCATION", "42061nthistlewick1"])
def test_words_of_ones_own_make_a_password_guessable(own: str):
    padded = f"{own}{own}".replace(" ", "")[:60]
    assert weakness(padded, [own], 12) is Weakness.OWN_WORDS


def test_both_ways_of_writing_an_accent_are_one_password():
    composed, decomposed = "crème brûlée à midi", unicodedata.normalize("NFD", "crème brûlée à midi")
    assert composed != decomposed
    assert normalised(composed) == normalised(decomposed)


def test_a_password_made_to_be_slow_to_judge_is_judged_soon():
    began = time.perf_counter()
    assert weakness("4@8({[<369&!l1|0$5+7%2z" * 5, [], 12) is None
    assert time.perf_counter() - began < 5


def test_two_people_choosing_at_once_are_judged_by_their_own_words():
    """zxcvbn keeps the words of a call where all calls see them."""

    def judge(own: str) -> Weakness | None:
        return weakness(f"{own}{own}", [own], 12)

    names = [random_looking(40)[start : start + 9] for start in range(12)] * 4
    assert weakness(names[0] * 2, [], 12) is None, "to others it is a good one"
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(judge, names)) == {Weakness.OWN_WORDS}
    finally:
        sys.setswitchinterval(before)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=140))
def test_whatever_is_typed_is_judged(text: str):
    assert weakness(text, ["İstanbul", "Straße"], 12) in (None, *Weakness)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0000-0000-0000"), ((1 << 60) - 1, "ZZZZ-ZZZZ-ZZZZ"), (1 << 55, "1000-0000-0000")]
)
def test_sixty_bits_are_three_groups_of_four(number: int, text: str):
    assert temporary_text(number) == text


def test_no_temporary_password_has_look_alikes():
    assert not set("ILOU") & set(passwords.ALPHABET)
    assert len(passwords.ALPHABET) == len(set(passwords.ALPHABET)) == 32


@pytest.mark.parametrize(
    "typed",
    ["4f7k-9qxd-2m8w", "4F7K9QXD2M8W", " 4f7k 9qxd 2m8w ", "4F7K–9QXD‐2M8W", "４Ｆ７Ｋ-9QXD-2M8W"],
)
def test_case_spaces_and_hyphens_do_not_matter(typed: str):
    assert temporary_normalised(typed) == "4F7K9QXD2M8W"


def test_letters_that_look_like_digits_are_read_as_these():
    assert temporary_normalised("iLoU") == "110V"


@pytest.mark.parametrize(
    "password",
    [
        "luisortegaluis",
        "Ortega-Luis-Ortega",
        "LuisOrtega2026",
        "luis ortega 48213",
        "Zoe Zolc Ortega 1",
        "42061-ORTEGA-77",
        "xx COUNTY OFFICE OF EDUCATION xx",
        "aaaa LuisOrtega bbbb",
    ],
)
def test_ones_own_words_are_guessable_in_any_row_and_with_any_number(password: str):
    own = ["Luis", "Ortega", "Zoë", "Żółć", "42061", "COUNTY OFFICE OF EDUCATION"]
    assert weakness(password, own, 12) is Weakness.OWN_WORDS


def test_ones_own_word_among_others_does_no_harm():
    assert weakness("ortega kettle beyond thunder", ["Luis", "Ortega"], 12) is None
