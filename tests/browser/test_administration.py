"""What administrators do beside the list, in a browser: in person, roles, many at once, files; also without scripts.

Each test works on people of its own.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser import steps

CONTACTS = steps.CONTACTS
SCRIPTS = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])


@pytest.fixture
def administrator(open_browser: Callable[..., Any], sign_in: Callable[[Any, str], None]) -> Callable[[bool], Any]:
    """A browser of the county office's administrator, with scripts or without."""

    def opened(javascript: bool) -> Any:
        page = open_browser(javascript=javascript)
        sign_in(page, "local_administrator")
        return page

    return opened


@SCRIPTS
def test_a_temporary_password_is_given_in_person(administrator: Any, open_browser: Any, javascript: bool) -> None:
    page, number = administrator(javascript), 2956 if javascript else 2957
    page.goto(f"{CONTACTS}/{number}")
    page.get_by_role("link", name="Give a temporary password in person").click()
    page.get_by_label("Something else, which I name below").check()
    page.watch.expect_status(422)
    page.get_by_role("button", name="Give a temporary password").click()
    page.get_by_role("link", name="Say how you checked who it is").wait_for()
    page.get_by_label("Reference").fill("vouched for at the front desk")
    page.get_by_role("button", name="Give a temporary password").click()
    secret = page.locator("#temporary-password").inner_text()
    assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", secret)
    assert page.get_by_role("button", name="Print").count() == int(javascript)
    page.emulate_media(media="print")
    assert page.locator("#slip").is_visible()
    assert not page.locator(".nhsuk-footer").is_visible()
    page.emulate_media(media="screen")
    username = page.locator("#slip dd").first.inner_text()
    theirs = open_browser(javascript=javascript)
    steps.fill_sign_in(theirs, username, secret.replace("-", " ").lower())
    theirs.get_by_role("heading", name="Choose your password").wait_for()


@SCRIPTS
def test_a_role_is_granted_and_withdrawn(administrator: Any, javascript: bool) -> None:
    page, number = administrator(javascript), 2958 if javascript else 2959
    page.goto(f"{CONTACTS}/{number}")
    if javascript:
        steps.never_leaves(page)
    page.get_by_label("Grant a role").select_option("password_reset_operator")
    page.get_by_role("button", name="Grant").click()
    page.get_by_text("The role has been granted.").wait_for()
    withdraw = page.get_by_role("button", name=re.compile("^Withdraw Local User Password Reset"))
    withdraw.click()
    page.get_by_text("The role has been withdrawn.").wait_for()
    page.locator("#roles").get_by_text("No role is held.").wait_for()
    if javascript:
        assert steps.is_the_same_document(page)


def test_the_recovery_mail_is_sent_in_place(administrator: Any) -> None:
    page = administrator(True)
    page.goto(f"{CONTACTS}/2961")
    page.get_by_role("button", name="Send recovery mail").click()
    page.get_by_text("A link to choose a new password is on its way").wait_for()
    page.locator("[data-name='last-email'] dd").get_by_text("Password reset").wait_for()


@SCRIPTS
def test_many_are_re_enrolled_with_a_result_each(administrator: Any, javascript: bool) -> None:
    page, name = administrator(javascript), "Sipho Mahlangu" if javascript else "Amara Nwosu"
    page.goto(f"{CONTACTS}?tab=people&size=100")
    page.get_by_label(f"Choose {name}").check()
    page.get_by_label("Do", exact=True).select_option("re-enrol")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Re-Enrol: 1 person").wait_for()
    page.get_by_role("button", name="Re-Enrol", exact=True).click()
    page.get_by_role("progressbar").wait_for()
    if not javascript:
        page.wait_for_timeout(4000)
        page.reload()
    page.get_by_role("status").get_by_text("Finished. Done: 1 of 1").wait_for()
    page.get_by_role("link", name=name).wait_for()


@SCRIPTS
def test_a_file_is_matched_looked_at_and_applied(administrator: Any, javascript: bool, tmp_path: Path) -> None:
    page, prefix = administrator(javascript), "Ula" if javascript else "Uno"
    file = tmp_path / "people.csv"
    file.write_text(f"Given;last_name;primary_email\n{prefix};Upload;{prefix}@coe.example\n;Nobody;none\n")
    page.goto("/organisations/42061/uploads")
    page.locator("#file").set_input_files(str(file))
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Column “Given”").select_option("first_name")
    page.get_by_role("button", name="Check the rows").click()
    look_until(page, "checked", javascript)
    page.get_by_role("link", name="refused: 1").wait_for()
    page.get_by_role("button", name="Apply 1 row").click()
    look_until(page, "applied", javascript)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download what became of each row").click()
    assert "2,added,," in Path(downloading.value.path()).read_text()


def look_until(page: Any, stage: str, javascript: bool) -> None:
    """The page looks by itself; without scripts its reader loads it again."""
    if javascript:
        page.locator(f"#upload[data-stage={stage}]").wait_for()
        return
    for _ in range(20):
        if page.locator(f"#upload[data-stage={stage}]").count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"the upload is not {stage}")


def test_what_happened_is_narrowed_down_in_place(administrator: Any) -> None:
    page = administrator(True)
    page.goto("/organisations/42061/activity")
    steps.never_leaves(page)
    page.locator("#kind").select_option("registration")
    page.wait_for_url(re.compile(r"kind=registration"))
    page.locator("#trail").get_by_text(re.compile("registered")).first.wait_for()
    assert steps.is_the_same_document(page)


def test_a_list_goes_out_as_a_workbook(administrator: Any) -> None:
    page = administrator(True)
    page.goto(f"{CONTACTS}?type=tpa")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export to Excel").click()
    assert downloading.value.suggested_filename == "contacts-42061.xlsx"


def test_the_operators_screen_has_what_the_role_may_do(page: Any, sign_in: Callable[[Any, str], None]) -> None:
    sign_in(page, "password_reset_operator")
    page.goto(CONTACTS)
    page.get_by_label("Search by name").fill("littlej")
    page.get_by_role("link", name="Caleb Littlejohn").click()
    page.get_by_role("button", name="Send recovery mail").or_(
        page.get_by_role("link", name="Give a temporary password in person")
    ).first.wait_for()  # fmt: skip
    assert page.locator("#contact-details, #roles, #history").count() == 0
