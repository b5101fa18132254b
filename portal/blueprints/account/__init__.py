"""My account: what an employee looks after."""

from typing import Any

from flask import Blueprint, request

LARGEST_BODY = 6 * 1024
"""What a form may send: three passwords of 128 characters, of four bytes each, written as %XX, take 4.5 KiB."""
blueprint = Blueprint("account", __name__)


@blueprint.url_value_preprocessor
def limit_body(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Nobody writes long texts here. It runs before anything looks into the form."""
    request.max_content_length = LARGEST_BODY


from portal.blueprints.account import email_views, record_views, views  # noqa: F401 - the views register themselves
