"""Every setting is read by something, named in the README, and nothing reads a setting that does not exist."""

import ast
import re

import pytest

from portal.config import SETTINGS
from tests.support.source import ROOT, modules, nodes, templates

NAMES = {setting.name for setting in SETTINGS}
LIBRARIES = {"SQLALCHEMY_ENGINE_OPTIONS", "RATELIMIT_STORAGE_OPTIONS"}
"""What the application tells a library beside the settings."""
README = ROOT / "README.md"

# Settings that a library reads under the very name.
READ_BY_LIBRARIES = {
    "SECRET_KEY_FALLBACKS": "flask.sessions",
    "SQLALCHEMY_DATABASE_URI": "flask_sqlalchemy",
    "MAIL_SERVER": "flask_mail",
    "MAIL_PORT": "flask_mail",
    "MAIL_USE_TLS": "flask_mail",
    "MAIL_USE_SSL": "flask_mail",
    "MAIL_USERNAME": "flask_mail",
    "MAIL_PASSWORD": "flask_mail",
    "MAIL_DEFAULT_SENDER": "flask_mail",
}


def names_in_code() -> set[str]:
    """Every text constant outside the table itself, and what templates take out of ``config``."""
    found = set()
    for place, node in nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            in_table = place.startswith("config.py:") and is_in_table(int(place.split(":")[1]))
            found |= set() if in_table else {node.value}
    for text in templates().values():
        found |= set(re.findall(r"\bconfig[.\[]+['\"]?([A-Z_]+)", text))
    return found


def is_in_table(line: int) -> bool:
    source = modules()["config.py"].read_text().splitlines()
    first = next(number for number, text in enumerate(source, start=1) if text.startswith("SETTINGS = ("))
    last = next(number for number, text in enumerate(source, start=1) if number > first and text.startswith(")"))
    return first <= line <= last


def test_every_setting_is_read_by_something():
    assert NAMES - names_in_code() - set(READ_BY_LIBRARIES) == set()


@pytest.mark.parametrize(("name", "library"), READ_BY_LIBRARIES.items())
def test_the_libraries_still_read_theirs(name: str, library: str):
    import importlib.util
    from pathlib import Path

    found = importlib.util.find_spec(library)
    assert found is not None
    assert found.origin is not None
    origin = Path(found.origin)
    files = [origin] if origin.name != "__init__.py" else list(origin.parent.rglob("*.py"))
    assert any(f'"{name}"' in file.read_text() for file in files)


def test_nothing_reads_a_setting_that_is_not_in_the_table():
    """What is read under the application's ``config`` is a setting, or follows from settings in ``config.complete``."""
    derived = set()
    (complete,) = [
        node
        for place, node in nodes()
        if place.startswith("config.py:") and isinstance(node, ast.FunctionDef) and node.name == "complete"
    ]
    for node in ast.walk(complete):
        if isinstance(node, ast.Dict):
            derived |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    unknown = set()
    for place, node in nodes():
        if (
            not isinstance(node, ast.Subscript)
            or not isinstance(node.slice, ast.Constant)
            or place.startswith("config.py")
        ):
            continue
        holder = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        key = node.slice.value
        if holder in ("config", "settings") and isinstance(key, str) and key.isupper():
            unknown |= {f"{place} {key}"} if key not in NAMES | derived | LIBRARIES else set()
    assert unknown == set()


def test_the_readme_names_every_setting_and_no_other():
    if not README.exists():
        pytest.skip("the README is not written yet")
    named = set(re.findall(r"PORTAL_([A-Z_]+)", README.read_text()))
    short = {f"MAIL{part}" for part in re.findall(r"`_([A-Z_]+)`", README.read_text())}
    assert NAMES - named - {name.replace("MAIL", "MAIL_", 1) for name in short} == set()
    assert {name for name in named if name not in NAMES and not name.endswith("_")} == set()
