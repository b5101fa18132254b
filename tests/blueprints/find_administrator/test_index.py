"""Find Your System Administrator: the list from A to Z, and results as somebody types."""

import pytest
from flask import Flask

from tests.factories import organisation
from tests.support.client import CheckingClient
from tests.support.html import Page, text_of

URL = "/find-administrator"

pytestmark = pytest.mark.usefixtures("app")


def codes(page: Page) -> list[str | None]:
    return [item.get("data-organisation-code") for item in page.all("li") if item.get("data-organisation-code")]


@pytest.fixture
def three(app: Flask) -> None:
    organisation("RX1", "Alpha Hospital", town="Leeds", postcode="LS1 4AP")
    centre = organisation("RX2", "Beta Trust")
    organisation("RX3", "Gamma Hospital", status="closed", successor_id=centre.id)


@pytest.mark.usefixtures("three")
def test_before_anything_is_typed_all_active_organisations_are_listed(client: CheckingClient):
    page = client.get(URL).page
    assert page.heading == "Find Your System Administrator"
    assert codes(page) == ["RX1", "RX2"]
    assert page.text_at("results-count") == "2 organisations"
    assert "RX1 · Leeds LS1 4AP" in page.text_at("results")
    assert page.link("A") == f"{URL}?letter=A"
    assert codes(client.get(f"{URL}?letter=B").page) == ["RX2"]
    assert codes(client.get(f"{URL}?letter=nonsense").page) == ["RX1", "RX2"]


@pytest.mark.usefixtures("three")
def test_the_form_finds_without_javascript(client: CheckingClient):
    client.get(URL)
    page = client.submit(URL, {"q": "hospital"}).page
    assert codes(page) == ["RX1", "RX3"]
    assert page.by_id("q").get("value") == "hospital"
    closed = page.one("li", **{"data-organisation-code": "RX3"})
    assert "Closed" in text_of(closed)
    assert "Now part of Beta Trust" in text_of(closed)


@pytest.mark.usefixtures("three")
def test_htmx_gets_the_results_alone_and_they_are_a_part_of_the_page(client: CheckingClient):
    for url in (URL, f"{URL}?q=hospital", f"{URL}?q=nothing-fits", f"{URL}?letter=A"):
        client.assert_fragment_of_page(url)
    box = client.get(URL).page.by_id("q")
    assert box.get("hx-get") == URL
    assert box.get("hx-target") == "#results"


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("before", "header"),
    [("", "HX-Push-Url"), ("?letter=A", "HX-Push-Url"), ("?q=", "HX-Push-Url"), ("?q=hos", "HX-Replace-Url")],
)
def test_typing_is_one_step_of_the_history(client: CheckingClient, before: str, header: str):
    typed = {"HX-Source": "input#q", "HX-Current-URL": f"http://127.0.0.1:8000{URL}{before}"}
    answer = client.get(f"{URL}?q=hosp", htmx=True, headers=typed)
    histories = {name: value for name, value in answer.headers.items() if name.endswith("-Url")}
    assert histories == {header: f"{URL}?q=hosp"}
    assert "HX-Push-Url" not in client.get(f"{URL}?q=hosp", htmx=True).headers


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("typed", ["zzz", "%", "_", "%25", "<script>alert(1)</script>"])
def test_nothing_found_says_what_to_do(client: CheckingClient, typed: str):
    page = client.get(URL, query_string={"q": typed}).page
    assert codes(page) == []
    assert f"Results for “{typed}”" in page.text_at("results")
    assert "No organisation fits what you typed. You can:" in page.text_at("results")
    assert page.link("look through all organisations from A to Z") == URL


def test_markup_in_names_is_text(client: CheckingClient):
    name = '<img src=x onerror=alert(1)> "quoted" {{7*7}}'
    organisation("X<1", name, town="<b>Town</b>")
    page = client.get(f"{URL}?q=quoted").page
    assert name in page.text_at("results")
    assert "<b>Town</b>" in page.text_at("results")
    assert page.all("img") == []


def test_results_come_in_pages_that_keep_what_was_typed(client: CheckingClient):
    for number in range(45):
        organisation(f"N{number:02}", f"Northern {number:02}")
    page = client.get(f"{URL}?q=northern&page=2").page
    assert codes(page)[0] == "N20"
    assert "Page 2 of 3" in page.text_at("results")
    assert "Results 21 - 40 of 45" in page.text_at("results")
    assert page.one("a", rel="next").get("href") == f"{URL}?q=northern&page=3"
    assert codes(client.get(f"{URL}?page=3&letter=N").page) == [f"N{number}" for number in range(40, 45)]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page=1e9", f"page={10**40}", "q=a&q=b", "q=" + "x" * 10_000, "q=a%00b", "q=%ff"],
)
def test_odd_addresses_are_answered(client: CheckingClient, query: str):
    assert client.get(f"{URL}?{query}").page.has_id("results")


def test_an_empty_portal_says_so(client: CheckingClient):
    assert "No organisation is listed yet." in client.get(URL).page.words


@pytest.mark.usefixtures("three")
def test_it_is_there_for_who_is_signed_in_too(local_admin_client: CheckingClient):
    assert local_admin_client.get(URL).page.heading == "Find Your System Administrator"
