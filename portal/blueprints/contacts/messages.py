"""The words of the maintenance screen: states, mails, and the fixed texts of the two messages."""

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.domain.account_state import AccountAction, AccountState

STATES: dict[str, tuple[LazyString, str]] = {
    AccountState.NOT_REGISTERED: (_("Not registered"), "grey"),
    AccountState.REGISTRATION_PENDING: (_("Registration pending"), "blue"),
    "registration-expired": (_("Registration expired"), "orange"),
    AccountState.ACTIVE: (_("Active"), "green"),
    AccountState.LOCKED: (_("Locked"), "red"),
    AccountState.UNLOCK_PENDING: (_("Unlock pending"), "purple"),
    AccountState.INACTIVE: (_("Inactive"), "white"),
}
"""Each state's words and the colour of its tag; an expired registration is shown as such."""

COLUMNS: dict[str, tuple[LazyString, str]] = {
    "last_name": (_("Full Name"), "app-column--name"),
    "status": (_("Status"), "app-column--status"),
    "primary_email": (_("Email Address"), "app-column--email"),
    "types": (_("Contact Type"), "app-column--types"),
    "primary_phone": (_("Primary Phone Number"), "app-column--phone"),
    "state": (_("Self Service Status"), "app-column--state"),
    "last_sign_in": (_("Last Successful Login"), "app-column--login"),
}
"""What the list sorts by, as in the address, with the column's heading."""

FILTERS: dict[str, LazyString] = {
    AccountState.NOT_REGISTERED: _("Never registered"),
    AccountState.REGISTRATION_PENDING: _("Registration pending"),
    AccountState.ACTIVE: _("Active"),
    AccountState.LOCKED: _("Locked"),
    AccountState.UNLOCK_PENDING: _("Unlock pending"),
    AccountState.INACTIVE: _("Inactive"),
    "registration-expired": _("Registration expired"),
    "expires-today": _("Registration expires today"),
    "no-usable-email": _("No usable e-mail"),
    "holds-role": _("Holds a role"),
}
"""What the list may be narrowed down to by ``state=``."""

BUTTONS: dict[AccountAction, LazyString] = {
    AccountAction.REGISTER: _("Register"),
    AccountAction.UNLOCK: _("Unlock"),
    AccountAction.RE_ENROL: _("Re-Enrol"),
}
MAIN_MOVES: dict[AccountState, AccountAction] = {
    AccountState.NOT_REGISTERED: AccountAction.REGISTER,
    AccountState.LOCKED: AccountAction.UNLOCK,
    AccountState.REGISTRATION_PENDING: AccountAction.RE_ENROL,
}
"""What a row of the list offers: what its state waits for."""
MOVES: dict[AccountAction, LazyString] = {
    **BUTTONS,
    AccountAction.RESET_PASSWORD: _("Send recovery mail"),
    AccountAction.GIVE_IN_PERSON: _("Give a temporary password in person"),
    AccountAction.DEACTIVATE: _("save with the status Inactive"),
    AccountAction.REACTIVATE: _("save with the status Active"),
}

MAILS: dict[str, LazyString] = {
    "registration": _("Registration"),
    "re-enrolment": _("Re-enrolment"),
    "unlocked": _("Account unlocked"),
    "locked": _("Account locked"),
    "password-reset": _("Password reset"),
    "recovery-help": _("Help with getting in"),
    "username-reminder": _("Username reminder"),
    "password-changed": _("Password changed"),
    "in-person": _("Notice of a temporary password in person"),
    "role-changed": _("Role changed"),
    "administrator-notice": _("Notice about another administrator"),
    "verify-email": _("Confirmation of a new address"),
    "email-changed": _("E-mail address changed"),
}

INTERNAL: dict[str, LazyString] = {
    "": _("Nothing has happened yet"),
    "enrolment-link-issued": _("A link to enrol was made on the command line"),
    "registration-queued": _("Registered; the e-mail is queued"),
    "re-enrolment-queued": _("Re-enrolled; the e-mail is queued"),
    "given-in-person": _("A temporary password was given in person"),
    "recovery-queued": _("An administrator had a recovery link sent; the e-mail is queued"),
    "unlocked-queued": _("Unlocked; the e-mail is queued"),
    "unlocked-without-email": _("Unlocked; there was no e-mail address to tell"),
    "locked-queued": _("Locked after failed sign-ins; the e-mail is queued"),
    "locked-without-email": _("Locked after failed sign-ins; there was no e-mail address to tell"),
    "temporary-password-voided": _("The temporary password was voided after too many wrong tries"),
    "registration-completed": _("Registration completed"),
    "password-reset": _("Password reset by e-mailed link"),
    "password-changed": _("Password changed by its owner"),
    "password-disabled": _("Password disabled after too many failed sign-ins"),
    "signed-in": _("Signed in"),
    "signed-in-while-locked": _("Signed in from a known browser while locked; unlocked"),
    "deactivated": _("Made inactive; credentials erased"),
    "reactivated": _("Made active again"),
    "verify-email-queued": _("The owner asked for a new e-mail address; the e-mail that confirms it is queued"),
    "verify-email-withdrawn": _("The owner keeps the present e-mail address; the link to the new one is dead"),
    "email-changed": _("The owner confirmed a new e-mail address; the notices are queued"),
    "restored": _(
        "The database was restored from a backup: mail that was on its way was not sent, a temporary password is void"
    ),
}
INTERNAL_MAIL: dict[str, tuple[LazyString, LazyString]] = {
    "mail-sent": (_("%(mail)s e-mail sent"), _("%(mail)s e-mail sent")),
    "mail-refused": (
        _("%(mail)s e-mail could not be delivered"),
        _("%(mail)s e-mail refused by mail server: %(words)s"),
    ),
    "mail-given-up": (_("%(mail)s e-mail was not sent"), _("%(mail)s e-mail was not sent: %(words)s")),
    "mail-dropped": (
        _("%(mail)s e-mail not sent: the address was changed"),
        _("%(mail)s e-mail not sent: the address was changed"),
    ),
    "mail-delayed": (_("%(mail)s e-mail delayed"), _("%(mail)s e-mail delayed: %(words)s")),
}
"""What became of a mail, without and with the server's words."""
