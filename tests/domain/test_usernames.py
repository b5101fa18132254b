"""Usernames: organisation code, initial, surname, then a number; ASCII and lower case, whatever the name."""

import pytest

from portal.domain.usernames import code_prefix, username_base


@pytest.mark.parametrize(
    ("code", "first", "last", "base"),
    [
        ("42061", "Nomi", "Contact", "42061ncontact"),
        ("RX1", "Bruno", "O'Brien-Smith", "rx1bobriensmith"),
        ("A/B 9", "Åse", "Sørensen", "ab9asorensen"),
        ("RX1", "Юлия", "Щукина", "rx1yshchukina"),
        ("RX1", "李", "小龙", "rx1lxiaolong"),
        ("RX1", "4", "!", "rx1xx"),
    ],
)
def test_the_base_is_made_of_code_initial_and_surname(code: str, first: str, last: str, base: str):
    assert username_base(code, first, last) == base


def test_a_username_is_ascii_and_fits_its_column():
    base = username_base("RX1", "Ñ", "ß" * 200)
    assert base.isascii()
    assert base == base.lower()
    assert len(base) == 60


def test_a_codes_prefix_is_how_usernames_of_it_begin():
    assert username_base("RX-1", "A", "B").startswith(code_prefix("RX-1"))
