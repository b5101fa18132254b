"""The same results for other pages to embed."""

import pytest

from tests.factories import organisation
from tests.support.client import CheckingClient

URL = "/find-administrator.json"

pytestmark = pytest.mark.usefixtures("app")


def test_results_are_as_documented(client: CheckingClient):
    organisation("RX1", "Nottingham Trust", town="Nottingham", postcode="NG1 1AA", kind="NHS trust")
    answer = client.get(f"{URL}?q=nott")
    assert answer.mimetype == "application/json"
    assert answer.json == {
        "query": "nott",
        "count": 1,
        "results": [
            {
                "code": "RX1",
                "name": "Nottingham Trust",
                "town": "Nottingham",
                "postcode": "NG1 1AA",
                "kind": "NHS trust",
                "url": "/find-administrator/RX1",
            }
        ],
    }


def test_at_most_twenty_come_and_all_are_counted(client: CheckingClient):
    for number in range(25):
        organisation(f"N{number:02}", f"Northern {number:02}")
    answer = client.get(f"{URL}?q=northern").json
    assert (answer["count"], len(answer["results"])) == (25, 20)
    assert client.get(URL).json["count"] == 25


@pytest.mark.parametrize("typed", ["%", "_", "zzz", "x" * 10_000])
def test_nothing_found_is_an_empty_list(client: CheckingClient, typed: str):
    organisation("RX1", "One")
    answer = client.get(URL, query_string={"q": typed}).json
    assert (answer["count"], answer["results"]) == (0, [])
