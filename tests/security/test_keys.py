"""The secret key: made once, kept for its owner alone, changed without signing anybody out, worth nothing when gone.

ASVS 13.3.1, 13.3.4. A short or well-known key is refused: ``tests/commands/test_serve.py``.
"""

import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from portal import config
from portal.models import Person
from portal.services import recovery, tokens
from portal.services.recovery import LinkRefused
from portal.transactions import write
from tests.conftest import SECRET_KEY, SETTINGS
from tests.factories import PASSWORD
from tests.support.client import CheckingClient
from tests.support.links import link_mailed_to

pytestmark = pytest.mark.usefixtures("cheap_hashes")

NEW_KEY = "another key for the tests alone, as long as the first one"
OLDEST_KEY = "the oldest key for the tests alone, long enough to sign"


def rotate(app: Flask, *keys: str) -> None:
    """The portal is started anew with these keys, the present one first."""
    app.config.update(SECRET_KEY=keys[0], SECRET_KEY_FALLBACKS=list(keys[1:]))


def cookie_of(client: CheckingClient) -> str:
    found = client.get_cookie("portal", domain="127.0.0.1")
    assert found is not None
    return found.value


def opened_with(app: Flask, cookie: str, *keys: str) -> dict[str, Any]:
    """What a cookie says to a portal with these keys alone. Raises BadSignature."""
    rotate(app, *keys)
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    found: dict[str, Any] = serializer.loads(cookie)
    return found


def sign_in(client: CheckingClient, somebody: Person) -> None:
    client.get("/sign-in")
    client.submit("/sign-in", {"username": somebody.account.username or "", "password": PASSWORD})


def test_a_new_key_signs_nobody_out(app: Flask, client: CheckingClient, employee: Person):
    sign_in(client, employee)
    client.get("/account")
    rotate(app, NEW_KEY, SECRET_KEY)
    client.get("/account")
    rotate(app, OLDEST_KEY, NEW_KEY, SECRET_KEY)
    client.get("/account")


def test_what_is_signed_from_then_on_needs_the_new_key(app: Flask, client: CheckingClient, employee: Person):
    """Not the first of the fallbacks, as in Flask 3.1.0 (GHSA-4grg-w6v8-c28g)."""
    from itsdangerous import BadSignature

    rotate(app, NEW_KEY, SECRET_KEY, OLDEST_KEY)
    sign_in(client, employee)
    fresh = cookie_of(client)
    assert "_user_id" in opened_with(app, fresh, NEW_KEY)
    for old in (SECRET_KEY, OLDEST_KEY):
        with pytest.raises(BadSignature):
            opened_with(app, fresh, old)


@pytest.mark.parametrize("keys", [(NEW_KEY,), (NEW_KEY, OLDEST_KEY)])
def test_a_key_that_was_taken_out_opens_nothing(
    app: Flask, client: CheckingClient, employee: Person, keys: tuple[str, ...]
):
    """Neither the session that it signed, nor a cookie that somebody forges with it."""
    sign_in(client, employee)
    token = opened_with(app, cookie_of(client), SECRET_KEY)["_user_id"]
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    forged = serializer.dumps({"_user_id": token})
    client.set_cookie("portal", forged, domain="127.0.0.1")
    client.get("/account")
    rotate(app, *keys)
    assert client.get("/account", 303).location.startswith("/sign-in")
    client.set_cookie("portal", forged, domain="127.0.0.1")
    assert client.get("/account", 303).location.startswith("/sign-in")


def test_a_mailed_link_lives_as_long_as_its_key(app: Flask, client: CheckingClient, employee: Person):
    link = link_mailed_to(employee)
    rotate(app, NEW_KEY, SECRET_KEY)
    client.get(link, 303)
    client.get("/recover/new-password", 200)
    rotate(app, NEW_KEY)
    client.get("/recover/new-password", 410)
    with pytest.raises(LinkRefused), write():
        recovery.link_of(link.rpartition("/")[2])


def test_a_link_cannot_be_made_with_a_key_that_is_gone(app: Flask, employee: Person):
    link_mailed_to(employee)
    name = tokens.present_key()
    rotate(app, NEW_KEY)
    with pytest.raises(tokens.KeyGone):
        tokens.recovery_token("issue", employee.account.id, 1, name)


def test_without_a_key_one_is_made_kept_and_its_owners_alone(tmp_path: Path):
    settings = {**SETTINGS, "SECRET_KEY": None, "INSTANCE_PATH": str(tmp_path / "instance")}
    first, second = (config.complete(settings, tmp_path)["SECRET_KEY"] for _ in range(2))
    file = tmp_path / "instance" / "secret_key"
    assert first == second == file.read_text().strip()
    assert len(bytes.fromhex(first)) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [found.name for found in file.parent.iterdir()] == ["secret_key"], "no draft is left"
    other = config.complete({**settings, "INSTANCE_PATH": str(tmp_path / "other")}, tmp_path)["SECRET_KEY"]
    assert other != first


def test_a_key_that_is_given_is_written_nowhere(tmp_path: Path):
    settings = {**SETTINGS, "INSTANCE_PATH": str(tmp_path)}
    assert config.complete(settings, tmp_path)["SECRET_KEY"] == SECRET_KEY
    assert list(tmp_path.iterdir()) == []
