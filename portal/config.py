"""The settings: one table of names, kinds and defaults, read from the environment and from ``.env``."""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

PREFIX = "PORTAL_"
SECRET_KEY_MIN_LENGTH = 32
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class ConfigurationError(ValueError):
    """A setting is missing or senseless; the text says which and what to write."""


def _flag(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError("write true or false") from None


def _positive_number(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError("write a whole number of 1 or more")
    return int(text)


def _list(text: str) -> list[str]:
    value = None
    with suppress(json.JSONDecodeError):
        value = json.loads(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('write a JSON list of texts, such as ["10.0.0.0/8"]')
    return value


def _redis_address(text: str) -> str:
    with suppress(ValueError):  # of a port that is none
        address = urlsplit(text)
        if address.scheme == "redis+unix" and address.path.strip("/"):
            return text
        if address.scheme in ("redis", "rediss") and address.hostname and address.port != 0:
            return text
    raise ValueError("write an address such as redis://127.0.0.1:6379/0")


@dataclass(frozen=True)
class Setting:
    """One setting: its name without the prefix, how its text is read, and the value when it is not set."""

    name: str
    default: Any
    read: Callable[[str], Any] = str


SETTINGS = (
    Setting("INSTANCE_PATH", None),
    Setting("SECRET_KEY", None),
    Setting("SECRET_KEY_FALLBACKS", [], _list),
    Setting("BASE_URL", "http://127.0.0.1:8000"),
    Setting("SQLALCHEMY_DATABASE_URI", None),
    Setting("REDIS_URL", None, _redis_address),
    Setting("MAIL_SERVER", None),
    Setting("MAIL_PORT", 25, _positive_number),
    Setting("MAIL_USE_TLS", False, _flag),
    Setting("MAIL_USE_SSL", False, _flag),
    Setting("MAIL_USERNAME", None),
    Setting("MAIL_PASSWORD", None),
    Setting("MAIL_DEFAULT_SENDER", None),
    Setting("PRIVATE_NETWORKS", [], _list),
    Setting("MAX_UPLOAD_MB", 20, _positive_number),
    Setting("TRUSTED_PROXIES", [], _list),
    Setting("LOCKOUT_INTERNET", 3, _positive_number),
    Setting("LOCKOUT_PRIVATE", 5, _positive_number),
    Setting("TEMPORARY_PASSWORD_HOURS", 24, _positive_number),
    Setting("UNLOCK_HOURS", 24, _positive_number),
    Setting("RESET_LINK_MINUTES", 60, _positive_number),
    Setting("FIRST_PASSWORD_BY_EMAIL", False, _flag),
    Setting("PASSWORD_MIN_LENGTH", 12, _positive_number),
    Setting("SESSION_IDLE_MINUTES", 30, _positive_number),
    Setting("SESSION_HOURS", 12, _positive_number),
    Setting("RATE_LIMITS", True, _flag),
    Setting("LOCALE", "en_GB"),
    Setting("TIME_ZONE", "Europe/London"),
    Setting("COUNTRY", "GB"),
    Setting("BRAND_NAME", "Gatehouse"),
    Setting("BRAND_COLOUR", None),
    Setting("BRAND_LOGO", None),
    Setting("SUPPORT_EMAIL", None),
)


def from_environment(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read every setting; what the environment does not name comes from ``.env`` in the working directory.

    Raises ConfigurationError for values that cannot be read, a line each.
    """
    if environment is None:
        written = {name: text for name, text in dotenv_values(".env").items() if text is not None}
        environment = {**written, **os.environ}
    settings: dict[str, Any] = {}
    wrong: list[str] = []
    for setting in SETTINGS:
        text = environment.get(PREFIX + setting.name)
        if text is None or text == "":
            settings[setting.name] = setting.default
            continue
        try:
            settings[setting.name] = setting.read(text)
        except ValueError as error:
            wrong.append(f"{PREFIX}{setting.name}: {error}")
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return settings


def complete(settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Settings with what follows from others: folders, the secret key, the database, hosts and cookies."""
    instance = Path(settings["INSTANCE_PATH"] or root / "instance").resolve()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    base = urlsplit(settings["BASE_URL"])
    if base.scheme not in ("http", "https") or not base.hostname or base.path.strip("/") or base.query or base.fragment:
        raise ConfigurationError(
            f"{PREFIX}BASE_URL: write an address such as https://access.trust.example, without a path"
        )
    secure = base.scheme == "https"
    host = f"[{base.hostname}]" if ":" in base.hostname else base.hostname
    loopback = host in LOOPBACK_NAMES
    if settings["MAIL_SERVER"] and not settings["MAIL_DEFAULT_SENDER"]:
        raise ConfigurationError(f"{PREFIX}MAIL_DEFAULT_SENDER: a mail server needs the address that mail comes from")
    return {
        **settings,
        "INSTANCE_PATH": str(instance),
        "BASE_URL": settings["BASE_URL"].rstrip("/"),
        "BASE_URL_IS_LOOPBACK": loopback,
        "SECRET_KEY": settings["SECRET_KEY"] or _kept_secret_key(instance / "secret_key"),
        "SQLALCHEMY_DATABASE_URI": settings["SQLALCHEMY_DATABASE_URI"] or f"sqlite:///{instance / 'portal.sqlite3'}",
        "RATELIMIT_STORAGE_URI": settings["REDIS_URL"] or "memory://",
        "MAIL_DEFAULT_SENDER": settings["MAIL_DEFAULT_SENDER"] or f"{settings['BRAND_NAME']} <portal@{base.hostname}>",
        "TRUSTED_HOSTS": list(LOOPBACK_NAMES) if loopback else [host],
        "PREFERRED_URL_SCHEME": base.scheme,
        "SESSION_COOKIE_NAME": "__Host-portal" if secure else "portal",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_I18N_ENABLED": False,
        "WTF_CSRF_SSL_STRICT": False,
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "MAX_FORM_MEMORY_SIZE": 256 * 1024,
        "UPLOAD_BYTES": settings["MAX_UPLOAD_MB"] * 1024 * 1024 + 64 * 1024,
        "BABEL_DEFAULT_LOCALE": settings["LOCALE"],
        "BABEL_DEFAULT_TIMEZONE": settings["TIME_ZONE"],
    }


def _kept_secret_key(file: Path) -> str:
    """The key kept in the instance folder; made on the first start, readable by its owner alone (ASVS 13.3.1).

    It is linked into place whole, so that a web server and a worker that start together agree on one key.
    """
    if not file.exists():
        draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write(secrets.token_hex(32) + "\n")
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text().strip()
