"""Writes ``sbom.cdx.json`` beside itself: what Gatehouse is made of, as CycloneDX (ASVS 15.1.2).

From ``requirements.lock``, which has the hashes of each Python package, and from ``portal/static/vendor/VERSIONS``,
which has that of each front-end file. Run it after either has changed; a test compares. It needs nothing but Python.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = Path(__file__).with_name("sbom.cdx.json")
LOCKED = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: *; *(?P<where>[^\\]+?))? *\\?$")


def python_packages() -> Iterator[dict[str, Any]]:
    """One component a locked package; where a package is locked for some machines only, a property says which."""
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if found := LOCKED.match(line):
            purl = f"pkg:pypi/{found['name']}@{found['version']}"
            component = {"type": "library", "bom-ref": purl, "name": found["name"], "version": found["version"]}
            where = [{"name": "marker", "value": found["where"]}] if found["where"] else []
            yield {**component, "purl": purl, **({"properties": where} if where else {})}


def front_end_packages() -> Iterator[dict[str, Any]]:
    """One component a package whose files are served, with these files and their hashes."""
    lines = (ROOT / "portal/static/vendor/VERSIONS").read_text(encoding="utf-8").splitlines()
    files = [line.split(" ") for line in lines]
    for name, version in dict.fromkeys((name, version) for name, version, _path, _hash in files):
        purl = f"pkg:npm/{name}@{version}"
        inside = [
            {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}
            for package, _version, path, digest in files
            if package == name
        ]
        component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        yield {**component, "components": inside}


def bill_of_materials() -> str:
    """The whole document; the same as long as nothing has changed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": project["name"], "version": project["version"]},
        },
        "components": [*python_packages(), *front_end_packages()],
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(bill_of_materials(), encoding="utf-8")
