"""The audit trail's vocabulary: each event's name (subject:part:action) and the details it may and must carry."""

EVENTS: dict[str, frozenset[str]] = {
    "account:registration:registered": frozenset({"username", "expires_at"}),
    "account:registration:re-enrolled": frozenset({"expires_at"}),
    "account:registration:completed": frozenset(),
    "account:temporary-password:accepted": frozenset(),
    "account:temporary-password:failed": frozenset({"failures"}),
    "account:temporary-password:voided": frozenset({"failures"}),
    "account:sign-in:succeeded": frozenset(),
    "account:sign-in:succeeded-while-locked": frozenset(),
    "account:sign-in:failed": frozenset({"failures"}),
    "account:sign-in:refused": frozenset({"state"}),
    "account:lock:locked": frozenset({"failures"}),
    "account:lock:unlocked": frozenset({"expires_at"}),
    "account:session:signed-out": frozenset(),
    "account:password:reset": frozenset(),
    "account:password:disabled": frozenset({"failures"}),
    "account:recovery:link-mailed": frozenset({"times"}),
    "account:recovery:help-mailed": frozenset({"why"}),
    "account:recovery:username-mailed": frozenset(),
    "account:life:deactivated": frozenset(),
    "account:life:reactivated": frozenset(),
    "person:record:created": frozenset(),
    "person:record:changed": frozenset({"changes"}),
    "sign-in:unknown:failed": frozenset(),
    "organisations:import:begun": frozenset({"file", "rows"}),
    "organisations:import:applied": frozenset({"file", "added", "changed", "closed", "unchanged", "refused"}),
}


def check(event: str, details: dict[str, object]) -> None:
    """Raises ValueError for an event that is not in the vocabulary, or details other than the declared ones."""
    if event not in EVENTS:
        raise ValueError(f"{event} is not in the vocabulary of the audit trail")
    if set(details) != EVENTS[event]:
        raise ValueError(f"{event} carries {sorted(EVENTS[event])}, not {sorted(details)}")
