"""E-mail addresses: looked up generously, delivered to strictly, shown in part."""

import pytest

from portal.domain.email_addresses import fold_email, masked, same_address


@pytest.mark.parametrize("typed", ["MIKE@Example.org", "  mike@example.org ", "mike@example.org"])
def test_an_address_is_looked_up_whatever_its_case(typed: str):
    assert fold_email(typed) == "mike@example.org"


@pytest.mark.parametrize("typed", ["mıke@example.org", "mike＠example.org"])
def test_what_only_looks_like_an_address_is_another_one(typed: str):
    assert fold_email(typed) != "mike@example.org"


def test_a_mailbox_is_the_same_in_capitals_and_no_further():
    assert same_address("Mike@Example.org", "mike@example.org")
    assert not same_address("strasse@example.org", "straße@example.org")
    assert not same_address("mi\u212ae@example.org", "mike@example.org")


def test_an_address_is_shown_so_that_its_owner_alone_knows_it():
    assert masked("nomi@coe.example") == "n…@coe.example"
    assert masked("") == ""
