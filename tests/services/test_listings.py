"""What an organisation publishes, and which organisation a typed text points to."""

import pytest
from sqlalchemy import event

from portal.extensions import db
from portal.services.listings import PublishedContact, organisation_for_typed_text, published
from tests.factories import listing, organisation, person

pytestmark = pytest.mark.usefixtures("app")


def pointed_to(text: str) -> str | None:
    found = organisation_for_typed_text(text)
    return found.code if found else None


def test_a_listing_is_what_was_published():
    office = organisation()
    listing(office, ("Desk", "(831) 555-0142", "desk@coe.example"), message=" Call us. ", hours="9 to 5")
    shown = published(office)
    assert (shown.code, shown.name, shown.message, shown.hours) == ("42061", office.name, "Call us.", "9 to 5")
    assert shown.contacts == (PublishedContact("Desk", "(831) 555-0142", "desk@coe.example"),)
    assert shown.checked_at is not None


def test_nothing_is_published_until_somebody_does():
    shown = published(organisation())
    assert (shown.contacts, shown.message, shown.hours, shown.checked_at) == ((), "", "", None)


@pytest.mark.parametrize(
    ("phone", "link"),
    [("(831) 555-0142", "tel:8315550142"), ("+44 113 496 0140", "tel:+441134960140"), ("ext. ٣", "tel:")],
)
def test_a_telephone_link_holds_digits_alone(phone: str, link: str):
    assert PublishedContact("Desk", phone, "").phone_link == link


def test_an_address_points_to_the_one_organisation_with_its_domain():
    organisation("42061", domains=["coe.example"])
    assert pointed_to("nobody@coe.example") == "42061"
    assert pointed_to("  Nobody@COE.example ") == "42061"
    assert pointed_to("42061nobody@elsewhere.example") is None


def test_a_domain_that_two_organisations_share_points_to_neither():
    organisation("A1", "One", domains=["shared.example"])
    organisation("A2", "Two", domains=["shared.example"])
    assert pointed_to("a@shared.example") is None


def test_a_username_points_to_the_longest_code_that_it_begins_with():
    organisation("RX1", "One")
    organisation("RX10", "Ten")
    assert pointed_to("rx1bcontact1") == "RX1"
    assert pointed_to("RX10bcontact1") == "RX10"
    assert pointed_to("bcontact1") is None


def test_a_code_is_compared_by_its_letters_and_digits_alone():
    organisation("E-42.b_7", "Dotted")
    assert pointed_to("e42b7jsmith1") == "E-42.b_7"


@pytest.mark.parametrize("text", ["", "@", "%", "_", "a\0b@c\0d", "x" * 10_000, "@" * 10_000, "日本語", "\\"])
def test_odd_texts_point_nowhere(text: str):
    organisation("RX1", "One", domains=["coe.example"])
    assert pointed_to(text) is None


def test_the_same_work_is_done_for_what_exists_and_for_what_does_not_and_no_account_is_looked_at():
    office = organisation("42061", domains=["coe.example"])
    person(office, "Bruno Contact", email="bruno@coe.example")
    organisation_for_typed_text("the transaction begins here")
    asked: list[str] = []
    listener = lambda *heard: asked.append(heard[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        statements = []
        for text in ("bruno@coe.example", "nobody@coe.example", "42061bcontact1", "42061nobody9", "nobody"):
            asked.clear()
            organisation_for_typed_text(text)
            statements.append([statement.split(" IN (")[0] for statement in asked])
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    assert statements == [statements[0]] * len(statements)
    assert not any("accounts" in statement or "people" in statement for statement in statements[0])
