"""What lies in static/vendor is what VERSIONS says: nothing edited by hand, nothing extra, nothing from elsewhere."""

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "portal" / "static" / "vendor"


class VendoredFile(NamedTuple):
    package: str
    version: str
    path: str
    sha256: str


FILES = [VendoredFile(*line.split(" ")) for line in (VENDOR / "VERSIONS").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_the_file_has_the_hash_of_its_line(file: VendoredFile) -> None:
    assert hashlib.sha256((VENDOR / file.path).read_bytes()).hexdigest() == file.sha256


def test_every_vendored_file_has_a_line() -> None:
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present == {file.path for file in FILES} | {"VERSIONS"}


def test_versions_are_those_of_the_package_file() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert {file.version for file in FILES if file.package == "htmx.org"} == {wanted["htmx.org"]}
    assert {file.version for file in FILES if file.package == "nhsuk-frontend"} == {wanted["nhsuk-frontend"]}


def test_htmx_is_4_0_1() -> None:
    assert "4.0.1" in {file.version for file in FILES if file.package == "htmx.org"}
    assert 'version="4.0.1"' in (VENDOR / "htmx.min.js").read_text(encoding="utf-8")


def test_the_lock_file_names_no_download_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_styles_and_scripts_load_nothing_from_elsewhere() -> None:
    text = (VENDOR / "nhsuk-frontend.min.css").read_text(encoding="utf-8")
    addresses = re.findall(r"url\(([^)]*)\)", text)
    assert addresses
    assert [address for address in addresses if not address.startswith('"images/')] == []
    assert "@font-face" not in text
    assert "@import" not in text
    assert "Frutiger" not in text
