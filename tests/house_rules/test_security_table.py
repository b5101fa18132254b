"""The table of what must hold: every requirement has its row, and every test that a row names exists."""

import ast
import re
from functools import cache

import pytest

from tests.support.source import ROOT

TABLE = ROOT / "tests/security/README.md"
ROW = re.compile(r"^\| (\d+|R\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.M)
TEST = re.compile(r"`((?:[\w./]+/)?\w+\.py)(?:::(\w+))?`")
REQUIREMENTS = [*map(str, range(1, 73)), *(f"R{number}" for number in range(1, 18))]
NOT_YET = "does not exist yet"
"""What a row says of a part that is to come, in place of a test."""


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall(TABLE.read_text())


@cache
def defined_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_requirement_has_one_row_in_its_order():
    assert [number for number, *_rest in rows()] == REQUIREMENTS


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_names_tests_that_exist_and_the_control_that_they_hold(row: tuple[str, str, str, str]):
    number, words, shown_by, control = row
    named = TEST.findall(shown_by)
    assert named or NOT_YET in shown_by, f"{number} names no test"
    for file, test in named:
        assert (ROOT / "tests" / file).is_file(), f"{number}: tests/{file} is not there"
        assert not test or test in defined_in(f"tests/{file}"), f"{number}: {file} has no {test}"
    assert len(words) > 20
    assert control.strip(" –-"), f"{number} names no control"
