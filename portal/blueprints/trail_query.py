"""What a trail's page is asked for in its address."""

from flask import request

from portal.domain.audit_events import KINDS


def asked() -> tuple[str, int | None]:
    """The kind (empty: every one) and the entry before which the page begins; what makes no sense is not there."""
    kind, before = request.args.get("kind", ""), request.args.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    return kind if kind in KINDS else "", number
