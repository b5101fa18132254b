"""The audit trail's vocabulary: each event's name (subject:part:action), its sentence, and the details it carries."""

from dataclasses import dataclass


def _(text: str) -> str:
    """Marks a text for the catalogues; it is translated where it is shown."""
    return text


@dataclass(frozen=True)
class Event:
    """One kind of entry.

    ``sentence`` says what happened to whoever reads the trail, ``own`` to the person whom it happened to, ``oneself``
    to a person who did it themselves, where ``own`` would not do. All may name ``person``, ``actor`` and the details;
    where nobody signed in did it, ``actor`` is the portal.
    """

    sentence: str
    own: str = ""
    details: frozenset[str] = frozenset()
    oneself: str = ""


EVENTS: dict[str, Event] = {
    "account:registration:registered": Event(
        _(
            "%(actor)s registered %(person)s with the username %(username)s; "
            "the registration can be completed until %(expires_at)s"
        ),
        _("%(actor)s registered you; the registration can be completed until %(expires_at)s"),
        frozenset({"username", "expires_at"}),
    ),
    "account:registration:re-enrolled": Event(
        _("%(actor)s re-enrolled %(person)s; the temporary password works until %(expires_at)s"),
        _("%(actor)s re-enrolled you; the temporary password works until %(expires_at)s"),
        frozenset({"expires_at"}),
    ),
    "account:registration:given-in-person": Event(
        _(
            "%(actor)s gave %(person)s a temporary password in person, which works until %(expires_at)s; "
            "identity check: %(method)s, reference: %(reference)s"
        ),
        _("%(actor)s gave you a temporary password in person, which works until %(expires_at)s"),
        frozenset({"expires_at", "method", "reference"}),
    ),
    "account:registration:completed": Event(
        _("%(person)s completed the registration and chose a password"),
        _("You completed your registration and chose a password"),
    ),
    "account:enrolment-link:issued": Event(
        _("%(actor)s issued a link to enrol %(person)s, good until %(expires_at)s"),
        _("%(actor)s issued a link to enrol you, good until %(expires_at)s"),
        frozenset({"expires_at"}),
    ),
    "account:temporary-password:accepted": Event(
        _("%(person)s signed in with the temporary password"),
        _("You signed in with your temporary password"),
    ),
    "account:temporary-password:failed": Event(
        _("A wrong temporary password was tried at the account of %(person)s: number %(failures)s"),
        _("A wrong temporary password was tried at your account: number %(failures)s"),
        frozenset({"failures"}),
    ),
    "account:temporary-password:voided": Event(
        _("The temporary password of %(person)s was voided after %(failures)s wrong ones"),
        _("Your temporary password was voided after %(failures)s wrong ones"),
        frozenset({"failures"}),
    ),
    "account:sign-in:succeeded": Event(_("%(person)s signed in"), _("You signed in")),
    "account:sign-in:succeeded-while-locked": Event(
        _("%(person)s gave the right password in a browser known before, which unlocked the account"),
        _("You gave the right password in a browser you had used before, which unlocked your account"),
    ),
    "account:sign-in:failed": Event(
        _("A wrong password was tried at the account of %(person)s: number %(failures)s in a row"),
        _("A wrong password was tried at your account: number %(failures)s in a row"),
        frozenset({"failures"}),
    ),
    "account:sign-in:refused": Event(
        _("A password was tried at the account of %(person)s and not looked at; the account was: %(state)s"),
        _("A password was tried at your account and not looked at; your account was: %(state)s"),
        frozenset({"state"}),
    ),
    "account:known-browser:voided": Event(
        _("A browser of %(person)s is no longer known after %(failures)s wrong passwords in it"),
        _("A browser of yours is no longer known after %(failures)s wrong passwords in it"),
        details=frozenset({"failures"}),
    ),
    "account:lock:locked": Event(
        _("The account of %(person)s was locked after %(failures)s wrong passwords in a row"),
        _("Your account was locked after %(failures)s wrong passwords in a row"),
        frozenset({"failures"}),
    ),
    "account:lock:unlocked": Event(
        _("%(actor)s unlocked the account of %(person)s; the unlock holds until %(expires_at)s"),
        _("%(actor)s unlocked your account; the unlock holds until %(expires_at)s"),
        frozenset({"expires_at"}),
    ),
    "account:session:signed-out": Event(_("%(person)s signed out"), _("You signed out")),
    "account:session:confirmed": Event(
        _("%(person)s gave the password again for a change that needs it"),
        _("You gave your password again for a change that needs it"),
    ),
    "account:session:ended": Event(
        _("%(actor)s signed %(person)s out of a browser"),
        _("%(actor)s signed you out of a browser"),
        oneself=_("You signed out another browser of yours"),
    ),
    "account:session:all-ended": Event(
        _("%(actor)s signed %(person)s out everywhere; browsers signed out: %(sessions)s"),
        _("%(actor)s signed you out everywhere; browsers signed out: %(sessions)s"),
        frozenset({"sessions"}),
        oneself=_("You signed out everywhere else; browsers signed out: %(sessions)s"),
    ),
    "account:password:reset": Event(
        _("%(person)s chose a new password with a mailed link"),
        _("You chose a new password with a mailed link"),
    ),
    "account:password:changed": Event(_("%(person)s changed the password"), _("You changed your password")),
    "account:password:disabled": Event(
        _("The password of %(person)s was disabled after %(failures)s failures without a success"),
        _("Your password was disabled after %(failures)s failures without a success"),
        frozenset({"failures"}),
    ),
    "account:recovery:link-mailed": Event(
        _("A link to choose a new password was mailed to %(person)s: time %(times)s"),
        _("A link to choose a new password was mailed to you: time %(times)s"),
        frozenset({"times"}),
    ),
    "account:recovery:link-sent": Event(
        _("%(actor)s had a link to choose a new password mailed to %(person)s: time %(times)s"),
        _("%(actor)s had a link to choose a new password mailed to you: time %(times)s"),
        frozenset({"times"}),
    ),
    "account:recovery:help-mailed": Event(
        _("Recovery could not help %(person)s, and the mail said why: %(why)s"),
        _("Recovery could not help you, and the mail said why: %(why)s"),
        frozenset({"why"}),
    ),
    "account:recovery:username-mailed": Event(
        _("The usernames on the address of %(person)s were mailed to it"),
        _("The usernames on your address were mailed to it"),
    ),
    "account:email:asked": Event(
        _("%(person)s asked for the e-mail address %(address)s, which is to be confirmed"),
        _("You asked for the e-mail address %(address)s, which is to be confirmed"),
        frozenset({"address"}),
    ),
    "account:email:changed": Event(
        _("%(person)s confirmed the e-mail address %(after)s in place of %(before)s"),
        _("You confirmed the e-mail address %(after)s in place of %(before)s"),
        frozenset({"before", "after"}),
    ),
    "account:email:withdrawn": Event(
        _("%(person)s withdrew the wish for the e-mail address %(address)s"),
        _("You withdrew the wish for the e-mail address %(address)s"),
        frozenset({"address"}),
    ),
    "account:role:granted": Event(
        _("%(actor)s granted %(person)s the role %(role)s for %(scope)s"),
        _("%(actor)s granted you the role %(role)s for %(scope)s"),
        frozenset({"role", "scope"}),
    ),
    "account:role:withdrawn": Event(
        _("%(actor)s withdrew from %(person)s the role %(role)s for %(scope)s"),
        _("%(actor)s withdrew from you the role %(role)s for %(scope)s"),
        frozenset({"role", "scope"}),
    ),
    "account:life:deactivated": Event(
        _("%(actor)s made %(person)s inactive"),
        _("%(actor)s made you inactive"),
    ),
    "account:life:reactivated": Event(
        _("%(actor)s made %(person)s active again"),
        _("%(actor)s made you active again"),
    ),
    "person:record:created": Event(
        _("%(actor)s created the record of %(person)s"),
        _("%(actor)s created your record"),
    ),
    "person:record:changed": Event(
        _("%(actor)s changed the record of %(person)s: %(changes)s"),
        _("%(actor)s changed your record: %(changes)s"),
        frozenset({"changes"}),
    ),
    "person:record:left": Event(
        _("%(actor)s moved %(person)s from %(from_organisation)s to %(to_organisation)s"),
        _("%(actor)s moved you from %(from_organisation)s to %(to_organisation)s"),
        frozenset({"from_organisation", "to_organisation"}),
    ),
    "person:record:arrived": Event(
        _("%(actor)s moved %(person)s here from %(from_organisation)s, to %(to_organisation)s"),
        _("%(actor)s moved you here from %(from_organisation)s, to %(to_organisation)s"),
        frozenset({"from_organisation", "to_organisation"}),
    ),
    "sign-in:unknown:failed": Event(_("Somebody tried to sign in with a name that leads to no account")),
    "organisation:bulk:asked": Event(
        _("%(actor)s asked for work on many people: %(work)s, people: %(people)s, a day: %(per_day)s"),
        details=frozenset({"work", "people", "per_day"}),
    ),
    "organisation:bulk:stopped": Event(
        _("%(actor)s stopped work on many people: %(work)s, people left alone: %(people)s"),
        details=frozenset({"work", "people"}),
    ),
    "organisation:upload:confirmed": Event(
        _(
            "%(actor)s confirmed the upload of %(file)s: %(new)s new, %(changed)s changed, %(unchanged)s unchanged, "
            "%(refused)s refused"
        ),
        details=frozenset({"file", "new", "changed", "unchanged", "refused"}),
    ),
    "organisation:import:applied": Event(
        _(
            "%(actor)s imported people from %(file)s: %(new)s new, %(changed)s changed, %(unchanged)s unchanged, "
            "%(refused)s refused"
        ),
        details=frozenset({"file", "new", "changed", "unchanged", "refused"}),
    ),
    "organisation:record:created": Event(_("%(actor)s created the organisation %(code)s"), details=frozenset({"code"})),
    "organisations:import:begun": Event(
        _("An import of %(rows)s organisations from %(file)s was begun"), details=frozenset({"file", "rows"})
    ),
    "organisations:import:applied": Event(
        _(
            "An import of organisations from %(file)s was applied: %(added)s added, %(changed)s changed, "
            "%(closed)s closed, %(unchanged)s unchanged, %(refused)s refused"
        ),
        details=frozenset({"file", "added", "changed", "closed", "unchanged", "refused"}),
    ),
    "installation:database:restored": Event(
        _("%(actor)s restored the database from a backup of %(taken_at)s; what came after it is lost: %(lost)s"),
        details=frozenset({"taken_at", "lost"}),
    ),
}


KINDS: dict[str, tuple[str, ...]] = {
    "sign-in": ("account:sign-in:", "account:known-browser:", "account:session:"),
    "lock": ("account:lock:",),
    "registration": ("account:registration:", "account:enrolment-link:"),
    "password": ("account:password:", "account:recovery:"),
    "record": ("person:record:", "account:email:", "account:life:"),
    "role": ("account:role:",),
    "many": ("organisation:bulk:", "organisation:upload:", "organisation:import:"),
}
"""What the history is narrowed down to, by how the events' names begin."""


def events_of(kind: str) -> list[str]:
    """The events of a kind, in the vocabulary's order."""
    return [event for event in EVENTS if event.startswith(KINDS[kind])]


def check(event: str, details: dict[str, object]) -> None:
    """Raises ValueError for an event that is not in the vocabulary, or details other than the declared ones."""
    if event not in EVENTS:
        raise ValueError(f"{event} is not in the vocabulary of the audit trail")
    declared = EVENTS[event].details
    if set(details) != declared:
        raise ValueError(f"{event} carries {sorted(declared)}, not {sorted(details)}")
