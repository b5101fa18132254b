"""Finding an organisation by what somebody typed, or from A to Z: one page of results and the count of all.

Every word that was typed must stand in one name of the organisation (its own, or one of its others), or begin its
code; the order of the words, case and accents do not matter. What begins words comes before what stands inside them,
and closed organisations come last.
"""

import unicodedata
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, case, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from portal.domain.search_terms import fold, like_pattern
from portal.extensions import db
from portal.models import Organisation, OrganisationName

PAGE_SIZE = 20
LONGEST_TEXT = 200
MOST_WORDS = 10
SHORT = 3
"""A Latin word with fewer letters than this is looked for only where words begin: inside words it is everywhere."""

LETTERS = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "#")
"""What names can begin with; ``#`` stands for all that is no letter."""

SAME, PHRASE, BEGINS_WORDS, BEGINS_WORDS_OF_ANOTHER_NAME, BEGINS_CODE, INSIDE_WORDS = range(6)
"""How well something fits, best first."""

FARTHEST_PAGE = 1_000_000

Column = InstrumentedAttribute[str]
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Results:
    """One page of what was found; ``count`` is that of all pages."""

    text: str
    organisations: list[Organisation]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are; 1 for nothing found."""
        return max(1, -(-self.count // PAGE_SIZE))


def normalised(text: str) -> str:
    """What somebody typed, as it is searched for and shown again: NFC, printable, at most 200 characters."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text[: LONGEST_TEXT * 2])
    return " ".join(unicodedata.normalize("NFC", printable).split())[:LONGEST_TEXT].strip()


def find(text: str, page: int = 1) -> Results:
    """The organisations that ``text`` fits, best first; a page behind the last one is the last one."""
    text = normalised(text)
    words = sorted(set(fold(text).split()[:MOST_WORDS]), key=lambda word: (-len(word), word))
    fitting = _fitting(text.casefold(), fold(text), words).subquery()
    best = select(fitting.c.id, func.min(fitting.c.fit).label("fit")).group_by(fitting.c.id).subquery()
    order = (Organisation.status == "closed", best.c.fit, Organisation.name_folded, Organisation.id)
    ids = select(Organisation.id).join(best, best.c.id == Organisation.id).order_by(*order)
    return _page(text, ids, page)


def from_a_to_z(page: int = 1, letter: str | None = None) -> Results:
    """All active organisations in the order of their names, or those under one of ``LETTERS``."""
    listed = [Organisation.status == "active"]
    if letter is not None:
        listed.append(Organisation.initial == letter)
    count = db.session.scalars(select(func.count()).select_from(Organisation).where(*listed)).one()
    page = _within(page, count)
    order = (Organisation.name_folded, Organisation.id)
    # The index alone leads to a far page; rows are read only for the page itself.
    ids = select(Organisation.id).where(*listed).order_by(*order).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    rows = db.session.scalars(select(Organisation).where(Organisation.id.in_(ids)).order_by(*order))
    return Results("", list(rows), count, page)


def letters_in_use() -> frozenset[str]:
    """The letters under which an active organisation stands."""
    there = [
        exists().where(Organisation.status == "active", Organisation.initial == letter).label(f"letter_{number}")
        for number, letter in enumerate(LETTERS)
    ]
    row = db.session.execute(select(*there)).one()
    return frozenset(letter for letter, used in zip(LETTERS, row, strict=True) if used)


def _page(text: str, ids: Select[int], page: int) -> Results:
    """Only ids are sorted and counted; whole rows are read for the page alone."""
    page = max(1, min(page, FARTHEST_PAGE))
    counted = ids.add_columns(func.count().over()).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    hits = db.session.execute(counted).all()
    if not hits and page > 1:
        count = db.session.scalars(select(func.count()).select_from(ids.order_by(None).subquery())).one()
        return _page(text, ids, _within(page, count))
    places = {row[0]: place for place, row in enumerate(hits)}
    rows = select(Organisation).where(Organisation.id.in_(places)).options(joinedload(Organisation.successor))
    found = sorted(db.session.scalars(rows), key=lambda organisation: places[organisation.id])
    return Results(text, found, hits[0][1] if hits else 0, page)


def _within(page: int, count: int) -> int:
    return max(1, min(page, -(-count // PAGE_SIZE)))


def _fitting(typed: str, phrase: str, words: list[str]) -> CompoundSelect[tuple[int, int]]:
    """The ids of organisations that fit, each with how well; an organisation may come several times."""
    code, name, other = Organisation.code_folded, Organisation.name_folded, OrganisationName.name_folded
    by_code = select(Organisation.id, case((code == typed, SAME), else_=BEGINS_CODE).label("fit")).where(
        literal(bool(typed)), code.like(like_pattern(typed, start=True), escape="\\")
    )
    if not words:
        return union_all(by_code)
    by_name = select(Organisation.id, _fit(name, phrase, words, BEGINS_WORDS)).where(
        *(or_(_stands_in(name, word), _starts(code, word)) for word in words)
    )
    by_other_name = select(
        OrganisationName.organisation_id, _fit(other, phrase, words, BEGINS_WORDS_OF_ANOTHER_NAME)
    ).where(*(_stands_in(other, word) for word in words))
    return union_all(by_code, by_name, by_other_name)


def _fit(column: Column, phrase: str, words: list[str], begins_words: int) -> ColumnElement[int]:
    return case(
        (column == phrase, SAME),
        (_starts(column, phrase) if begins_words == BEGINS_WORDS else literal(False), PHRASE),
        (and_(*(_starts_a_word(column, word) for word in words)), begins_words),
        else_=INSIDE_WORDS,
    )


def _starts(column: Column, text: str) -> Condition:
    return column.like(like_pattern(text, start=True), escape="\\")


def _starts_a_word(column: Column, word: str) -> Condition:
    return or_(_starts(column, word), column.like("% " + like_pattern(word, start=True), escape="\\"))


def _stands_in(column: Column, word: str) -> Condition:
    if len(word) < SHORT and word.isascii():
        return _starts_a_word(column, word)
    return column.like(like_pattern(word), escape="\\")
