"""Files and views stay small enough to be read in one go, and say what they know in their names and first lines."""

import ast
import re
import statistics
from pathlib import Path

import pytest

from tests.support.source import PORTAL, ROOT, functions, modules, templates, tree_of

CODE_LINES, TEST_LINES, TEMPLATE_LINES = 300, 400, 120
VIEW_STATEMENTS, VIEW_LINES_MEDIAN = 25, 12
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "tools"}

VIEWS = [file for name, file in modules("blueprints").items() if name.endswith("views.py") or "/views/" in name]


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_files_stay_within_their_measure():
    long = [f"{name}: {lines(file)}" for name, file in modules().items() if lines(file) > CODE_LINES]
    tests = [file for file in (ROOT / "tests").rglob("*.py") if lines(file) > TEST_LINES]
    pages = [
        f"{name}: {text.count(chr(10))}" for name, text in templates().items() if text.count("\n") > TEMPLATE_LINES
    ]
    scripts = [file for file in (PORTAL / "static" / "js").glob("*.js") if lines(file) > CODE_LINES]
    assert (long, tests, pages, scripts) == ([], [], [], [])


def test_style_sheets_of_our_own_stay_within_their_measure():
    sheets = (PORTAL / "static" / "css").glob("*.css")
    assert [f"{file.name}: {lines(file)}" for file in sheets if lines(file) > CODE_LINES] == []


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.parent.name)
def test_a_view_is_load_form_one_call_and_answer(file: Path):
    for view in functions(file):
        statements = sum(isinstance(node, ast.stmt) for node in ast.walk(view)) - 1
        assert statements <= VIEW_STATEMENTS, f"{file}:{view.lineno} {view.name} has {statements} statements"


def test_the_median_view_has_twelve_lines_or_fewer():
    lengths = [
        (view.end_lineno or 0) - view.lineno + 1 for file in VIEWS for view in functions(file) if view.decorator_list
    ]
    assert lengths
    assert statistics.median(lengths) <= VIEW_LINES_MEDIAN


def test_views_have_no_docstrings_and_modules_have_one():
    """A view's name and URL say what it is; every other module begins with what it knows."""
    for file in VIEWS:
        for view in functions(file):
            if view.decorator_list:
                assert ast.get_docstring(view) is None, f"{file}:{view.lineno}"
    silent = [name for name, file in modules().items() if file not in VIEWS and not ast.get_docstring(tree_of(file))]
    assert silent == []


def test_a_module_is_named_for_what_it_knows():
    parts = {part for name in modules() for part in re.split(r"[/_.]", name)}
    assert parts & VAGUE == set()


def test_no_rule_is_switched_off_for_a_whole_file():
    for name, file in modules().items():
        assert not re.search(r"^# (ruff|flake8): noqa|^# mypy: ignore", file.read_text(), re.M), name


def test_every_exception_to_a_rule_names_the_rule():
    for name, file in modules().items():
        text = file.read_text()
        assert not re.search(r"# noqa(?!:)", text), name
        assert not re.search(r"# type: ignore(?!\[)", text), name
