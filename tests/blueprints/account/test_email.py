"""/account/email and /account/email/verify: asked for, mailed to the new address, and counted once it is confirmed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal import clock as the_clock
from portal.models import Organisation, Person
from portal.services import outbox
from portal.transactions import write
from tests.factories import PASSWORD, person
from tests.support.client import Answer, CheckingClient
from tests.support.email_changes import NEW
from tests.support.everybody import rows_of_all_tables
from tests.support.smtp import Mailbox
from tests.support.trail import entries, events, mails

URL, VERIFY = "/account/email", "/account/email/verify"
OLD, SECOND = "erin.employee@coe.example", "erin@second.example"


@pytest.fixture
def erin(organisation: Organisation) -> Person:
    return person(
        organisation,
        "Erin Employee",
        secondary_email=SECOND,
        email_is_temporary=True,
        email_bounced_at=the_clock.now(),
    )


@pytest.fixture
def browser(erin: Person, as_person: Callable[[Person], CheckingClient]) -> CheckingClient:
    return as_person(erin)


def ask(browser: CheckingClient, address: str = NEW, again: str | None = None, expect: int = 303) -> Answer:
    browser.get(URL)
    return browser.submit(
        URL, {"primary_email": address, "confirm_primary_email": address if again is None else again}, expect
    )


def link_in(mailbox: Mailbox) -> str:
    """The path of the link that arrived last."""
    outbox.deliver_due()
    link = mailbox.messages[-1].link
    assert link.startswith("http://127.0.0.1:8000/verify-email/")
    return link.removeprefix("http://127.0.0.1:8000")


def test_asking_mails_a_link_to_the_new_address_and_changes_nothing(
    browser: CheckingClient, erin: Person, mailbox: Mailbox
):
    page = browser.get(URL).page
    assert (page.heading, page.has_id("pending-address")) == ("E-mail address", False)
    assert OLD in page.words
    page = browser.follow(ask(browser)).page
    assert "A link is on its way to the new address." in page.text_at("page-notice")
    assert NEW in page.text_at("pending-address")
    link_in(mailbox)
    assert mailbox.one("verify-email").recipients == [NEW]
    assert (erin.primary_email, erin.account.internal_message) == (OLD, "mail-sent")
    (entry,) = entries(erin)
    assert (entry.event, entry.details) == ("account:email:asked", {"address": NEW})
    assert entry.actor_account_id == erin.account.id


def test_the_link_leads_out_of_the_address_to_a_button_that_makes_it_count(
    browser: CheckingClient, erin: Person, mailbox: Mailbox
):
    version, credentials = erin.version, erin.account.credential_version
    ask(browser)
    answer = browser.get(link_in(mailbox), 303)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert (answer.location, cookie.partition("=")[0]) == (VERIFY, "verify-email")
    assert {"HttpOnly", "Max-Age=3600"} <= set(cookie.split("; "))
    shown = browser.follow(answer)
    assert shown.headers["Referrer-Policy"] == answer.headers["Referrer-Policy"] == "no-referrer"
    assert shown.page.heading == "Confirm your new e-mail address"
    assert all(address in shown.page.words for address in (OLD, NEW))
    done = browser.submit(VERIFY)
    assert (done.location, "verify-email=;" in "".join(done.headers.getlist("Set-Cookie"))) == (URL, True)
    page = browser.follow(done).page
    assert "Your e-mail address has been changed." in page.words
    assert not page.has_id("pending-address")
    assert (erin.primary_email, erin.primary_email_folded, erin.version) == (NEW, NEW, version + 1)
    assert NEW in erin.search_text
    assert OLD not in erin.search_text
    assert (erin.has_no_email, erin.email_is_temporary, erin.email_bounced_at) == (False, False, None)
    assert erin.account.credential_version == credentials + 1
    assert events(erin) == ["account:email:asked", "account:email:changed"]
    changed = entries(erin)[-1]
    assert (changed.actor_account_id, changed.details) == (erin.account.id, {"before": OLD, "after": NEW})
    browser.get("/account")


def test_whoever_opens_the_link_once_more_reads_that_it_has_done_its_work(
    browser: CheckingClient, erin: Person, mailbox: Mailbox
):
    ask(browser)
    link = link_in(mailbox)
    browser.get(link, 303)
    browser.get(VERIFY)
    browser.submit(VERIFY)
    browser.get(link, 303)
    page = browser.get(VERIFY, 410).page
    assert page.heading == "This link can no longer be used"
    assert f"Your e-mail address is {NEW}. If that is the new one, there is nothing left to do" in page.words
    assert page.link("See your e-mail address") == URL


def test_the_old_the_new_and_the_second_address_are_told(browser: CheckingClient, erin: Person, mailbox: Mailbox):
    ask(browser)
    browser.get(link_in(mailbox), 303)
    browser.get(VERIFY)
    browser.submit(VERIFY)
    mailbox.clear()
    outbox.deliver_due()
    assert [received.kind for received in mailbox.messages] == ["email-changed"] * 3
    told = {received.recipients[0]: received for received in mailbox.messages}
    assert set(told) == {NEW, OLD, SECOND}
    shown = {
        NEW: ("It was: e…@coe.example", f"It is now: {NEW}"),
        OLD: (f"It was: {OLD}", "It is now: e…@home.example"),
        SECOND: ("It was: e…@coe.example", "It is now: e…@home.example"),
    }
    for address, received in told.items():
        for part in (received.text, received.html):
            assert all(line in part for line in shown[address])
            assert "was changed on" in part
            assert "tell your Local System Administrator at once" in part
        assert received.link == "http://127.0.0.1:8000/find-administrator/42061"
        assert "verify-email/" not in received.raw.decode()
    assert erin.account.internal_detail == "email-changed"


def test_who_had_no_address_gets_one(organisation: Organisation, as_person: Any, mailbox: Mailbox):
    nomi = person(organisation, "Nomi Contact", email="", has_no_email=True)
    browser = as_person(nomi)
    ask(browser)
    browser.get(link_in(mailbox), 303)
    assert "None" in browser.get(VERIFY).page.words
    browser.submit(VERIFY)
    assert (nomi.primary_email, nomi.has_no_email) == (NEW, False)
    assert [row.recipient for row in mails("email-changed")] == [NEW]


def test_who_is_not_signed_in_signs_in_first_and_comes_back(
    client: CheckingClient, browser: CheckingClient, mailbox: Mailbox
):
    ask(browser)
    answer = client.get(link_in(mailbox), 303)
    to_sign_in = client.follow(answer, 303)
    assert to_sign_in.location == f"/sign-in?next={VERIFY}"
    assert "Sign in to confirm the new e-mail address" in client.follow(to_sign_in).page.words


@pytest.mark.parametrize(
    ("typed", "again", "field", "words"),
    [
        ("", "", "primary_email", "Enter the new e-mail address"),
        ("erin@", "erin@", "primary_email", "New e-mail address: enter it in the form"),
        (OLD, OLD, "primary_email", "This is your e-mail address already"),
        (OLD.upper(), OLD.upper(), "primary_email", "This is your e-mail address already"),
        (NEW, "", "confirm_primary_email", "Enter the primary e-mail address again"),
        (NEW, "other@home.example", "confirm_primary_email", "The two e-mail addresses are not the same"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(browser: CheckingClient, typed: str, again: str, field: str, words: str):
    page = ask(browser, typed, again, 422).page
    assert page.title.startswith("Error: ")
    assert words in page.text_at(f"{field}-error")
    assert page.form(URL).values["primary_email"][0].casefold() == typed.casefold()
    assert (mails(), events()) == ([], [])


def test_another_persons_address_is_answered_in_the_same_way(
    browser: CheckingClient, organisation: Organisation, other_organisation: Organisation, as_person: Any
):
    person(organisation, "Here Taken", email="taken@coe.example")
    person(other_organisation, "There Taken", email="taken@elsewhere.example")
    answers = set()
    for number, address in enumerate(("taken@coe.example", "taken@elsewhere.example", "free@coe.example")):
        asking = as_person(person(organisation, f"Asker {number}"))
        answer = ask(asking, address)
        answers.add((answer.status_code, answer.location, asking.follow(answer).page.text_at("page-notice")))
    assert len(answers) == 1
    assert len(mails("verify-email")) == 3


def test_a_shared_address_counts_like_any_other_and_its_owner_is_told_to_sign_in_by_username(
    organisation: Organisation, browser: CheckingClient, erin: Person, mailbox: Mailbox
):
    person(organisation, "Noel Contact", email=NEW)
    ask(browser)
    browser.follow(browser.get(link_in(mailbox), 303))
    page = browser.follow(browser.submit(VERIFY)).page
    assert erin.primary_email == NEW
    assert "Somebody else has this address too, so it is not enough to sign in with: use your username" in page.words


def test_the_same_link_is_mailed_three_times_at_most(
    clock: Any, browser: CheckingClient, mailbox: Mailbox, erin: Person
):
    ask(browser)
    for _ in range(2):
        browser.get(URL)
        browser.submit(f"{URL}/again")
    page = browser.submit(f"{URL}/again", expect=422).page
    assert "From 09:10 on you can ask for a new one" in page.text_at("primary_email-error")
    assert "mailed to this address several times" in ask(browser, expect=422).page.text_at("primary_email-error")
    outbox.deliver_due()
    assert len({received.link for received in mailbox.messages}) == 1
    assert events(erin) == ["account:email:asked"] * 3
    clock.shift(timedelta(minutes=10))
    browser.get(URL)
    browser.submit(f"{URL}/again")
    link_in(mailbox)
    assert len({received.link for received in mailbox.messages}) == 2


def test_five_links_an_hour_are_enough_for_anybody(clock: Any, browser: CheckingClient):
    for number in range(5):
        ask(browser, f"erin{number}@home.example")
        clock.shift(timedelta(minutes=1))
    page = ask(browser, "erin5@home.example", expect=422).page
    assert "From 10:00 on you can ask again" in page.text_at("primary_email-error")
    assert len(mails()) == 5
    clock.shift(timedelta(minutes=29))
    browser.get(URL)
    clock.shift(timedelta(minutes=26))
    ask(browser, "erin5@home.example")


def test_keeping_the_present_address_kills_the_link(browser: CheckingClient, erin: Person, mailbox: Mailbox):
    ask(browser)
    link = link_in(mailbox)
    browser.get(URL)
    answer = browser.submit(f"{URL}/cancel")
    page = browser.follow(answer).page
    assert "Your e-mail address stays as it is." in page.words
    assert not page.has_id("pending-address")
    browser.get(link, 303)
    assert browser.get(VERIFY, 410).page.link("Ask for a new link") == URL
    assert events(erin) == ["account:email:asked", "account:email:withdrawn"]
    browser.post(f"{URL}/cancel")
    assert events(erin) == ["account:email:asked", "account:email:withdrawn"]
    assert "No new address waits" in browser.follow(browser.post(f"{URL}/again")).page.words


def test_where_administrators_keep_the_records_the_page_says_who_they_are(
    browser: CheckingClient, organisation: Organisation, mailbox: Mailbox, erin: Person
):
    ask(browser)
    link = link_in(mailbox)
    browser.get(URL)
    with write():
        organisation.own_record_amendable = False
    before = rows_of_all_tables()
    for action in (URL, f"{URL}/again"):
        for typed in ({"primary_email": NEW, "confirm_primary_email": NEW}, {}):
            browser.post(action, typed, 403)
    browser.get(link, 303)
    browser.get(VERIFY, 410)
    browser.post(VERIFY, expect=410)
    assert rows_of_all_tables() == before
    page = browser.get(URL).page
    assert (page.has_form(URL), page.has_id("pending-address")) == (False, False)
    assert OLD in page.words
    assert page.link("See who can help at your organisation") == "/find-administrator/42061"


@pytest.mark.parametrize("action", [URL, f"{URL}/again", f"{URL}/cancel", VERIFY])
def test_without_its_token_nothing_is_done(browser: CheckingClient, mailbox: Mailbox, action: str):
    ask(browser)
    browser.get(link_in(mailbox), 303)
    browser.get(VERIFY)
    before = rows_of_all_tables()
    browser.post(action, {"primary_email": "x@y.example", "confirm_primary_email": "x@y.example"}, 403, csrf=False)
    assert rows_of_all_tables() == before


@pytest.mark.usefixtures("cheap_hashes")
def test_after_an_hour_the_password_is_asked_for_and_then_the_change_goes_on(
    clock: Any, browser: CheckingClient, erin: Person
):
    browser.get(URL)
    for _ in range(3):
        clock.shift(timedelta(minutes=21))
        browser.get(URL)
    asks = ask(browser)
    assert asks.location.startswith("/account/confirm?next=/account/email")
    assert mails("verify-email") == []
    browser.follow(asks)
    back = browser.submit("/account/confirm", {"password": PASSWORD})
    assert back.location == URL
    form = browser.follow(back).page.form(URL)
    assert form.values["primary_email"] == [NEW]
    browser.submit(URL)
    assert [row.recipient for row in mails("verify-email")] == [NEW]
