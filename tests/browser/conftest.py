"""Headless Chromium in front of the started product: `portal serve` and `portal worker`, with demonstration data.

    def test_a_visitor_finds_an_administrator(page, axe):
        page.goto("/find-administrator")
        page.get_by_label("Search").fill("county")
        axe(page)

``page`` fails its test when the browser's console says anything, when anything is asked of another origin, or when an
answer is a server error. A test that means to see a refusal says so: ``page.watch.expect_status(422)``. Other browsers
come from ``open_browser(width=390, javascript=False)``. ``nu(html)`` answers what the Nu HTML checker finds.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import nu as nu_checker
from tests.support.databases import Databases, SqliteFiles
from tests.support.server import Portal

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITH_WINDOWS = ("chromium", "chromium-browser", "google-chrome")
WITHOUT = "chromium-headless-shell"
"""Renders the same for half the work, where it is there; but it keeps no page in memory for Back."""
HERE = Path(__file__).parent
# Signing out asks the browser to forget; it says that it did.
CLEARED = "Clear-Site-Data header on "
REFUSED = re.compile(r"^Failed to load resource: the server responded with a status of (\d{3}) ")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class SignIn:
    """A sign-in that the demonstration offers for a role."""

    username: str
    password: str


@dataclass
class Demonstration:
    """The product as `make run` starts it."""

    portal: Portal
    sign_ins: dict[str, SignIn]

    @property
    def url(self) -> str:
        return self.portal.url


@pytest.fixture(scope="session")
def demonstration(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """Started once for all browser tests: each test acts on people of its own."""
    folder = tmp_path_factory.mktemp("demonstration")
    with databases.blank() as uri:
        portal = Portal(folder, None if isinstance(databases, SqliteFiles) else uri)
        try:
            portal.command("db", "upgrade")
            portal.command("demo", seconds=300)
            portal.serve()
            portal.worker()
            kept = json.loads((portal.instance / "demonstration.json").read_text())["sign_ins"]
            sign_ins = {entry["role"]: SignIn(entry["username"], entry["password"]) for entry in kept}
            yield Demonstration(portal, sign_ins)
        finally:
            portal.end()


@dataclass
class Watch:
    """What a browser did that nobody asked for."""

    origin: str
    wrong: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def expect_status(self, *statuses: int) -> None:
        """These refusals are meant: the console may name them."""
        self.expected |= set(statuses)

    def console(self, message: Any) -> None:
        if message.text.startswith(CLEARED):
            return
        refused = REFUSED.match(message.text)
        if not (refused and int(refused.group(1)) in self.expected):
            self.wrong.append(f"the console says ({message.type}): {message.text}")

    def request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.wrong.append(f"something is asked of another origin: {request.url}")

    def response(self, response: Any) -> None:
        if response.status >= 500 and response.status not in self.expected:
            self.wrong.append(f"{response.status} from {response.url}")

    def on(self, page: Any) -> None:
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.wrong.append(f"a script failed: {error}"))
        page.on("request", self.request)
        page.on("response", self.response)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Any]]:
    """``launch(*names, **more)`` starts the first Chromium of these names; without one the test is skipped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:

        def started(*names: str, **more: Any) -> Any:
            program = next(filter(None, map(shutil.which, names)), None)
            if program is None:
                pytest.skip("no Chromium on this machine: browser tests need one")
            return playwright.chromium.launch(executable_path=program, args=FLAGS, **more)

        yield started


@pytest.fixture(scope="session")
def chromium(launch: Callable[..., Any]) -> Iterator[Any]:
    """The browser of most tests, each in a context of its own."""
    browser = launch(WITHOUT, *WITH_WINDOWS)
    yield browser
    browser.close()


@pytest.fixture
def open_browser(chromium: Any, demonstration: Demonstration) -> Iterator[Callable[..., Any]]:
    """``open_browser(width=1280, height=900, javascript=True, locale="en-GB")`` is a page in a browser of its own."""
    contexts, watches = [], []

    def opened(
        width: int = 1280, height: int = 900, *, javascript: bool = True, locale: str = "en-GB", **more: Any
    ) -> Any:
        context = chromium.new_context(
            base_url=more.pop("base_url", demonstration.url),
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            locale=locale,
            **more,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.watch = Watch(demonstration.url)
        watches.append(page.watch)
        page.watch.on(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    wrong = [line for watch in watches for line in watch.wrong]
    assert wrong == []


@pytest.fixture
def page(open_browser: Callable[..., Any]) -> Any:
    """A page of 1280 pixels, in a browser that nobody has signed in with."""
    return open_browser()


@pytest.fixture
def sign_in(demonstration: Demonstration) -> Callable[[Any, str], None]:
    """``sign_in(page, "local_administrator")``: through the form, with the demonstration's own sign-in."""

    def through_the_form(page: Any, role: str) -> None:
        known = demonstration.sign_ins[role]
        page.goto("/sign-in")
        page.locator("#username").fill(known.username)
        page.locator("#password").fill(known.password)
        page.locator("#password").press("Enter")
        page.wait_for_url(lambda url: urlsplit(url).path != "/sign-in")

    return through_the_form


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], None]:
    """``axe(page)`` fails with every obstacle that axe finds on the page as it stands."""
    from axe_playwright_python.sync_playwright import Axe

    checker = Axe()

    def finds_nothing(page: Any, context: str | None = None) -> None:
        results = checker.run(page, context=context)
        assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"

    return finds_nothing


@pytest.fixture(scope="session")
def nu() -> Iterator[Callable[[str], list[str]]]:
    """``nu(html)`` answers what the Nu HTML checker finds wrong with a page."""
    missing = nu_checker.missing()
    if missing:
        pytest.skip(missing)
    with nu_checker.started() as checker:
        yield checker.messages
