"""What is kept in the repository says nothing of the machine or of the people it was made on."""

import re
from pathlib import Path

import pytest

from tests.support.source import ROOT, tracked_files

# Written in two halves, so that this file does not name them itself.
NEVER = [
    (r"/(?:home|Users|root)/" + r"[a-z]", "a home folder"),
    (r"(?<![\w.-])/wo" + r"rk/", "a folder of one machine"),
    (r"pypi\.org/" + r"simple|files\.python" + r"hosted\.org|registry\.npm" + r"js\.org", "a registry's host"),
    (r"(?i)index-" + r"url\s*[= ]\s*http", "a registry's address"),
    (r"-----BEGIN " + r"[A-Z ]*PRIVATE KEY-----", "a private key"),
]
BINARY = {".png", ".jpg", ".ico", ".woff2", ".xlsx", ".webp", ".gz", ".mo"}


def text_of(file: Path) -> str:
    return "" if file.suffix in BINARY else file.read_text(errors="replace")


@pytest.mark.parametrize(("pattern", "what"), NEVER, ids=[what for _, what in NEVER])
def test_no_tracked_file_holds(pattern: str, what: str):
    named = [str(file.relative_to(ROOT)) for file in tracked_files() if re.search(pattern, text_of(file))]
    assert named == []


def test_what_the_portal_writes_is_not_tracked():
    written = {"instance", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    assert [file for file in tracked_files() if written & set(file.relative_to(ROOT).parts)] == []


def test_the_lock_file_pins_every_package_by_hash():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if re.match(r"[a-zA-Z0-9]", line)]
    assert packages
    assert [line for line in packages if "==" not in line] == []
    assert "--hash=sha256:" in "\n".join(lines)
