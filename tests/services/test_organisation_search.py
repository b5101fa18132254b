"""Finding organisations by what is typed, and from A to Z."""

import pytest
from flask import Flask
from sqlalchemy import event

from portal.extensions import db
from portal.models import Organisation
from portal.services import organisation_search
from portal.services.organisation_search import PAGE_SIZE, find, from_a_to_z, letters_in_use
from tests.factories import organisation

pytestmark = pytest.mark.usefixtures("app")


def codes(text: str, page: int = 1) -> list[str]:
    return [found.code for found in find(text, page).organisations]


@pytest.fixture
def trusts(app: Flask) -> None:
    organisation("RX1", "Nottingham University Hospitals Trust", acronyms=["NUH"])
    organisation("RY2", "St Étienne's Hospital, Łódź")
    organisation("RX10", "Leeds Teaching Hospitals Trust", former_names=["Leeds General Infirmary"])
    organisation("JP1", "東京大学病院")


@pytest.mark.usefixtures("trusts")
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("nottingham", "RX1"),
        ("NOTTINGHAM", "RX1"),
        ("  notting   univ ", "RX1"),
        ("hospitals nottingham", "RX1"),
        ("ottingha", "RX1"),
        ("NUH", "RX1"),
        ("etienne", "RY2"),
        ("ST ÉTIENNE’S", "RY2"),
        ("łódź", "RY2"),
        ("general infirmary", "RX10"),
        ("ry2", "RY2"),
        ("RX10 leeds", "RX10"),
        ("大学", "JP1"),
        ("東", "JP1"),
    ],
)
def test_an_organisation_is_found_by_parts_of_its_names_or_its_code(typed: str, found: str):
    assert codes(typed)[0] == found


@pytest.mark.usefixtures("trusts")
@pytest.mark.parametrize("typed", ["%", "_", "%%", "R_1", "nott%", "\\", "'", "nottingham leeds", "' OR 1=1 --", "\0"])
def test_what_stands_in_no_name_finds_nothing(typed: str):
    if typed == "nott%":
        assert codes(typed) == ["RX1"], "a percent sign is no letter: the word before it is looked for"
    elif typed == "\0":
        assert find(typed).text == ""
    else:
        assert codes(typed) == []


def test_a_wildcard_in_a_code_stands_for_itself():
    organisation("A-1", "Alpha")
    organisation("A_1", "Beta")
    assert codes("a_1") == ["A_1"]


def test_words_that_begin_come_before_parts_and_closed_ones_last():
    organisation("C1", "Northern Lights", status="closed")
    organisation("P1", "Transnorthern Rail")
    organisation("W2", "Great Northern Hospital")
    organisation("W1", "Northern Hospital")
    organisation("N1", "Zeta", acronyms=["Northern"])
    assert codes("northern") == ["N1", "W1", "W2", "P1", "C1"]


def test_a_code_that_is_typed_whole_comes_first():
    organisation("RX10", "Aaa")
    organisation("RX1", "Zzz")
    assert codes("rx1") == ["RX1", "RX10"]


def test_a_short_word_is_looked_for_only_where_words_begin():
    organisation("1", "Harbour")
    organisation("2", "Bay Harbour")
    assert codes("ba") == ["2"]
    assert codes("h") == ["1", "2"]


def test_the_same_name_has_a_stable_order():
    made = [organisation(f"S{number}", "Same Name") for number in range(5)]
    assert codes("same") == [each.code for each in made]


def test_an_organisation_that_fits_in_several_ways_is_found_once():
    organisation("M1", "Metro Health", acronyms=["METRO"], former_names=["Metro Care", "Metropolitan"])
    assert find("metro").count == 1


def test_results_come_in_pages_and_a_page_behind_the_last_is_the_last():
    for number in range(PAGE_SIZE + 5):
        organisation(f"N{number}", f"Northern {number:03}")
    first, second = find("northern"), find("northern", 2)
    assert (first.count, first.pages, len(first.organisations)) == (PAGE_SIZE + 5, 2, PAGE_SIZE)
    assert [found.name for found in second.organisations] == [f"Northern {number:03}" for number in range(20, 25)]
    assert find("northern", 999).page == 2
    assert find("northern", 10**30).page == 2
    assert find("northern", -3).page == 1


@pytest.mark.parametrize("typed", ["x" * 10_000, "a " * 5_000, "ﷺ" * 10_000, "%" * 10_000, "\U0010ffff" * 300])
def test_endless_texts_are_cut_and_answered(typed: str):
    organisation("A", "Alpha")
    assert len(find(typed).text) <= organisation_search.LONGEST_TEXT


def test_the_list_goes_from_a_to_z_and_leaves_out_the_closed():
    for code, name in (("1", "Élan"), ("2", "apple"), ("3", "Zebra"), ("4", "Éclair"), ("5", "3rd Unit")):
        organisation(code, name)
    organisation("6", "Quiet", status="closed")
    assert [found.name for found in from_a_to_z().organisations] == ["3rd Unit", "apple", "Éclair", "Élan", "Zebra"]
    assert [found.name for found in from_a_to_z(letter="E").organisations] == ["Éclair", "Élan"]
    assert from_a_to_z(letter="Q").count == 0
    assert from_a_to_z(page=77).page == 1
    assert letters_in_use() == {"A", "E", "Z", "#"}


def test_the_number_of_queries_does_not_grow_with_the_results():
    centre = organisation("C", "Northern Centre")
    for number in range(15):
        organisation(f"N{number}", f"Northern {number}", status="closed", successor_id=centre.id)
    db.session.expire_all()
    asked: list[str] = []
    listener = lambda *heard: asked.append(heard[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        names = [found.successor.name for found in find("northern").organisations if found.successor]
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    assert len(names) == 15
    assert len(asked) <= 3


def test_nothing_is_found_among_nothing():
    assert from_a_to_z().organisations == []
    assert (find("anything").count, find("anything").pages) == (0, 1)
    assert isinstance(find("anything").organisations, list)
    assert db.session.query(Organisation).count() == 0
