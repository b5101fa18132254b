"""How search results and an organisation's next doors read on a page, and as JSON."""

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.filters import number
from portal.models import Organisation
from portal.services.organisation_search import LETTERS, PAGE_SIZE, Results


def where(organisation: Organisation) -> str:
    """Code, town and postcode in one line."""
    place = " ".join(part for part in (organisation.town, organisation.postcode) if part)
    return " · ".join(part for part in (organisation.code, place) if part)


@dataclass(frozen=True)
class Listed:
    """A page of results, or of the list from A to Z (then with the letters that lead somewhere)."""

    results: Results
    letter: str | None = None
    letters_in_use: frozenset[str] = frozenset()

    @property
    def count_in_words(self) -> str:
        """How many organisations there are in all."""
        count = self.results.count
        return ngettext("%(shown)s organisation", "%(shown)s organisations", count, shown=number(count))

    @property
    def letters(self) -> list[dict[str, str | None]]:
        """The letter index."""
        return [
            {
                "letter": letter,
                "href": url_for("find_administrator.index", letter=letter) if letter in self.letters_in_use else None,
            }
            for letter in LETTERS
        ]

    def where(self, organisation: Organisation) -> str:
        """Where one of the results is."""
        return where(organisation)

    @property
    def first(self) -> int:
        """The number of the first result on this page."""
        return (self.results.page - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        """The number of the last result on this page."""
        return self.first + len(self.results.organisations) - 1

    def url(self, page: int) -> str:
        """The address of another page of the same results."""
        return url_for(
            "find_administrator.index",
            q=self.results.text or None,
            letter=self.letter,
            page=page if page > 1 else None,
        )


def turn_to(organisation: Organisation) -> list[dict[str, str]]:
    """The organisations to ask next: the one that took this one over, then the one it belongs to."""
    doors = []
    if organisation.successor is not None:
        doors.append((organisation.successor, _("It took over from this organisation.")))
    if organisation.parent is not None:
        doors.append((organisation.parent, _("This organisation belongs to it.")))
    return [
        {"name": other.name, "href": url_for("find_administrator.organisation", code=other.code), "why": why}
        for other, why in doors
    ]


def as_json(results: Results) -> dict[str, Any]:
    """The results as other pages embed them."""
    return {
        "query": results.text,
        "count": results.count,
        "results": [
            {
                "code": organisation.code,
                "name": organisation.name,
                "town": organisation.town,
                "postcode": organisation.postcode,
                "kind": organisation.kind,
                "url": url_for("find_administrator.organisation", code=organisation.code),
            }
            for organisation in results.organisations
        ],
    }
