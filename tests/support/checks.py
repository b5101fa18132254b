"""What every answer owes, whoever asked: good HTML, names for everything, links that lead somewhere, strict headers."""

import re
from collections import Counter
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from tests.support.html import Page, elements, text_of

NAMED_BY_NOTHING = ("hidden", "submit", "button", "image", "reset")
IDS = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "aria-owns", "list", "form", "headers")
REQUESTS = {"hx-get": "GET", "hx-post": "POST", "hx-put": "PUT", "hx-patch": "PATCH", "hx-delete": "DELETE"}
ADDRESSES = ("href", "src", "srcset", "action", "formaction", "data", "poster", "ping", "content", "xlink:href")
POLICY = ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'")
KEPT_BY_BROWSERS = ("static", "operations.brand_css")
STRICT_REFERRER = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}


def check_answer(app: Flask, answer: TestResponse, *, signed_in: bool) -> None:
    """Raises AssertionError with everything that is wrong with an answer, at once."""
    wrong = list(wrong_with_headers(app, answer, signed_in))
    page: Page | None = getattr(answer, "page", None)
    if page is not None:
        wrong += wrong_with_page(app, page)
    assert not wrong, f"{page.url if page else answer.request.path}:\n  " + "\n  ".join(wrong)


def wrong_with_headers(app: Flask, answer: TestResponse, signed_in: bool) -> list[str]:
    """What is missing from an answer's headers, or too lax in them."""
    wrong = []
    headers = answer.headers
    policy = headers.get("Content-Security-Policy", "")
    for part in POLICY:
        if part not in policy:
            wrong.append(f"Content-Security-Policy lacks {part}")
    for hole in ("unsafe-", "*", "http:", "https:"):
        if hole in policy:
            wrong.append(f"Content-Security-Policy opens {hole}")
    if headers.get("X-Content-Type-Options") != "nosniff":
        wrong.append("X-Content-Type-Options is not nosniff")
    if headers.get("Referrer-Policy") not in STRICT_REFERRER:
        wrong.append("Referrer-Policy is missing or lax")
    endpoint = _endpoint_of(app, answer)
    if (
        signed_in
        and endpoint not in ("static", "operations.brand_css")
        and "no-store" not in headers.get("Cache-Control", "")
    ):
        wrong.append("Cache-Control lacks no-store, and somebody is signed in")
    if answer.mimetype == "text/html" and "charset=utf-8" not in headers.get("Content-Type", "").lower():
        wrong.append("the character set is not named")
    for line in headers.getlist("Set-Cookie"):
        for name, cookie in SimpleCookie(line).items():
            if (
                not cookie["httponly"]
                or cookie["samesite"] not in ("Lax", "Strict")
                or cookie["path"] != "/"
                or cookie["domain"]
            ):
                wrong.append(f"the cookie {name} is too open: {line.partition(';')[2]}")
    for name in ("Location", "HX-Redirect"):
        target = headers.get(name)
        if target and (problem := _leads_nowhere(app, urljoin(answer.request.url, target), "GET", answer.request.host)):
            wrong.append(f"{name} {target}: {problem}")
    return wrong


def _endpoint_of(app: Flask, answer: TestResponse) -> str | None:
    try:
        endpoint, _ = app.url_map.bind("127.0.0.1").match(answer.request.path, method="GET")
    except (NotFound, MethodNotAllowed, RequestRedirect):
        return None
    return str(endpoint)


def wrong_with_page(app: Flask, page: Page) -> list[str]:
    """What is wrong with a page or a fragment, a line each."""
    wrong = []
    everything = list(elements(page.tree))
    ids = Counter(node.get("id") for node in everything if node.get("id") is not None)
    wrong += [f"the id {name!r} stands {times} times" for name, times in ids.items() if times > 1]
    wrong += [f"the id {name!r} is empty or has a space" for name in ids if not re.fullmatch(r"\S+", name or "")]
    if not page.is_fragment:
        wrong += _wrong_document(page)
    for node in everything:
        wrong += _active_content(node)
        wrong += _dangling_ids(node, ids, page)
        wrong += _dead_ends(app, node, page)
        wrong += _without_name(node, page)
    for form in page.forms:
        if form.method == "post" and not form.values.get("csrf_token", [""])[0]:
            wrong.append(f"the form to {form.action} has no token against forgery")
    return wrong


def _wrong_document(page: Page) -> list[str]:
    wrong = []
    headings = [node for node in page.all("h1") if text_of(node)]
    if len(headings) != 1:
        wrong.append(f"{len(headings)} h1 that say something")
    titles = page.all("title")
    documents = [node for node in titles if page.parents[node].tag == "head"]
    title = text_of(documents[0]) if len(documents) == 1 else ""
    if not title or title.startswith("-"):
        wrong.append(f"the title says {title!r}")
    if not page.all("html")[0].get("lang"):
        wrong.append("the page names no language")
    if len(page.all("main")) != 1:
        wrong.append("not exactly one main")
    return wrong


def _active_content(node: Element) -> list[str]:
    wrong = []
    if node.tag == "script" and not node.get("src"):
        wrong.append("an inline script")
    if node.tag == "style":
        wrong.append("an inline style sheet")
    for name, value in node.items():
        plain = str(name).lower()
        if plain == "style" or plain.startswith(("on", "hx-on")):
            wrong.append(f"<{node.tag} {plain}>")
        runs = plain in ADDRESSES or plain.startswith("hx-")
        if runs and value.strip().lower().startswith(("javascript:", "js:", "vbscript:")):
            wrong.append(f"<{node.tag} {plain}={value[:30]!r}>")
    return wrong


def _dangling_ids(node: Element, ids: Counter[str | None], page: Page) -> list[str]:
    named = [(name, target) for name in IDS for target in node.get(name, "").split()]
    href = node.get("href", "")
    if node.tag == "a" and href.startswith("#"):
        named.append(("href", href[1:]))
    if not page.is_fragment:
        target = node.get("hx-target", "")
        named += [("hx-target", target[1:])] if re.fullmatch(r"#[\w-]+", target) else []
    return [
        f"<{node.tag} {name}> points to #{target}, which is not there" for name, target in named if target not in ids
    ]


def _dead_ends(app: Flask, node: Element, page: Page) -> list[str]:
    """Links, forms and HTMX's requests that lead to nothing, and things that are loaded from elsewhere."""
    leads: list[tuple[str, str]] = []
    if (
        node.tag == "a"
        and not node.get("href", "").startswith("#")
        and node.get("href", "").split(":")[0] not in ("mailto", "tel")
    ):
        leads.append((node.get("href", ""), "GET"))
    if node.tag == "form":
        leads.append((node.get("action", ""), node.get("method", "get").upper()))
    if node.get("formaction"):
        leads.append((node.get("formaction", ""), node.get("formmethod", "post").upper()))
    leads += [(node.get(name, ""), method) for name, method in REQUESTS.items() if node.get(name) is not None]
    loaded = node.get("src") or (node.get("href") if node.tag in ("link", "use") else None)
    host = "127.0.0.1:8000"
    wrong = []
    if loaded and not loaded.startswith(("data:image/", "#")):
        leads.append((loaded, "GET"))
        if urlsplit(loaded).netloc:
            wrong.append(f"<{node.tag}> loads {loaded} from elsewhere")
    for target, method in leads:
        if node.tag == "a" and urlsplit(target).netloc:
            continue
        if problem := _leads_nowhere(app, urljoin(f"http://{host}{page.url}", target), method, host):
            wrong.append(f"<{node.tag}> leads to {method} {target}: {problem}")
    return wrong


def _leads_nowhere(app: Flask, url: str, method: str, host: str) -> str | None:
    parts = urlsplit(url)
    if parts.netloc != host:
        return "another origin"
    try:
        endpoint, values = app.url_map.bind(host).match(parts.path, method=method)
    except NotFound:
        return "no such page"
    except MethodNotAllowed:
        return "not with this method"
    except RequestRedirect:
        return "it is redirected first"
    if endpoint == "static" and not (Path(str(app.static_folder)) / str(values["filename"])).is_file():
        return "no such file"
    return None


def _without_name(node: Element, page: Page) -> list[str]:
    """Fields without a label, buttons and links without words, pictures without an alternative."""
    told = node.get("aria-label", "").strip() or node.get("aria-labelledby", "").strip()
    if node.tag == "img":
        return [] if node.get("alt") is not None else [f"<img src={node.get('src')}> has no alt"]
    if node.tag in ("button", "a") and node.get("aria-hidden") != "true":
        pictured = any(inner.get("alt") for inner in elements(node)) or any(
            inner.tag == "title" for inner in elements(node)
        )
        return [] if told or text_of(node) or pictured else [f"<{node.tag} {node.get('href', '')}> says nothing"]
    if node.tag not in ("input", "select", "textarea") or node.get("type", "text") in NAMED_BY_NOTHING:
        return []
    name = node.get("id")
    labelled = told or any(text_of(label) for label in page.all("label") if name and label.get("for") == name)
    above = page.parents.get(node)
    while above is not None and not labelled:
        labelled = above.tag == "label" and bool(text_of(above))
        above = page.parents.get(above)
    return [] if labelled else [f"<{node.tag} name={node.get('name')}> has no label"]
