"""What a template may hold: escaped text, translated text, names that exist, and nothing that runs."""

import re

import html5lib
import pytest
from flask import Flask
from jinja2 import StrictUndefined, UndefinedError, nodes

from tests.support.source import dotted, modules, templates
from tests.support.source import nodes as python_nodes

PAGES = templates(".html")
ALL = {**PAGES, **templates(".txt")}

SAID_BY_HAND = {"alt", "aria-label", "placeholder", "title", "content", "label"}
"""Attributes whose text people read."""


SPEAKING = ("blueprints/", "errors.py", "notices.py", "filters.py", "mail/")
"""Modules whose sentences are for the readers of pages and mails."""


@pytest.mark.parametrize("name", ALL)
def test_nothing_switches_escaping_off(name: str):
    text = ALL[name]
    assert not re.search(r"\|\s*safe\b", text)
    assert not re.search(r"\{%-?\s*autoescape\s+false", text)
    assert "Markup(" not in text


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_or_styles_inline(name: str):
    text = re.sub(r"\{#.*?#\}", "", PAGES[name], flags=re.S)
    is_mail = name.startswith("mail/")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    # Mail readers know no style sheets from elsewhere: there, and only there, an element carries its style.
    assert is_mail or not re.search(r"<style\b", text)
    assert is_mail or not re.search(r"""\sstyle\s*=\s*["']""", text)
    assert not re.search(r"""[\s"']on[a-z]+\s*=\s*["']""", text)
    assert not re.search(r"\bhx-(on|vals\s*=\s*['\"]js:|trigger\s*=\s*['\"][^'\"]*\[)", text)
    assert "javascript:" not in text


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_from_elsewhere(name: str):
    text = PAGES[name]
    assert not re.search(
        r"""<(?:script|link|img|iframe|source|use)\b[^>]*\b(?:src|href)\s*=\s*["'](?:https?:)?//""", text
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_text_goes_through_gettext(app: Flask, name: str):
    """What stands in a template outside expressions is markup: every word that people read is in ``_()``."""
    shell = "".join(_plain_text(app.jinja_env.parse(PAGES[name])))
    tree = html5lib.parseFragment(shell, namespaceHTMLElements=False)
    said = []
    for node in tree.iter():
        if not isinstance(node.tag, str):
            continue
        said += [text for text in (node.text, node.tail) if _has_words(text) and node.tag not in ("script", "style")]
        said += [
            f"{key}={value}" for key, value in node.attrib.items() if key in SAID_BY_HAND and _is_sentence(key, node)
        ]
    assert said == []


def _plain_text(tree: nodes.Template) -> list[str]:
    """The template's own text in order; an expression leaves a mark that is no word.

    Blocks that fill an attribute of the layout (its classes) hold no text.
    """
    attributes = {
        id(output)
        for block in tree.find_all(nodes.Block)
        if block.name.endswith(("_classes", "column", "robots"))
        for output in block.find_all(nodes.Output)
    }
    parts = []
    for output in tree.find_all(nodes.Output):
        if id(output) not in attributes:
            parts += [part.data if isinstance(part, nodes.TemplateData) else "0" for part in output.nodes]
    return parts


def _has_words(text: str | None) -> bool:
    return bool(text and re.search(r"[^\W\d_]{2,}", text))


def _is_sentence(key: str, node: object) -> bool:
    value = node.attrib[key]  # type: ignore[attr-defined]
    if key == "content":
        return node.attrib.get("name") in ("description", "application-name") and _has_words(value)  # type: ignore[attr-defined]
    return _has_words(value)


@pytest.mark.parametrize("name", templates(".txt"))
def test_every_text_of_a_mail_goes_through_gettext(app: Flask, name: str):
    assert [text for text in _plain_text(app.jinja_env.parse(ALL[name])) if text != "0" and _has_words(text)] == []


@pytest.mark.parametrize("name", ALL)
def test_a_text_that_is_handed_to_a_macro_goes_through_gettext(app: Flask, name: str):
    """What begins as a sentence does, inside an expression, is for people; names and values for machines do not."""
    tree = app.jinja_env.parse(ALL[name])
    calls = [call for call in tree.find_all(nodes.Call) if getattr(call.node, "name", "") in ("_", "ngettext")]
    translated = {id(text) for call in calls for text in call.find_all(nodes.Const)}
    loose = [text.value for text in tree.find_all(nodes.Const) if id(text) not in translated]
    assert [text for text in loose if isinstance(text, str) and re.match(r"[A-Z][a-z]+(?=[ .:]|$)", text)] == []


def test_a_text_that_a_page_is_given_by_python_goes_through_gettext():
    import ast

    translated: set[int] = set()
    said: list[tuple[str, ast.Constant]] = []
    for place, node in python_nodes():
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("_", "gettext", "ngettext"):
            translated |= {id(part) for argument in node.args for part in ast.walk(argument)}
        elif isinstance(node, ast.Expr):
            translated.add(id(node.value))  # a docstring
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and place.startswith(SPEAKING):
            said.append((place, node))
    sentences = [(place, text.value) for place, text in said if id(text) not in translated]
    assert [found for found in sentences if re.match(r"[A-Z][a-z]+ ", found[1])] == []


@pytest.mark.parametrize("name", ALL)
def test_every_template_can_be_compiled(app: Flask, name: str):
    app.jinja_env.get_template(name)


def test_a_name_that_is_not_there_fails(app: Flask):
    assert app.jinja_env.undefined is StrictUndefined
    with pytest.raises(UndefinedError):
        app.jinja_env.from_string("{{ no_such_name }}").render()


def test_no_template_is_left_that_nothing_renders():
    """A page is named in Python or in another template; a mail's three files are found by their folder."""
    named = "\n".join([*ALL.values(), *(file.read_text() for file in modules().values())])
    orphans = [
        name
        for name in PAGES
        if not name.startswith(("mail/", "errors/")) and f'"{name}"' not in named and f"'{name}'" not in named
    ]
    assert orphans == []


def test_no_html_is_put_together_in_python():
    import ast

    for place, node in python_nodes():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and place.split(":")[0] != "filters.py":
            assert not re.search(
                r"</?(?:a|b|div|p|span|ul|li|table|tr|td|strong|form|input|h[1-6])\b[^<]*>", node.value
            ), place
