"""The roles panel: which roles a person holds, which of them the reader may take back, and which may be granted."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import url_for
from flask_babel import gettext as _

from portal.blueprints.role_words import ROLES
from portal.domain.roles import ABOVE_ORGANISATION, Permission, Role
from portal.models import Person, Region, RoleGrant
from portal.permissions import held_fields
from portal.services import administrators, contacts, organisations, roles
from portal.services.roles import Scope
from portal.services.sessions import SignedIn


@dataclass(frozen=True)
class Held:
    """A role that is held, and the fields that withdraw it, if the reader may."""

    text: str
    scope: str
    grant: RoleGrant
    withdraw: dict[str, str] | None


@dataclass(frozen=True)
class Said:
    """What the panel says of what was just asked: why it was not done, and the fields that do it all the same."""

    notice: str | None = None
    refusal: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    confirm: dict[str, str] | None = None
    typed: dict[str, str] = field(default_factory=dict)


NOTHING = Said()
ENOUGH = 2


@dataclass(frozen=True)
class RolesPanel:
    """Everything that the panel's template says."""

    action: str
    held: list[Held]
    grantable: list[tuple[str, str]]
    regions: list[Region]
    elsewhere: bool
    why_not: str | None
    too_few: str | None
    goes_on: dict[str, str] | None
    said: Said


def panel(person: Person, reader: SignedIn, said: Said = NOTHING) -> RolesPanel | None:
    """The panel of ``person``; None for a reader who may grant nothing here."""
    if not organisations.may(reader, person.organisation, Permission.GRANT_ROLES):
        return None
    own, above = contacts.is_own(reader, person), contacts.is_above(reader, person)
    acts = not own and not above
    grantable = roles.grantable(reader, person) if acts else []
    action = url_for("contacts.change_role", code=person.organisation.code, ess_id=person.ess_id)
    kept = held_fields(action) if acts else None
    return RolesPanel(
        action=action,
        held=[_held(person, grant, reader, acts) for grant in person.account.roles if grant.ended_at is None],
        grantable=[(role.value, str(ROLES[role])) for role in grantable],
        regions=roles.regions_to_grant(reader) if Role.REGIONAL_ACCOUNT_MANAGER in grantable else [],
        elsewhere=bool(organisations.roles_in(reader, person.organisation) & ABOVE_ORGANISATION),
        why_not=_why_not(own, above),
        too_few=_too_few(len(administrators.usable(person.organisation_id))),
        goes_on=None if kept is None else {name: value for name, value in kept.items() if name != "csrf_token"},
        said=said,
    )


def scope_fields(grant: RoleGrant) -> dict[str, str]:
    """The fields that name a role and its scope in a form."""
    fields = {"role": grant.role.value}
    if grant.organisation is not None:
        fields["organisation"] = grant.organisation.code
    if grant.region is not None:
        fields["region"] = grant.region.slug
    return fields


def _held(person: Person, grant: RoleGrant, reader: SignedIn, acts: bool) -> Held:
    scope = Scope(grant.organisation, grant.region)
    may = acts and roles.may_change(reader, person, grant.role, scope)
    fields = {**scope_fields(grant), "change": "withdraw"} if may else None
    return Held(str(ROLES[grant.role]), scope.name or _("everything"), grant, fields)


def _too_few(usable: int) -> str | None:
    """Each organisation should have two who can sign in, so that one of them may be away."""
    if usable >= ENOUGH:
        return None
    if not usable:
        return _("No administrator of this organisation can sign in. There should be two.")
    return _("Only one administrator of this organisation can sign in. There should be two.")


def _why_not(own: bool, above: bool) -> str | None:
    if own:
        return _("These are your own roles: another administrator looks after them.")
    return _("This account holds a higher role than yours.") if above else None


def fields_of(sent: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What was sent, to be sent again with the answer to a question."""
    return {name: value for name, value in sent if name in ("role", "change", "region", "organisation")}
