"""Secrets that go out by mail are derived when they are needed and stored nowhere (ASVS 6.5.2, 11.5.1).

Each is made under one of the secret keys; the row that asks for it names that key, so that a mail sent again says the
same after the keys were rotated.
"""

import hashlib
import hmac
import secrets

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from portal.domain.passwords import TEMPORARY_BITS, temporary_text

RECOVERY = "recovery-link"
VERIFY_EMAIL = "verify-email"
"""What a signed token is for: one of one purpose is none of another (ASVS 6.6.2)."""


class KeyGone(LookupError):  # noqa: N818 - an answer, not an error
    """The key that a secret was issued under is no longer among the configured ones."""


def _keys() -> list[str]:
    return [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]


def _name(key: str) -> str:
    return hashlib.sha256(b"name of key:" + key.encode()).hexdigest()[:16]


def present_key() -> str:
    """The name of the key that new secrets are made under."""
    return _name(_keys()[0])


def _key(name: str) -> str:
    """The key of this name. Raises KeyGone when it is no longer among the configured ones."""
    for key in _keys():
        if _name(key) == name:
            return key
    raise KeyGone("the key that this was issued under is no longer configured")


def token_hash(token: str) -> bytes:
    """What a database keeps of a random token: enough to know it again, and nothing to show it with."""
    return hashlib.sha256(token.encode()).digest()


def new_issue() -> str:
    """The public name of one secret: 128 random bits."""
    return secrets.token_hex(16)


def temporary_password(issue: str, key: str) -> str:
    """The temporary password of an issue, as ``XXXX-XXXX-XXXX``. Raises KeyGone."""
    digest = hmac.digest(_key(key).encode(), f"temporary-password:{issue}".encode(), "sha256")
    return temporary_text(int.from_bytes(digest[:8]) >> 64 - TEMPORARY_BITS)


def recovery_token(issue: str, account_id: int, credential_version: int, key: str) -> str:
    """The token of a recovery link: signed over its purpose, account and credential version."""
    return _signer(RECOVERY, _key(key)).dumps([issue, account_id, credential_version])


def read_recovery_token(token: str) -> tuple[str, int, int] | None:
    """Issue, account and credential version of a token that we signed; None for anything else."""
    return _read(RECOVERY, token)


def email_token(issue: str, account_id: int, credential_version: int, key: str) -> str:
    """The token of a link that confirms a new e-mail address, signed like that of a recovery link. Raises KeyGone."""
    return _signer(VERIFY_EMAIL, _key(key)).dumps([issue, account_id, credential_version])


def read_email_token(token: str) -> tuple[str, int, int] | None:
    """Issue, account and credential version of a token that we signed; None for anything else."""
    return _read(VERIFY_EMAIL, token)


def _read(purpose: str, token: str) -> tuple[str, int, int] | None:
    for key in _keys():
        try:
            issue, account_id, version = _signer(purpose, key).loads(token)
            return str(issue), int(account_id), int(version)
        except (BadData, ValueError, TypeError):
            continue
    return None


def _signer(purpose: str, key: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        key, salt=purpose, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )
