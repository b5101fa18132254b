"""Renders our macros and the design system's own, and reads both into comparable trees.

The original lives in the tests only. It needs lenient undefined names, so it has an environment of its own.
"""

import re
from pathlib import Path
from typing import Any

import html5lib
from jinja2 import ChainableUndefined, Environment, FileSystemLoader, PackageLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "portal" / "templates"

ours = Environment(
    loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, extensions=["jinja2.ext.i18n"]
)
ours.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
ours.globals["csrf_token"] = lambda: "token"

original = Environment(
    loader=PackageLoader("nhsuk_frontend_jinja"), undefined=ChainableUndefined, autoescape=True, trim_blocks=True
)


def ours_html(call: str, **context: Any) -> str:
    macro_file, macro = re.match(r"(\w+)\.(\w+)", call).groups()  # type: ignore[union-attr]
    source = f"{{% from 'macros/{macro_file}.html' import {macro} %}}{{{{ {call.split('.', 1)[1]} }}}}"
    return ours.from_string(source).render(**context)


def original_html(component: str, macro: str, **params: Any) -> str:
    source = f"{{% from 'nhsuk/components/{component}/macro.jinja' import {macro} %}}{{{{ {macro}(params) }}}}"
    return original.from_string(source).render(params=params)


def dom(html: str) -> list[Any]:
    """Tags, attributes and texts as nested lists; the order of attributes, classes and white space does not count."""
    return children(html5lib.parseFragment(html, treebuilder="etree", namespaceHTMLElements=False))


def children(element: Any) -> list[Any]:
    found: list[Any] = [words(element.text)]
    for child in element:
        attributes = {name: words(value) for name, value in child.attrib.items()}
        attributes["class"] = " ".join(sorted(attributes.get("class", "").split()))
        found += [(str(child.tag), attributes, children(child)), words(child.tail)]
    return [part for part in found if part]


def words(text: str | None) -> str:
    return " ".join((text or "").split())
