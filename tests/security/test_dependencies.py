"""What the portal is made of is known, pinned, hashed, and said (ASVS 15.1.1, 15.1.2, 15.2.1, 3.6.1).

The front-end files and their hashes: ``tests/house_rules/test_vendored_assets.py``. That a browser asks nothing of
another origin: every test in ``tests/browser``. Whether a package has known holes, only public advisories can say.
"""

import ast
import importlib.metadata
import importlib.util
import json
import re
import sys
import tomllib
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.source import ROOT, modules, tree_of

LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OF_THE_ENVIRONMENT = {"pip", "gatehouse"}
FOR_TYPES = re.compile(r"^types-")


def locked() -> dict[str, list[tuple[Requirement, int]]]:
    """Every requirement of the lock file by its name, with how many hashes it has."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for entry in re.split(r"\n(?=\S)", LOCK):
        if entry.strip() and not entry.startswith("#"):
            lines = [line.strip().rstrip("\\").strip() for line in entry.splitlines()]
            requirement = Requirement(lines[0])
            hashes = [line for line in lines[1:] if re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line)]
            found.setdefault(canonicalize_name(requirement.name), []).append((requirement, len(hashes)))
    return found


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


DIRECT = names(PROJECT["dependencies"])
FOR_TESTS = names(PROJECT["optional-dependencies"]["test"])


def test_every_package_is_pinned_to_one_version_and_to_hashes():
    loose = [
        str(requirement)
        for entries in locked().values()
        for requirement, hashes in entries
        if not re.fullmatch(r"==[0-9][^*,]*", str(requirement.specifier)) or not hashes or requirement.url
    ]
    assert loose == []
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links|-e|--trusted-host)\b", LOCK, re.M)
    assert "--require-hashes --no-deps" in (ROOT / "deploy/environment.sh").read_text()


def test_what_is_installed_is_what_is_locked():
    wanted = {
        name: str(requirement.specifier).removeprefix("==")
        for name, entries in locked().items()
        for requirement, _ in entries
        if applies(requirement)
    }
    installed = {canonicalize_name(found.name): found.version for found in importlib.metadata.distributions()}
    for name in OF_THE_ENVIRONMENT:
        installed.pop(name, None)
    assert installed == wanted


def test_every_direct_dependency_is_locked():
    assert set(locked()) >= DIRECT | FOR_TESTS


def test_the_readme_says_of_every_direct_dependency_why_it_is_there():
    said = (ROOT / "README.md").read_text().partition("### Dependencies")[2].partition("\n## ")[0]
    words = {canonicalize_name(word) for word in re.findall(r"[\w.-]+\w", said)}
    assert {name for name in DIRECT | FOR_TESTS if name not in words and not FOR_TYPES.match(name)} == set()


def test_the_product_imports_nothing_that_it_does_not_name():
    """A package that is only there because another one needs it may go with that one."""
    belongs_to = importlib.metadata.packages_distributions()
    # They come with one that is named, as a part of what it is.
    with_others = {"werkzeug": "flask", "jinja2": "flask", "markupsafe": "flask", "alembic": "flask-migrate"}
    unnamed = set()
    for file in modules().values():
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported = [node.module or ""]
            else:
                continue
            for top in {name.partition(".")[0] for name in imported} - {"portal"} - sys.stdlib_module_names:
                owners = {canonicalize_name(name) for name in belongs_to.get(top, [top])}
                owners = {with_others.get(owner, owner) for owner in owners}
                unnamed |= {top} if not owners & DIRECT else set()
    assert unnamed == set()


@pytest.fixture
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "deploy/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_bill_of_materials_is_of_today(sbom: ModuleType):
    assert sbom.OUTPUT.read_text() == sbom.bill_of_materials(), "run python deploy/sbom.py"


def test_the_bill_of_materials_lists_every_package_that_is_installed_and_every_file_that_is_served(sbom: ModuleType):
    document = json.loads(sbom.OUTPUT.read_text())
    listed = {(component["name"], component["version"]) for component in document["components"]}
    installed = {(canonicalize_name(found.name), found.version) for found in importlib.metadata.distributions()}
    assert {pair for pair in installed if pair[0] not in OF_THE_ENVIRONMENT} <= listed
    files = {inner["name"] for component in document["components"] for inner in component.get("components", [])}
    vendor = ROOT / "portal/static/vendor"
    served = {file.relative_to(vendor).as_posix() for file in vendor.rglob("*") if file.is_file()}
    assert files == served - {"VERSIONS"}
