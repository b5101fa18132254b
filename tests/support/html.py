"""Pages and fragments as tests read them: parsed strictly, as the HTML standard says, and asked by id, tag and form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, tostring

import html5lib
from html5lib.html5parser import ParseError

CONTAINERS = {
    "tr": "tbody",
    "td": "tr",
    "th": "tr",
    "tbody": "table",
    "thead": "table",
    "option": "select",
    "li": "ul",
}

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class NotHtml(AssertionError):  # noqa: N818 - it says what is wrong
    """The text breaks a rule of the HTML standard."""


def parse_page(text: str) -> Element:
    """The document's tree. Raises NotHtml with the line of the first mistake."""
    return _strictly(text, lambda parser: parser.parse(text))


def parse_fragment(text: str) -> Element:
    """A tree whose children are the fragment's roots, parsed where such elements may stand."""
    first = re.match(r"\s*<([a-z0-9]+)", text)
    container = CONTAINERS.get(first.group(1), "div") if first else "div"
    return _strictly(text, lambda parser: parser.parseFragment(text, container=container))


def _strictly(text: str, parse: object) -> Element:
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False, strict=True)
    try:
        tree: Element = parse(parser)  # type: ignore[operator]
    except ParseError as error:
        (line, column), code, given = parser.errors[-1]
        shown = text.splitlines()[line - 1 : line]
        raise NotHtml(f"line {line}, column {column}: {code} {given}\n{shown[0] if shown else ''}\n({error})") from None
    return tree


def elements(tree: Element) -> Iterator[Element]:
    """Every element in document order; comments are none."""
    return (node for node in tree.iter() if isinstance(node.tag, str))


def text_of(element: Element) -> str:
    """The text that is read, single-spaced."""
    return " ".join("".join(_texts(element)).split())


def _texts(element: Element) -> Iterator[str]:
    if isinstance(element.tag, str):
        yield element.text or ""
        for child in element:
            yield from _texts(child)
            yield child.tail or ""


def markup_of(element: Element) -> str:
    """The element in one spelling, so that two can be compared; tokens against forgery are left out."""
    written = tostring(element, encoding="unicode", method="xml")
    without_tail = written[: written.rindex(">") + 1]
    blank = re.sub(r">\s+<", "><", re.sub(r"\s+", " ", without_tail))
    blank = re.sub(r'(<input[^>]*name="csrf_token"[^>]*value=")[^"]*', r"\1", blank)
    blank = re.sub(r'(<input[^>]*value=")[^"]*("[^>]*name="csrf_token")', r"\1\2", blank)
    return re.sub(r' hx-swap-oob="[^"]*"', "", blank).replace(" >", ">")


@dataclass
class Form:
    """A form as a browser has it: where it goes, how, and what it would send if it were sent untouched."""

    element: Element
    action: str
    method: str
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The names of all its fields, whether they would be sent or not."""
        return {node.get("name", "") for node in _fields(self.element)} - {""}


def _fields(element: Element) -> Iterator[Element]:
    return (node for node in elements(element) if node.tag in ("input", "select", "textarea", "button"))


class Page:
    """An answer's HTML: a whole page, or a fragment."""

    def __init__(self, text: str, url: str, fragment: bool) -> None:
        self.text = text
        self.url = url
        self.is_fragment = fragment
        self.tree = parse_fragment(text) if fragment else parse_page(text)
        self.parents = {child: parent for parent in self.tree.iter() for child in parent}

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        """The elements with one of these tags (any, if none is named) and all of these attributes.

        ``class_`` asks for one of an element's classes, ``data_x`` for ``data-x``.
        """
        return [
            node
            for node in elements(self.tree)
            if (not tags or node.tag in tags) and all(_has(node, name, value) for name, value in attributes.items())
        ]

    def one(self, *tags: str, **attributes: str) -> Element:
        """The only such element. Raises AssertionError when there is none, or more than one."""
        found = self.all(*tags, **attributes)
        assert len(found) == 1, f"{len(found)} elements {tags} {attributes} at {self.url}"
        return found[0]

    def by_id(self, name: str) -> Element:
        """The element with this id."""
        return self.one(id=name)

    def has_id(self, name: str) -> bool:
        return bool(self.all(id=name))

    def text_at(self, name: str) -> str:
        """The text of the element with this id."""
        return text_of(self.by_id(name))

    @property
    def title(self) -> str:
        return text_of(self.one("title"))

    @property
    def heading(self) -> str:
        """The text of the one h1."""
        return text_of(self.one("h1"))

    @property
    def words(self) -> str:
        """All text of the page's body that is read."""
        return text_of(self.tree)

    @property
    def forms(self) -> list[Form]:
        return [self._form(node) for node in self.all("form")]

    def form(self, action: str) -> Form:
        """The form that goes to ``action``, a path (its query does not matter)."""
        found = [form for form in self.forms if urlsplit(form.action).path == urlsplit(action).path]
        assert found, f"no form goes to {action} at {self.url}: {sorted(form.action for form in self.forms)}"
        assert len(found) == 1, f"{len(found)} forms go to {action} at {self.url}"
        return found[0]

    def has_form(self, action: str) -> bool:
        return any(urlsplit(form.action).path == urlsplit(action).path for form in self.forms)

    def link(self, text: str) -> str:
        """Where the link with this text leads."""
        found = {node.get("href", "") for node in self.all("a") if text_of(node) == text}
        assert len(found) == 1, f"{len(found)} links say {text!r} at {self.url}"
        return found.pop()

    def _form(self, element: Element) -> Form:
        action = urljoin(self.url, element.get("action", "")) if element.get("action") else self.url
        form = Form(element, action, element.get("method", "get").lower())
        own = element.get("id")
        elsewhere = [node for node in _fields(self.tree) if own and node.get("form") == own]
        for node in [*_fields(element), *elsewhere]:
            name = node.get("name")
            if name and "disabled" not in node.attrib:
                sent = list(_sent_by(node))
                if sent:
                    form.values.setdefault(name, []).extend(sent)
        return form


def _has(node: Element, name: str, value: str) -> bool:
    if name == "class_":
        return value in node.get("class", "").split()
    return node.get(name.rstrip("_").replace("_", "-")) == value


def _sent_by(node: Element) -> Iterator[str]:
    """What a browser sends for a field that nobody touched."""
    kind = node.get("type", "text").lower()
    if node.tag == "textarea":
        yield (node.text or "").removeprefix("\n")
    elif node.tag == "select":
        options = [option for option in elements(node) if option.tag == "option"]
        chosen = [option for option in options if "selected" in option.attrib]
        if not chosen and "multiple" not in node.attrib:
            chosen = options[:1]
        yield from (option.get("value", text_of(option)) for option in chosen)
    elif node.tag == "input" and kind in ("checkbox", "radio"):
        if "checked" in node.attrib:
            yield node.get("value", "on")
    elif node.tag == "input" and kind not in ("submit", "button", "image", "reset", "file"):
        yield node.get("value", "")
