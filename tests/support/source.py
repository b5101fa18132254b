"""The product's own text, for the rules of the house: modules as trees, templates, and what git tracks."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PORTAL = ROOT / "portal"
TEMPLATES = PORTAL / "templates"


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def modules(below: str = "") -> dict[str, Path]:
    """Every module of the product by its path inside ``portal/``, such as ``services/accounts.py``."""
    return {file.relative_to(PORTAL).as_posix(): file for file in sorted((PORTAL / below).rglob("*.py"))}


def templates(ending: str = ".html") -> dict[str, str]:
    """The text of every template by its path inside ``portal/templates/``."""
    files = sorted(file for file in TEMPLATES.rglob("*") if file.name.endswith(ending))
    return {file.relative_to(TEMPLATES).as_posix(): file.read_text() for file in files}


def nodes(below: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node of every module, with the module's path and line: ``services/accounts.py:12``."""
    for name, file in modules(below).items():
        for node in ast.walk(tree_of(file)):
            yield f"{name}:{getattr(node, 'lineno', 0)}", node


def functions(file: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.FunctionDef))


def module_of(place: str) -> str:
    """The module of a place such as ``services/accounts.py:12``."""
    return place.partition(":")[0]


def dotted(node: ast.AST) -> str:
    """``db.session.commit`` as it is written; what is no name is a dot's empty part."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def tracked_files() -> list[Path]:
    """What git tracks, and new files that it will; everything below the root where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        skipped = {".venv", "instance", "node_modules", ".git"}
        return [file for file in ROOT.rglob("*") if file.is_file() and not skipped & set(file.relative_to(ROOT).parts)]
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
