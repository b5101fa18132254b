"""Signing in, enrolment and recovery: for everybody, signed in or not."""

from typing import Any

from flask import Blueprint, request

LARGEST_BODY = 4 * 1024
"""What a form with passwords may send. Two of 128 characters, each of four bytes, each byte written %XX, take 3 KiB."""

blueprint = Blueprint("sign_in", __name__)


@blueprint.url_value_preprocessor
def limit_body(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Strangers write no long texts here. It runs before anything looks for a token in the form, and so parses it."""
    request.max_content_length = LARGEST_BODY


from portal.blueprints.sign_in import enrolment_link_views, views  # noqa: F401 - the views register themselves
