"""What people do in the browser tests, in the words of the story."""

import time
from typing import Any

CONTACTS = "/organisations/42061/contacts"
OWN_PASSWORD = "velvet trombone under snowfall"
ANOTHER_PASSWORD = "marble kettle beyond thunder"


def make_contact(page: Any, first: str, last: str, email: str = "") -> None:
    """New, filled in, saved; by an administrator who is on the maintenance screen."""
    page.get_by_role("button", name="New", exact=True).or_(page.get_by_role("link", name="New", exact=True)).click()
    form = page.locator("form#contact-details")
    form.locator("#first_name").fill(first)
    form.locator("#last_name").fill(last)
    if email:
        form.locator("#primary_email").fill(email)
        form.locator("#confirm_primary_email").fill(email)
    else:
        form.get_by_label("Has no e-mail address").check()
    form.get_by_label("Payroll Contact").check()
    form.get_by_role("button", name="Save", exact=True).click()
    page.locator("#self-service-details").wait_for()


def state(page: Any) -> str:
    """The state of the chosen contact's account, as the panel says it to scripts."""
    return str(page.locator("#self-service-details").get_attribute("data-account-state"))


def press(page: Any, button: str, becomes: str) -> None:
    """One of the panel's buttons, and the panel that comes."""
    page.locator("#self-service-details").get_by_role("button", name=button, exact=True).click()
    page.locator(f'#self-service-details[data-account-state="{becomes}"]').wait_for()


def fill_sign_in(page: Any, username: str, password: str) -> None:
    """The sign-in form, sent with the Enter key."""
    if not page.url.endswith("/sign-in"):
        page.goto("/sign-in")
    page.locator("#username").fill(username)
    page.locator("#password").fill(password)
    page.locator("#password").press("Enter")


def fail_to_sign_in(page: Any, username: str, times: int) -> None:
    """So many wrong passwords; each is answered in the same way."""
    page.watch.expect_status(422)
    for _ in range(times):
        fill_sign_in(page, username, "a wrong password")
        page.get_by_text("You are not signed in").wait_for()
        page.locator("#password:not([value])").wait_for()
        page.goto("/sign-in")


def choose_password(page: Any, password: str, button: str) -> None:
    """The new password twice."""
    page.locator("#password").fill(password)
    page.locator("#password_again").fill(password)
    page.get_by_role("button", name=button).click()


def open_letter(page: Any, address: str, subject: str, seconds: float = 15) -> str:
    """Look into the demonstration's mailbox until the letter is there, and open it; answers its text."""
    deadline = time.monotonic() + seconds
    page.goto("/demonstration/mail")
    letter = page.locator(".app-mailbox__message").filter(has_text=address).filter(has_text=subject)
    while not letter.count():
        assert time.monotonic() < deadline, f"no letter “{subject}” came to {address}"
        page.wait_for_timeout(200)
        page.reload()
    letter.first.get_by_role("link").click()
    return str(page.locator(".app-mailbox__text").first.inner_text())


def line_after(text: str, words: str) -> str:
    """The line that follows the one with these words, in a letter."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[next(place for place, line in enumerate(lines) if line.endswith(words)) + 1]


def never_leaves(page: Any) -> None:
    """Mark the document: a page that is loaded anew has lost the mark."""
    page.evaluate("window.kept = true")


def is_the_same_document(page: Any) -> bool:
    """Whether everything since ``never_leaves`` was swapped in place."""
    return bool(page.evaluate("window.kept === true"))


def scrolls_sideways(page: Any) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
