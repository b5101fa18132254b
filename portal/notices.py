"""What a page says once, after the change that led to it: a code in a short-lived cookie, a fixed text on the page."""

from dataclasses import dataclass

from flask import current_app, g, request
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

COOKIE = "notice"
SECONDS = 60


@dataclass(frozen=True)
class Notice:
    """A fixed text, and how it is shown: ``success``, ``info`` or ``warning``."""

    text: LazyString
    kind: str = "success"


NOTICES: dict[str, Notice] = {
    "signed-out": Notice(_("You have signed out.")),
    "session-over": Notice(
        _("You have been signed out: nothing was done for a while, or the session was ended."), "info"
    ),
    "not-saved": Notice(_("You had been signed out, so nothing was saved. Sign in, and do it once more."), "warning"),
    "password-chosen": Notice(_("Your password has been set. You are signed in.")),
    "password-reset": Notice(_("Your password has been changed. Sign in with the new one.")),
    "password-changed": Notice(
        _("Your password has been changed. Every other browser that you were signed in with has been signed out.")
    ),
    "goes-on": Notice(_("Thank you. Nothing has been changed yet: press the button once more to go on."), "info"),
    "type-again": Notice(
        _("Thank you. Nothing has been changed yet, and what you typed was not kept: please type it once more."), "info"
    ),
    "browser-signed-out": Notice(_("The browser has been signed out.")),
    "others-signed-out": Notice(_("Every other browser has been signed out.")),
    "all-signed-out": Notice(_("Every browser has been signed out.")),
    "saved": Notice(_("The changes have been saved.")),
    "saved-and-void": Notice(
        _(
            "The changes have been saved. The temporary password went to the earlier address and no longer works: "
            "Re-Enrol sends a new one."
        ),
        "warning",
    ),
    "unchanged": Notice(_("Nothing was different, so nothing was changed."), "info"),
    "created": Notice(_("The contact has been created. They are not registered yet.")),
    "registered": Notice(_("The contact has been registered.")),
    "unlocked": Notice(_("The account has been unlocked.")),
    "re-enrolled": Notice(_("The contact has been re-enrolled.")),
    "recovery-mailed": Notice(_("A link to choose a new password is on its way, as if the person had asked for it.")),
    "role-granted": Notice(_("The role has been granted. It holds from the next page that the person opens.")),
    "role-withdrawn": Notice(_("The role has been withdrawn. It ends with the next page that the person opens.")),
    "moved": Notice(_("The contact has been moved here. ESS ID, username and history came along; roles have ended.")),
    "bulk-stopped": Notice(_("Stopped. Whoever had not had their turn was left alone.")),
    "upload-discarded": Notice(_("The upload has been discarded. Nothing was changed.")),
    "deactivated": Notice(_("The contact has been made inactive.")),
    "reactivated": Notice(_("The contact has been made active again. They are not registered yet.")),
    "link-mailed": Notice(
        _(
            "A link is on its way to the new address. Your present address stays in use until you open that link "
            "and press the button on its page."
        ),
        "info",
    ),
    "sign-in-to-confirm": Notice(
        _("Sign in to confirm the new e-mail address, as the person who asked for it."), "info"
    ),
    "no-link": Notice(_("No new address waits to be confirmed. You can ask for one below."), "info"),
    "address-kept": Notice(_("Your e-mail address stays as it is.")),
    "email-changed": Notice(_("Your e-mail address has been changed.")),
    "email-changed-shared": Notice(
        _(
            "Your e-mail address has been changed. Somebody else has this address too, so it is not enough to sign in "
            "with: use your username."
        ),
        "warning",
    ),
    "delivered": Notice(_("What was due has been delivered.")),
}


def put_into_cookie(answer: Response, code: str) -> None:
    """Leave ``code`` for the page that follows; an empty one takes away what was left."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    age = SECONDS if code else 0
    answer.set_cookie(_cookie_name(), code, max_age=age, httponly=True, samesite="Lax", secure=secure, path="/")


def _cookie_name() -> str:
    return f"__Host-{COOKIE}" if current_app.config["SESSION_COOKIE_SECURE"] else COOKIE


def notice() -> Notice | None:
    """What the page before left to say, if anything; showing it uses it up."""
    code = request.cookies.get(_cookie_name())
    if code is None:
        return None
    g.notice_shown = True
    return NOTICES.get(code)


def use_up(answer: Response) -> Response:
    """A notice that was shown is not shown again."""
    if g.get("notice_shown"):
        put_into_cookie(answer, "")
    return answer
