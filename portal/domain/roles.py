"""Roles, what each permits, and who stands above whom."""

from enum import StrEnum


class Role(StrEnum):
    """A role is granted to an account for one scope: an organisation, a region, or everything."""

    PASSWORD_RESET_OPERATOR = "password_reset_operator"  # noqa: S105 - the name of a role
    LOCAL_ADMINISTRATOR = "local_administrator"
    REGIONAL_ACCOUNT_MANAGER = "regional_account_manager"
    CENTRAL_ADMINISTRATOR = "central_administrator"


class Permission(StrEnum):
    """What a view may ask for."""

    OWN_ACCOUNT = "own-account"
    FIND_PEOPLE = "find-people"
    SEE_CONTACTS = "see-contacts"
    KEEP_CONTACTS = "keep-contacts"
    ADD_CONTACTS = "add-contacts"
    RESET_PASSWORDS = "reset-passwords"
    GRANT_ROLES = "grant-roles"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.PASSWORD_RESET_OPERATOR: frozenset({Permission.FIND_PEOPLE, Permission.RESET_PASSWORDS}),
    Role.LOCAL_ADMINISTRATOR: frozenset(set(Permission) - {Permission.OWN_ACCOUNT}),
    Role.REGIONAL_ACCOUNT_MANAGER: frozenset(
        {Permission.FIND_PEOPLE, Permission.SEE_CONTACTS, Permission.ADD_CONTACTS, Permission.GRANT_ROLES}
    ),
    Role.CENTRAL_ADMINISTRATOR: frozenset(set(Permission) - {Permission.OWN_ACCOUNT}),
}
ONLY_WITHOUT_ADMINISTRATOR = {Role.REGIONAL_ACCOUNT_MANAGER: frozenset({Permission.ADD_CONTACTS})}
"""What a role permits only where an organisation has nobody of its own who can."""

RANK: dict[Role, int] = {
    Role.PASSWORD_RESET_OPERATOR: 1,
    Role.LOCAL_ADMINISTRATOR: 2,
    Role.REGIONAL_ACCOUNT_MANAGER: 3,
    Role.CENTRAL_ADMINISTRATOR: 4,
}

WITHIN_ORGANISATION = frozenset({Role.LOCAL_ADMINISTRATOR, Role.PASSWORD_RESET_OPERATOR})
"""Roles whose scope is one organisation."""
ABOVE_ORGANISATION = frozenset({Role.REGIONAL_ACCOUNT_MANAGER, Role.CENTRAL_ADMINISTRATOR})
ADMINISTRATORS = frozenset({Role.LOCAL_ADMINISTRATOR, Role.REGIONAL_ACCOUNT_MANAGER, Role.CENTRAL_ADMINISTRATOR})


def permissions_of(roles: frozenset[Role]) -> frozenset[Permission]:
    """What somebody signed in with these roles may ask for; everyone may look after their own account."""
    granted = frozenset({Permission.OWN_ACCOUNT})
    for role in roles:
        granted |= GRANTS[role]
    return granted


def rank(roles: frozenset[Role]) -> int:
    """The highest rank among the roles; 0 for an employee without any."""
    return max((RANK[role] for role in roles), default=0)


def operator_may_reset(target: frozenset[Role], smartcard_linked: bool) -> bool:
    """Whether a reset operator may help this person in: nobody with a role, nobody who ever had a smartcard."""
    return not target and not smartcard_linked


def may_act_on(actor: frozenset[Role], target: frozenset[Role]) -> bool:
    """Whether nobody higher is being acted on. Equal administrators may reset each other."""
    return rank(actor) >= rank(target)
