"""The checking client is only worth something when it sees mistakes: each of them once, in a page that has no other."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.checks import wrong_with_headers, wrong_with_page
from tests.support.html import NotHtml, Page

GOOD = """<!DOCTYPE html>
<html lang="en">
<head><title>Sign in - Gatehouse</title></head>
<body>
<main id="main">
<h1>Sign in</h1>
<form method="post" action="/sign-in">
<input type="hidden" name="csrf_token" value="token">
<label for="name">Name</label> <input id="name" name="name" aria-describedby="hint"> <span id="hint">A hint</span>
<button>Continue</button>
</form>
<a href="/find-administrator?q=x">Find</a> <a href="#main">Skip</a> <a href="https://example.org/">Elsewhere</a>
</main>
</body>
</html>
"""

MISTAKES = [
    ("<h1>Sign in</h1>", "", "0 h1"),
    ("<h1>Sign in</h1>", "<h1>Sign in</h1><h1>Again</h1>", "2 h1"),
    ("Sign in - Gatehouse</title>", "</title>", "the title says"),
    ("<title>Sign in - Gatehouse</title>", "<title>- Gatehouse</title>", "the title says"),
    (' lang="en"', "", "no language"),
    ("<main id", "<main></main><main id", "exactly one main"),
    ('id="hint"', 'id="name"', "stands 2 times"),
    ('<label for="name">', '<label for="other">', "points to #other"),
    ('<label for="name">Name</label>', "", "has no label"),
    ('<label for="name">Name</label>', '<label for="name"></label>', "has no label"),
    ('<span id="hint">', "<span>", "points to #hint"),
    ('href="#main"', 'href="#nowhere"', "points to #nowhere"),
    ('action="/sign-in"', 'action="/no-such-page"', "no such page"),
    ('action="/sign-in"', 'action="/livez"', "not with this method"),
    ('href="/find-administrator?q=x"', 'href="/no-such-page"', "no such page"),
    ('href="/find-administrator?q=x"', 'href="/static/no-such-file.css"', "no such file"),
    (' value="token"', ' value=""', "no token"),
    ('<input type="hidden" name="csrf_token" value="token">', "", "no token"),
    (">Continue<", "><", "says nothing"),
    (">Find<", "><", "says nothing"),
    ("<span id", "<script>1</script><span id", "inline script"),
    ("<span id", '<span style="color:red" id', "<span style>"),
    ("<span id", '<span onclick="x()" id', "<span onclick>"),
    ("<span id", '<span hx-on:click="x()" id', "<span hx-on:click>"),
    ('href="/find-administrator?q=x"', 'href="javascript:x()"', "javascript:"),
    ("<span id", '<img src="https://example.org/x.png" alt=""><span id', "from elsewhere"),
    ("<span id", '<img src="/static/images/gatehouse.svg"><span id', "has no alt"),
    ("<span id", '<span hx-get="/no-such-page" id', "no such page"),
    ("<span id", '<span hx-get="/sign-in" hx-target="#nowhere" id', "points to #nowhere"),
]


def test_a_good_page_is_good(app: Flask):
    assert wrong_with_page(app, Page(GOOD, "/sign-in", fragment=False)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"), MISTAKES, ids=[mistake[1][:50] or "-" for mistake in MISTAKES]
)
def test_it_sees_a_mistake(app: Flask, right: str, wrong: str, complaint: str):
    assert right in GOOD
    found = wrong_with_page(app, Page(GOOD.replace(right, wrong), "/sign-in", fragment=False))
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("</form>", ""),
        GOOD.replace("<!DOCTYPE html>", ""),
        GOOD.replace('id="name"', 'id="name" id="twice"'),
        GOOD.replace("<h1>Sign in</h1>", "<h1>Sign in</h2>"),
        GOOD.replace("Find</a>", '<a href="/">Find</a></a>'),
        GOOD.replace("Find</a>", "Fish & chips &nosuch; </a>"),
    ],
)
def test_it_refuses_what_is_not_html(text: str):
    with pytest.raises(NotHtml):
        Page(text, "/sign-in", fragment=False)


def test_a_fragment_is_read_where_it_may_stand():
    row = Page('<tr id="row"><td>1</td></tr>', "/x", fragment=True)
    assert row.text_at("row") == "1"
    with pytest.raises(NotHtml):
        Page("<div><td>1</td></div>", "/x", fragment=True)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("Content-Security-Policy", None, "lacks default-src"),
        ("Content-Security-Policy", "default-src 'self' 'unsafe-inline'", "opens unsafe-"),
        ("Content-Security-Policy", "default-src *", "opens *"),
        ("X-Content-Type-Options", None, "nosniff"),
        ("Referrer-Policy", "unsafe-url", "Referrer-Policy"),
        ("Cache-Control", "public, max-age=60", "no-store"),
        ("Content-Type", "text/html", "character set"),
        ("Set-Cookie", "a=b; Path=/; SameSite=Lax", "cookie a"),
        ("Set-Cookie", "a=b; Path=/; HttpOnly", "cookie a"),
        ("Set-Cookie", "a=b; Path=/; HttpOnly; SameSite=Lax; Domain=example.org", "cookie a"),
        ("Location", "https://example.org/", "another origin"),
        ("HX-Redirect", "/no-such-page", "no such page"),
    ],
)
def test_it_sees_a_lax_header(app: Flask, client, name: str, value: str | None, complaint: str):
    answer: TestResponse = client.get("/livez")
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    assert wrong_with_headers(app, answer, signed_in=True) == []
    answer.headers.pop(name, None)
    if value is not None:
        answer.headers[name] = value
    found = wrong_with_headers(app, answer, signed_in=True)
    assert any(complaint in line for line in found), found
