"""The vocabulary of the audit trail."""

import re

import pytest

from portal.domain.audit_events import EVENTS, check


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_is_named_by_subject_part_and_action_and_fits_its_column(event: str):
    assert re.fullmatch(r"[a-z-]+(:[a-z-]+){2}", event) or event == "sign-in:unknown:failed"
    assert len(event) <= 60


def test_a_word_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="not in the vocabulary"):
        check("account:sign-in:guessed", {})


@pytest.mark.parametrize("details", [{}, {"failures": 1, "password": "x"}, {"password": "x"}])
def test_an_entry_carries_what_its_event_declares_and_nothing_else(details: dict[str, object]):
    with pytest.raises(ValueError, match="carries"):
        check("account:sign-in:failed", details)
    check("account:sign-in:failed", {"failures": 1})


def test_no_event_declares_a_secret():
    declared = {name for event in EVENTS.values() for name in event.details}
    assert not declared & {"password", "temporary_password", "token", "link", "identifier"}
