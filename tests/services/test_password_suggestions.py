"""Words that are drawn to be a password."""

import random
from math import log2

import pytest

from portal.domain.passwords import LONGEST, weakness
from portal.services import password_suggestions
from portal.services.password_suggestions import suggestion, words_for

OWN = ["Central", "Administrator", "COUNTY OFFICE OF EDUCATION", "42061", "gatehouse"]


def test_a_thousand_are_all_different_and_pass_the_rules():
    drawn = [suggestion(OWN, 12) for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert [words for words in drawn if weakness(words, OWN, 12) is not None] == []
    assert {len(words.split(" ")) for words in drawn} == {3}


def test_three_words_have_38_bits_and_each_is_easy_to_type():
    words = password_suggestions._word_list()
    assert len(set(words)) == len(words)
    assert 3 * log2(len(words)) >= 38
    assert [word for word in words if not (word.isascii() and word.isalpha() and word.islower())] == []
    assert {len(word) for word in words} == set(range(3, 10))


def test_they_come_from_the_systems_generator_and_not_from_one_with_a_seed():
    drawn = set()
    for _ in range(20):
        random.seed(1)
        drawn.add(suggestion(OWN, 12))
    assert len(drawn) == 20


def test_every_word_is_drawn_sooner_or_later():
    """Not only those at the beginning of the list."""
    first_letters = {word[0] for _ in range(300) for word in suggestion(OWN, 12).split()}
    assert first_letters >= set("abcdefghijlmnoprstuvw")


def test_words_that_the_rules_refuse_are_drawn_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(password_suggestions, "_word_list", lambda: ["thistlewick", "copper", "lantern", "meadow"])
    assert "thistlewick thistlewick thistlewick" not in {suggestion(["Thistlewick"], 12) for _ in range(200)}


@pytest.mark.parametrize(("shortest", "words"), [(8, 3), (12, 3), (15, 3), (18, 3), (19, 4), (64, 11)])
def test_where_longer_passwords_are_asked_for_there_are_more_words(shortest: int, words: int):
    assert words_for(shortest) == words
    for _ in range(50):
        assert shortest <= len(suggestion(OWN, shortest)) <= LONGEST
