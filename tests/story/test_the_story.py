"""Locked out, found, let back in: the main job told end to end, over HTTP against web, worker and a mail server."""

import re
from collections.abc import Callable
from datetime import timedelta

from tests.story.conftest import (
    CONTACTS,
    OWN_PASSWORD,
    Contact,
    Installation,
    temporary_password_in,
    username_in,
)
from tests.story.visitor import Answer, Visitor
from tests.support.html import text_of
from tests.support.waiting import wait_until

ANOTHER_PASSWORD = "marble kettle beyond thunder"
THE_OTHER_PASSWORD = "crooked lantern over meadow"
Later = Callable[[Contact, timedelta], None]


def refused(answer: Answer) -> bool:
    """The one answer to a sign-in that fails, for whatever reason."""
    return answer.status == 422 and "You are not signed in" in answer.page.words


def is_in(answer: Answer) -> bool:
    return (answer.status, answer.path, answer.page.heading) == (200, "/account", "My account")


def test_a_local_administrator_signs_in_and_lands_on_the_maintenance_screen(
    installation: Installation, visitor: Visitor
) -> None:
    screen = visitor.sign_in(*installation.sign_ins["local_administrator"])
    assert (screen.first_status, screen.status, screen.path) == (303, 200, CONTACTS)
    assert screen.page.heading == "42061 COUNTY OFFICE OF EDUCATION"
    assert "Organisation Contact Maintenance" in screen.page.title
    headings = [text_of(head) for head in screen.page.all("th") if head.get("scope") == "col"]
    assert headings == [
        "Full Name", "Status", "Email Address", "Contact Type", "Primary Phone Number", "Self Service Status",
        "Last Successful Login", "Next step",
    ]  # fmt: skip
    assert re.search(r"Page 1 of \d+ Results 1 - 10 of \d+ ", screen.page.words)


def test_new_makes_a_contact_who_is_selected_with_self_service_details_in_view(administrator: Visitor) -> None:
    empty = administrator.get(f"{CONTACTS}/new")
    address = "norma.newcomer@coe.example"
    saved = administrator.send(
        empty, f"{CONTACTS}/new", first_name="Norma", last_name="Newcomer", primary_email=address,
        confirm_primary_email=address, types=["benefit", "payroll"],
    )  # fmt: skip
    assert saved.first_status == 303
    row = next(row for row in saved.page.all("tr") if row.get("data-ess-id") == saved.path.rpartition("/")[2])
    assert "app-row--chosen" in row.get("class", "")
    assert "Norma Newcomer" in text_of(row)
    assert "Benefit Contact, Payroll Contact" in text_of(row)
    assert saved.response.url.fragment == "self-service-details"
    assert (saved.state, saved.buttons) == ("not-registered", {"register"})
    assert "The contact has been created." in saved.page.text_at("self-service-details")


def test_register_mails_a_temporary_password_with_which_the_contact_gets_in(contact: Contact) -> None:
    pending = contact.press("register")
    assert (pending.first_status, pending.state, pending.buttons) == (303, "registration-pending", {"re-enrol"})
    mail = contact.gets("registration")
    assert mail.message["Auto-Submitted"] == "auto-generated"
    password = temporary_password_in(mail)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", password)
    contact.username = username_in(mail)
    assert mail.link == f"{contact.installation.portal.url}/sign-in"

    before = contact.panel().said
    assert (before["otp-set"], before["enrolment-completed"], before["password-exp"]) == ("Y", "N", "Y")
    assert before["external-message"].startswith("A temporary password ")
    wait_until(
        lambda: contact.panel().said["external-message"].startswith("A temporary password was sent to s…@coe.example"),
        "the panel says that the mail which came was sent",
    )

    choosing = contact.sign_in(password.lower().replace("-", " "))
    assert choosing.path == "/enrol"
    assert (
        "Your password has been set."
        in (signed_in := contact.browser.choose_password(choosing, OWN_PASSWORD)).page.words
    )
    assert is_in(signed_in)
    after = contact.panel()
    assert after.state == "active"
    assert (after.said["otp-set"], after.said["enrolment-completed"], after.said["password-exp"]) == ("N", "Y", "N")
    assert refused(contact.installation.visitor().sign_in(contact.username, password))


def test_three_wrong_passwords_lock_and_a_reset_by_e_mail_lets_in_again(enrolled: Contact) -> None:
    enrolled.fails(3)
    assert refused(enrolled.sign_in(OWN_PASSWORD))
    assert enrolled.panel().state == "locked"
    enrolled.gets("locked")

    asking = enrolled.browser.get(enrolled.browser.get("/sign-in").page.link("Forgotten password"))
    sent = enrolled.browser.send(asking, "/recover", identifier=enrolled.email)
    assert sent.path == "/recover/sent"
    assert "If we hold that address, an e-mail is on its way." in sent.page.words
    assert "Human resources systems desk" in sent.page.words
    link = enrolled.gets("password-reset").link

    choosing = enrolled.browser.get(link)
    assert choosing.path == "/recover/new-password"
    changed = enrolled.browser.choose_password(choosing, ANOTHER_PASSWORD)
    assert changed.path == "/sign-in"
    enrolled.gets("password-changed")
    assert refused(enrolled.sign_in(OWN_PASSWORD))
    assert is_in(enrolled.sign_in(ANOTHER_PASSWORD))
    assert enrolled.panel().state == "active"
    assert "This link can no longer be used" in enrolled.browser.get(link).page.words


def test_unlock_lets_the_contact_in_with_the_old_password(enrolled: Contact) -> None:
    enrolled.fails(3)
    locked = enrolled.panel()
    assert (locked.state, locked.buttons) == ("locked", {"unlock", "re-enrol", "recovery-mail"})
    unlocked = enrolled.press("unlock")
    assert (unlocked.state, unlocked.buttons) == ("unlock-pending", {"re-enrol", "recovery-mail"})
    assert "The account has been unlocked." in unlocked.page.words
    mail = enrolled.gets("unlocked")
    assert is_in(
        enrolled.browser.send(
            enrolled.browser.get(mail.link), "/sign-in", username=enrolled.email, password=OWN_PASSWORD
        )
    )
    after = enrolled.panel()
    assert (after.state, after.said["failures-since-success"], after.said["failures-total"]) == ("active", "0", "3")


def test_re_enrol_ends_the_session_and_the_old_password_and_mails_a_new_temporary_one(contact: Contact) -> None:
    assert is_in(contact.enrol())
    again = contact.press("re-enrol")
    assert (again.state, again.said["re-enrolled"], again.said["otp-set"]) == ("registration-pending", "Y", "Y")
    assert contact.browser.get("/account").path == "/sign-in"
    assert refused(contact.sign_in(OWN_PASSWORD))
    choosing = contact.sign_in(temporary_password_in(contact.gets("re-enrolment")))
    assert is_in(contact.browser.choose_password(choosing, THE_OTHER_PASSWORD))
    after = contact.panel()
    assert (after.state, after.said["re-enrolled"]) == ("active", "N")


def test_a_temporary_password_that_is_late_is_refused_and_the_panel_says_so(contact: Contact, later: Later) -> None:
    contact.press("register")
    mail = contact.gets("registration")
    contact.username = username_in(mail)
    later(contact, timedelta(hours=24, minutes=1))
    assert refused(contact.sign_in(temporary_password_in(mail)))
    late = contact.panel()
    assert (late.state, late.buttons) == ("registration-pending", {"re-enrol"})
    assert late.said["status"] == "Registration expired"
    assert "expired" in text_of(next(node for node in late.page.all("div", data_name="otp-expiry")))
    assert late.said["external-message"].startswith("The temporary password expired at ")
    contact.press("re-enrol")
    assert contact.sign_in(temporary_password_in(contact.gets("re-enrolment"))).path == "/enrol"


def test_an_unlock_that_is_late_is_refused_and_the_panel_says_so(enrolled: Contact, later: Later) -> None:
    enrolled.fails(3)
    enrolled.press("unlock")
    enrolled.gets("unlocked")
    later(enrolled, timedelta(hours=24, minutes=1))
    assert refused(enrolled.sign_in(OWN_PASSWORD))
    late = enrolled.panel()
    assert (late.state, late.buttons) == ("locked", {"unlock", "re-enrol", "recovery-mail"})
    assert "the unlock expired at " in text_of(late.page.one("div", data_name="status"))
    assert "nobody signed in before" in late.said["external-message"]
    enrolled.press("unlock")
    assert is_in(enrolled.sign_in(OWN_PASSWORD))


def test_a_temporary_password_one_minute_before_its_end_is_good(contact: Contact, later: Later) -> None:
    contact.press("register")
    mail = contact.gets("registration")
    contact.username = username_in(mail)
    later(contact, timedelta(hours=23, minutes=59))
    assert contact.sign_in(temporary_password_in(mail)).path == "/enrol"


def test_a_forgotten_username_is_mailed(enrolled: Contact) -> None:
    asking = enrolled.browser.get(enrolled.browser.get("/sign-in").page.link("Request username"))
    enrolled.browser.send(asking, "/recover", identifier=enrolled.email.upper())
    assert enrolled.username in enrolled.gets("username-reminder").lines


def test_from_the_private_zone_the_fifth_wrong_password_locks(enrolled: Contact) -> None:
    enrolled.browser = enrolled.installation.visitor("10.20.30.40")
    enrolled.fails(4)
    assert (enrolled.panel().state, enrolled.panel().said["failures-since-success"]) == ("active", "4")
    enrolled.fails(1)
    assert enrolled.panel().state == "locked"
    assert "locked" in enrolled.gets("locked").subject
    assert refused(enrolled.sign_in(OWN_PASSWORD))


def test_the_owner_s_own_browser_gets_in_while_strangers_have_locked_the_account(enrolled: Contact) -> None:
    own, enrolled.browser = enrolled.browser, enrolled.installation.visitor("198.51.100.66")
    signed_in = own.sign_in(enrolled.username, OWN_PASSWORD)
    own.sign_out(signed_in)
    enrolled.fails(3)
    assert enrolled.panel().state == "locked"
    assert refused(enrolled.sign_in(OWN_PASSWORD))
    assert is_in(own.sign_in(enrolled.username, OWN_PASSWORD))
    assert enrolled.panel().state == "active"
