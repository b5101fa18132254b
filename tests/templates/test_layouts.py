"""Layouts and error pages render for visitors and for the signed in, with nothing but the names they are promised."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import html5lib
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[2] / "portal" / "templates"
ERROR_PAGES = sorted(path.name for path in (TEMPLATES / "errors").glob("[0-9]*.html"))

environment = Environment(
    loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, extensions=["jinja2.ext.i18n"]
)
environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
environment.globals["csrf_token"] = lambda: "token"
environment.globals["notice"] = lambda: None
environment.globals["mail_waits_since"] = lambda: None
environment.globals["url_for"] = lambda endpoint, filename="", **values: f"/{endpoint}/{filename}"

BRAND = SimpleNamespace(name="Gatehouse", logo_url=None, support_email="help@gatehouse.example")
NAVIGATION = [
    {
        "text": "Organisation",
        "items": [{"text": "Contacts", "href": "/c", "current": True}, {"text": "Readiness", "href": "/r"}],
    },
    {"text": "Help", "href": "/help"},
]
SIGNED_OUT: dict[str, Any] = {"brand": BRAND, "navigation": [], "signed_in_name": None, "breadcrumbs": []}
SIGNED_IN: dict[str, Any] = {
    "brand": BRAND,
    "navigation": NAVIGATION,
    "signed_in_name": "Bruno <Contact>",
    "breadcrumbs": [{"text": "Home", "href": "/"}],
}
PAGE = "{% extends 'layouts/LAYOUT.html' %}{% block title %}Page{% endblock %}{% block heading %}Page{% endblock %}"


def parse(html: str) -> Any:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    document = parser.parse(html)
    assert [error for _, error, _ in parser.errors] == []
    return document


def check_page(html: str) -> Any:
    document = parse(html)
    assert len(document.findall(".//h1")) == 1
    ids = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert document.find("body")[0].get("src") == "/static/js/boot.js"
    assert [script.attrib for script in document.iter("script") if not script.get("src")] == []
    assert all(form.find(".//input[@name='csrf_token']") is not None for form in document.iter("form"))
    return document


@pytest.mark.parametrize("layout", ["public", "administration"])
@pytest.mark.parametrize("context", [SIGNED_OUT, SIGNED_IN], ids=["signed out", "signed in"])
def test_a_layout_renders_with_the_promised_names_alone(layout: str, context: dict[str, Any]) -> None:
    html = environment.from_string(PAGE.replace("LAYOUT", layout)).render(context)
    document = check_page(html)
    assert document.find(".//title").text == "Page - Gatehouse"
    assert ('action="/sign_in.sign_out/"' in html) is (context is SIGNED_IN)
    assert ("Bruno &lt;Contact&gt;" in html) is (context is SIGNED_IN)
    assert ('aria-label="Breadcrumb"' in html) is (context is SIGNED_IN)


def test_the_global_navigation_marks_the_current_page() -> None:
    html = environment.from_string(PAGE.replace("LAYOUT", "administration")).render(SIGNED_IN)
    current = [link.text for link in parse(html).iter("a") if link.get("aria-current") == "page"]
    assert current == ["Contacts"]


def test_every_htmx_request_carries_the_csrf_token() -> None:
    html = environment.from_string(PAGE.replace("LAYOUT", "public")).render(SIGNED_OUT)
    assert parse(html).find("body").get("hx-headers:inherited") == '{"X-CSRFToken": "token"}'


@pytest.mark.parametrize("page", ERROR_PAGES)
@pytest.mark.parametrize("retry_at", [None, "14:02"])
def test_an_error_page_says_what_to_do(page: str, retry_at: str | None) -> None:
    words = {"retry_at": retry_at, "error_id": "7f3a", "signing_in": retry_at is not None}
    html = environment.get_template(f"errors/{page}").render(SIGNED_OUT | words)
    check_page(html)
    assert "Where to go from here" in html
    assert ("14:02" in html) is (retry_at is not None and page in {"429.html", "503.html"})
    assert ("7f3a" in html) is (page == "500.html")


def test_the_error_notice_is_announced_and_can_take_the_focus() -> None:
    html = environment.get_template("errors/_notice.html").render(message="It did not work.")
    assert 'role="alert"' in html
    assert 'tabindex="-1"' in html


def test_templates_stay_small() -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in TEMPLATES.rglob("*.html")}
    assert {name: count for name, count in lines.items() if count > 120} == {}
