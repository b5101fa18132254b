"""Limits of what one address may try, beside the lockout of each account (ASVS 2.4.1, 6.6.3).

A failed sign-in counts whatever its reason, and a success takes its account's failures back: a hospital behind one
address is held up by nobody who gets in. An address is looked at before the hash and counted after it, so that guesses
in hand at the limit may pass it by as many as there are threads; how many an account gets is the lockout's to decide.

What stands in Redis names nobody: addresses, accounts and what was typed are keyed hashes.
"""

import hmac
from typing import cast

from flask import Flask, Response, current_app
from flask_limiter import RequestLimit
from limits.storage import RedisStorage

from portal import clock
from portal.domain import throttling
from portal.domain.email_addresses import fold_email
from portal.domain.throttling import RECOVERY, SIGN_IN, AddressLimit
from portal.errors import TooMany
from portal.extensions import limiter
from portal.network import counted_as
from portal.services.address_log import AddressLog, InMemory
from portal.services.origin import origin

EXTENSION = "address_log"


def init_app(app: Flask) -> None:
    """Counts live in Redis where it is configured, for all processes and machines, or else in this process."""
    if not app.config["REDIS_URL"]:
        limiter.init_app(app)
        app.extensions[EXTENSION] = InMemory()
        return
    from portal.services import shared_address_log

    app.config["RATELIMIT_STORAGE_OPTIONS"] = shared_address_log.OPTIONS
    limiter.init_app(app)
    app.extensions[EXTENSION] = shared_address_log.beside(cast(RedisStorage, limiter.storage))


def redis_fault() -> str | None:
    """What is wrong with Redis, where counts live in it; None when it takes them."""
    return _log().fault()


def admit_sign_in() -> None:
    """Whether this address may try to sign in now. Raises TooMany."""
    if not _is_off():
        _refuse_when(_log().wait(_key(SIGN_IN), _most(SIGN_IN)), signing_in=True)


def note_failure(account_id: int | None, identifier: str) -> None:
    """A failed sign-in counts for its address, whether the name exists or not."""
    if not _is_off():
        _log().add(_key(SIGN_IN), _account(account_id) if account_id is not None else _typed(identifier))


def note_success(account_id: int | None) -> None:
    """Somebody got in: the failures of this account, and no others, are off the address's count."""
    if account_id is not None and not _is_off():
        _log().take_back(_key(SIGN_IN), _account(account_id))


def admit_recovery(identifier: str) -> None:
    """Whether this address may ask about one more target; the same target again costs nothing. Raises TooMany."""
    if not _is_off():
        _refuse_when(_log().add_once(_key(RECOVERY), _typed(identifier), _most(RECOVERY)))


def _is_off() -> bool:
    return not current_app.config["RATE_LIMITS"]


def _log() -> AddressLog:
    return cast(AddressLog, current_app.extensions[EXTENSION])


def _most(limit: AddressLimit) -> int:
    return limit.of(origin().zone)


def _refuse_when(wait: float, signing_in: bool = False) -> None:
    if wait > 0:
        raise TooMany(wait, signing_in)


def _key(limit: AddressLimit) -> str:
    return f"{limit.name}:{_address()}"


def _address() -> str:
    return _veiled("address", counted_as(origin().address))


def _account(account_id: int) -> str:
    return _veiled("account", str(account_id))


def _typed(identifier: str) -> str:
    return _veiled("typed", fold_email(identifier))


def _veiled(kind: str, text: str) -> str:
    key = current_app.config["SECRET_KEY"]
    return hmac.digest(key.encode(), f"rate-limit:{kind}:{text}".encode("utf-8", "replace"), "sha256").hex()[:32]


def _say_when(limit: RequestLimit) -> Response:
    return Response(status=429, headers=TooMany(limit.reset_at - clock.now().timestamp()).headers)


searches = limiter.shared_limit(
    throttling.SEARCHES, scope="search", key_func=_address, exempt_when=_is_off, on_breach=_say_when
)
"""Marks a view of the public search: all of them count together."""
