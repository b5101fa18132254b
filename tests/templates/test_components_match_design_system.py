"""Our other components emit the design system's own DOM, too, but for what is meant to differ: logo, tabs as links."""

import re
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from tests.templates.oracle import TEMPLATES, dom, original_html, ours_html

HTML = Markup("<p>One <b>two</b></p>")
PATHS = [{"text": "Home", "href": "/"}, {"text": "Readiness & more", "href": "/r?a=1&b=2"}]
ROWS = [["Bruno", Markup("<b>Active</b>"), 6], ["<Katie>", {"text": "Locked", "href": "/k"}, 1]]
ORIGINAL_ROWS: list[list[dict[str, Any]]] = [
    [{"text": "Bruno"}, {"html": Markup("<b>Active</b>")}, {"text": 6}],
    [{"text": "<Katie>"}, {"text": "Locked", "href": "/k"}, {"text": 1}],
]
HEAD = [
    {"text": "Name", "sort": "ascending", "href": "?sort=-name"},
    {"text": "Status", "sort": "none", "href": "?sort=status"},
    {"text": "Count", "numeric": True},
]
ORIGINAL_HEAD = [
    {"text": "Name", "sort": "ascending", "href": "?sort=-name"},
    {"text": "Status", "sort": True, "href": "?sort=status"},
    {"text": "Count", "format": "numeric"},
]


# The original makes the caption's id from the text where a scrolling table has no id, so that one always has one here.
@pytest.mark.parametrize(
    ("variant", "id"),
    [(None, None), (None, "people"), ("responsive", None), ("responsive", "people"), ("scroll", "people")],
)
def test_table(variant: str | None, id: str | None) -> None:
    assert dom(
        ours_html(
            'table.table("People", head, rows, variant=variant, first_cell_is_header=true, compact=true,'
            ' caption_size="m", id=id)',
            head=HEAD,
            rows=ROWS,
            variant=variant,
            id=id,
        )
    ) == dom(
        original_html(
            "tables",
            "table",
            caption="People",
            captionSize="m",
            firstCellIsHeader=True,
            compact=True,
            head=ORIGINAL_HEAD,
            rows=ORIGINAL_ROWS,
            id=id,
            responsive=variant == "responsive",
            scroll=variant == "scroll",
        )
    )


def test_a_table_row_can_be_marked_as_chosen() -> None:
    rows = [{"cells": ["Bruno"], "classes": "app-row--chosen", "attributes": {"aria-selected": "true"}}]
    html = ours_html('table.table("People", ["Name"], rows)', rows=rows)
    assert '<tr class="nhsuk-table__row app-row--chosen" aria-selected="true">' in html


SUMMARY_ROWS = [
    {"key": "Name", "value": "Bruno <Contact>", "actions": [{"text": "Change", "href": "/c", "hidden": "name"}]},
    {
        "key": "Types",
        "value": Markup("<b>six</b>"),
        "actions": [{"text": "Add", "href": "/a"}, {"text": "Remove", "href": "/r"}],
    },
    {"key": "Phone", "value": ""},
]


@pytest.mark.parametrize("rows", [SUMMARY_ROWS, SUMMARY_ROWS[2:]], ids=["with actions", "without"])
def test_summary_list(rows: list[dict[str, Any]]) -> None:
    expected = [
        {
            "key": {"text": row["key"]},
            "value": {"html": row["value"]} if isinstance(row["value"], Markup) else {"text": row["value"]},
            "actions": {
                "items": [
                    {"text": a["text"], "href": a["href"], "visuallyHiddenText": a.get("hidden")}
                    for a in row.get("actions", [])
                ]
            },
        }
        for row in rows
    ]
    assert dom(ours_html('summary_list.summary_list(rows, classes="x")', rows=rows)) == dom(
        original_html("summary-list", "summaryList", rows=expected, classes="x")
    )


def numbered(page: int, pages: int, shown: list[int | None]) -> dict[str, Any]:
    return {
        "items": [{"number": n, "href": f"/{n}", "current": n == page} if n else {"ellipsis": True} for n in shown],
        "previous": {"href": f"/{page - 1}"} if page > 1 else None,
        "next": {"href": f"/{page + 1}"} if page < pages else None,
    }


@pytest.mark.parametrize(
    ("page", "pages", "shown"),
    [
        (1, 2, [1, 2]),
        (2, 2, [1, 2]),
        (3, 5, [1, 2, 3, 4, 5]),
        (5, 9, [1, None, 4, 5, 6, None, 9]),
        (4, 9, [1, 2, 3, 4, 5, None, 9]),
        (1, 9, [1, 2, None, 9]),
    ],
)
def test_pagination(page: int, pages: int, shown: list[int | None]) -> None:
    html = ours_html("pagination.pagination(page, pages, url)", page=page, pages=pages, url=lambda n: f"/{n}")
    assert dom(html) == dom(original_html("pagination", "pagination", **numbered(page, pages, shown)))


def test_one_page_needs_no_pagination() -> None:
    assert ours_html("pagination.pagination(1, 1, url)", url=str).strip() == ""


def test_tabs_have_the_list_of_the_original_and_are_links() -> None:
    items = [{"text": "Contacts", "href": "/c", "count": 11, "current": True}, {"text": "People", "href": "/p"}]
    (nav,) = dom(ours_html('tabs.tabs(items, "Lists")', items=items))
    original_items = [
        {"label": "Contacts", "id": "c", "panel": {"html": ""}},
        {"label": "People", "id": "p", "panel": {"html": ""}},
    ]
    (wrapper,) = dom(original_html("tabs", "tabs", items=original_items))
    (ours_list,) = nav[2]
    theirs_list = wrapper[2][1]
    assert [attributes for _, attributes, _ in ours_list[2]] == [attributes for _, attributes, _ in theirs_list[2]]
    first, second = (link for _, _, (link,) in ours_list[2])
    assert first[1] == {"class": "nhsuk-tabs__tab", "href": "/c", "aria-current": "page"}
    assert second[1] == {"class": "nhsuk-tabs__tab", "href": "/p"}


@pytest.mark.parametrize(
    ("call", "component", "macro", "params"),
    [
        ('button.button("Save")', "button", "button", {"text": "Save", "type": "submit"}),
        (
            'button.button("Save", "secondary", name="do", value="1", id="b", small=true, prevent_double_click=true)',
            "button",
            "button",
            {"text": "Save", "variant": "secondary", "name": "do", "value": "1", "id": "b", "small": True}
            | {"preventDoubleClick": True},
        ),
        ('button.button("Go", "warning", type="button")', "button", "button", {"text": "Go", "variant": "warning"}
         | {"type": "button"}),
        ('button.button("New", href="/n?a&b", classes="x")', "button", "button", {"text": "New", "href": "/n?a&b"}
         | {"classes": "x"}),
        ('tag.tag("Locked", "red")', "tag", "tag", {"text": "Locked", "colour": "red"}),
        ('tag.tag("Plain")', "tag", "tag", {"text": "Plain"}),
        ('inset_text.inset_text("a < b")', "inset-text", "insetText", {"text": "a < b"}),
        ('inset_text.inset_text(caller=block)', "inset-text", "insetText", {"html": HTML}),
        ('warning_callout.warning_callout("Care", caller=block)', "warning-callout", "warningCallout",
         {"heading": "Care", "html": HTML}),
        ('details.details("More", open=true, caller=block)', "details", "details",
         {"summaryText": "More", "html": HTML, "open": True}),
        ('details.details("More", "text")', "details", "details", {"summaryText": "More", "text": "text"}),
        ("breadcrumb.breadcrumb(paths)", "breadcrumb", "breadcrumb", {"items": PATHS}),
        ("skip_link.skip_link()", "skip-link", "skipLink", {"href": "#maincontent", "text": "Skip to main content"}),
        ('search_input.search_input("q", "q", "Find", "RX1", hint="Code", button="Search")', "search-input",
         "searchInput", {"id": "q", "name": "q", "label": {"text": "Find"}, "value": "RX1", "hint": {"text": "Code"}}
         | {"button": {"text": "Search"}}),
        ('search_input.search_input("q", "q", "Find", large=true)', "search-input", "searchInput",
         {"id": "q", "name": "q", "label": {"text": "Find"}, "large": True}),
        ('footer.footer("Gatehouse", paths)', "footer", "footer", {"meta": {"items": PATHS}, "copyright":
         {"text": "Gatehouse"}}),
        ('fieldset.fieldset("Name", "d", caller=block)', "fieldset", "fieldset",
         {"legend": {"text": "Name"}, "describedBy": "d", "html": HTML}),
    ],
    ids=lambda value: value if isinstance(value, str) and "(" in value else "",
)  # fmt: skip
def test_component(call: str, component: str, macro: str, params: dict[str, Any]) -> None:
    html = ours_html(call, block=lambda: HTML, paths=PATHS)
    assert dom(html) == dom(original_html(component, macro, **params))


def test_header_differs_from_the_original_in_the_logo_only() -> None:
    account = [{"text": "Bruno"}, {"text": "Account", "href": "/a"}, {"text": "Sign out", "action": "/o"}]
    html = ours_html('header.header("Gatehouse", "/", "/logo.svg", account)', account=account)
    token = '<input type="hidden" name="csrf_token" value="token">'
    assert html.count(token) == 1
    html = html.replace(token, "").replace(" app-header__logo", "").replace(" app-header", "")
    expected = original_html(
        "header",
        "header",
        logo={"src": "/logo.svg", "alt": ""},
        service={"text": "Gatehouse", "href": "/"},
        account={"items": account},
    ).replace(' width="280"', "")
    assert dom(html) == dom(expected)


def test_without_a_logo_the_header_shows_our_mark_and_nobody_elses() -> None:
    html = ours_html('header.header("Gatehouse")')
    assert "app-mark" in html
    assert "nhsuk-header__logo" not in html
    assert "NHS" not in html


# Mail is the exception: its readers know no style sheets, and it is never part of a page.
PAGES = [path for path in sorted(TEMPLATES.rglob("*.html")) if "mail" not in path.relative_to(TEMPLATES).parts]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_template_holds_inline_styles_or_scripts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\bstyle=|<style|\bon[a-z]+=\"|<script(?![^>]* src=)|hx-on|\bjs:", text) == []
