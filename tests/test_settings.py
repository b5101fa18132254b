"""The settings as they are read: parsed, completed, and refused by name with what to write."""

from pathlib import Path

import pytest

from portal import config
from portal.config import ConfigurationError


def read(**environment: str) -> dict[str, object]:
    return config.from_environment({f"PORTAL_{name}": text for name, text in environment.items()})


def test_what_is_not_set_has_its_default():
    assert read() == {setting.name: setting.default for setting in config.SETTINGS}
    assert read(MAIL_SERVER="") == read()


def test_numbers_flags_and_lists_are_parsed():
    settings = read(MAIL_PORT="587", MAIL_USE_TLS="Yes", PRIVATE_NETWORKS='["10.0.0.0/8"]', BRAND_NAME="12")
    assert (settings["MAIL_PORT"], settings["MAIL_USE_TLS"]) == (587, True)
    assert (settings["PRIVATE_NETWORKS"], settings["BRAND_NAME"]) == (["10.0.0.0/8"], "12")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("PRIVATE_NETWORKS", "10.0.0.0/8", 'write a JSON list of texts, such as ["10.0.0.0/8"]'),
        ("TRUSTED_PROXIES", "[1]", 'write a JSON list of texts, such as ["10.0.0.0/8"]'),
        ("MAIL_PORT", "abc", "write a whole number of 1 or more"),
        ("LOCKOUT_INTERNET", "0", "write a whole number of 1 or more"),
        ("SESSION_HOURS", "-1", "write a whole number of 1 or more"),
        ("MAIL_USE_TLS", "perhaps", "write true or false"),
        ("RATE_LIMITS", "few", "write true or false"),
        ("REDIS_URL", "127.0.0.1:6379", "write an address such as redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "redis://", "write an address such as redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "redis://127.0.0.1:often", "write an address such as redis://127.0.0.1:6379/0"),
        ("REDIS_URL", "redis+unix://", "write an address such as redis://127.0.0.1:6379/0"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_write(name: str, text: str, words: str):
    with pytest.raises(ConfigurationError) as refused:
        read(**{name: text})
    assert str(refused.value) == f"PORTAL_{name}: {words}"


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigurationError) as refused:
        read(MAIL_PORT="x", MAIL_USE_SSL="x")
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("address", ["access.trust.example", "ftp://x.example", "https://", "https://x.example/portal"])
def test_a_base_url_is_an_origin(tmp_path: Path, address: str):
    settings = {**read(), "BASE_URL": address, "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(ConfigurationError, match="PORTAL_BASE_URL: write an address such as"):
        config.complete(settings, tmp_path)


def test_a_mail_server_needs_a_sender(tmp_path: Path):
    settings = {**read(MAIL_SERVER="mail.trust.example"), "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(ConfigurationError, match="PORTAL_MAIL_DEFAULT_SENDER"):
        config.complete(settings, tmp_path)
