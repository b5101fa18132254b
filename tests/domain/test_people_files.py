"""Cells of people's files: none is taken for a formula, and each comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.people_files import guarded, unguarded


@pytest.mark.parametrize(
    "cell", ["=1", "+44 1603", "-", "@home", "＝1", "＋1", "－1", "＠x", "\tx", "\rx", "'=1", "''+1"]
)
def test_what_a_spreadsheet_could_take_for_a_formula_gets_an_apostrophe(cell):
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "O'Brien", "'t Hooft", "''", "'", "a=b", "1-2"])
def test_other_cells_stay_as_they_are(cell):
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


@given(st.text(alphabet=st.sampled_from("'=+-@＝＋－＠ab \t"), max_size=8))
def test_every_cell_comes_back(cell):
    assert unguarded(guarded(cell)) == cell
