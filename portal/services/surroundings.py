"""What ``portal check`` looks at: the settings, and everything around the portal that it needs."""

import smtplib
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
from flask import current_app
from sqlalchemy import select, text

from portal import clock
from portal.domain.brand import DEFAULT_COLOUR, checked_colour
from portal.extensions import LAST_SQLITE_WITH_WAL_RESET_BUG, db
from portal.models import AuditEntry
from portal.network import networks
from portal.services import health, heartbeats, throttle, web_processes

MAIL_SECONDS = 10
LEAST_MIN_LENGTH, MOST_MIN_LENGTH = 8, 64
"""NIST SP 800-63B-4 3.1.1.2: no fewer than 8, and 64 characters are to be accepted."""
WORKER_IS_LATE = timedelta(minutes=1)
EVERYWHERE = ("0.0.0.0/0", "::/0")
_NEWEST_ENTRY = select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1)
PRAGMAS = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"}


class Verdict(StrEnum):
    """How a look ended; a note is worth reading and nothing is wrong."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    subject: str
    verdict: Verdict
    words: str


def findings() -> Iterator[Finding]:
    """One finding or more of each look, in a fixed order; a look that breaks is a finding too."""
    for subject, look in LOOKS.items():
        try:
            for verdict, words in look():
                yield Finding(subject, verdict, words)
        except Exception as error:
            with suppress(Exception):
                db.session.rollback()
            yield Finding(subject, Verdict.WRONG, f"could not be checked: {type(error).__name__}")


def senseless_settings() -> list[str]:
    """A line for each setting that was read and makes no sense: nothing can be served with it."""
    looks = (_networks, _words_and_times, _brand, _passwords)
    return [words for look in looks for verdict, words in look() if verdict is Verdict.WRONG]


Look = Callable[[], Iterable[tuple[Verdict, str]]]


def _faults_or(faults: list[str], words: str) -> Iterator[tuple[Verdict, str]]:
    yield from ((Verdict.WRONG, fault.partition(": ")[2]) for fault in faults)
    if not faults:
        yield Verdict.OK, words


def _base_url() -> Iterator[tuple[Verdict, str]]:
    address = current_app.config["BASE_URL"]
    if address.startswith("https://") or current_app.config["BASE_URL_IS_LOOPBACK"]:
        yield Verdict.OK, address
    else:
        yield Verdict.WRONG, f"PORTAL_BASE_URL: {address} would carry passwords in clear; write the https:// address"


def _secret_key() -> Iterator[tuple[Verdict, str]]:
    yield from _faults_or(health.secret_key_faults(), "long enough")
    kept = Path(current_app.config["INSTANCE_PATH"]) / "secret_key"
    if kept.exists() and stat.S_IMODE(kept.stat().st_mode) & 0o077:
        yield Verdict.WRONG, f"{kept} can be read by others; chmod 600 it"


def _instance() -> Iterator[tuple[Verdict, str]]:
    yield from _faults_or(health.folder_faults(), current_app.config["INSTANCE_PATH"])


def _database() -> Iterator[tuple[Verdict, str]]:
    where = db.engine.url.render_as_string(hide_password=True)
    yield from _faults_or(health.database_faults(), f"{where}, at the newest migration")


def _sqlite() -> Iterator[tuple[Verdict, str]]:
    if db.engine.dialect.name != "sqlite":
        return
    with db.engine.connect() as connection:
        version = str(connection.scalar(text("select sqlite_version()")))
        read = {name: str(connection.scalar(text(f"PRAGMA {name}"))).lower() for name in PRAGMAS}
    if tuple(int(part) for part in version.split(".")) <= LAST_SQLITE_WITH_WAL_RESET_BUG:
        yield Verdict.WRONG, f"SQLite {version} may damage a database in WAL mode; install the pysqlite3 package"
    for name, value in PRAGMAS.items():
        if read[name] != value:
            yield Verdict.WRONG, f"PRAGMA {name} is {read[name]}, not {value}; is the file on a network disk?"
    yield from ((Verdict.NOTE, fault.partition(": ")[2]) for fault in health.grown_log())
    yield Verdict.OK, f"SQLite {version}, " + ", ".join(f"{name} {value}" for name, value in read.items())


def _demonstration() -> Iterator[tuple[Verdict, str]]:
    faults = health.demonstration_faults()
    if faults:
        yield from _faults_or(faults, "")
    elif not health.database_faults() and health.holds_demonstration():
        yield Verdict.NOTE, "the database holds the demonstration"


def _mail() -> Iterator[tuple[Verdict, str]]:
    settings = current_app.config
    if not settings["MAIL_SERVER"]:
        yield Verdict.NOTE, f"no mail server is set: mail is written to {Path(settings['INSTANCE_PATH']) / 'mail'}"
        return
    where = f"{settings['MAIL_SERVER']} port {settings['MAIL_PORT']}"
    if settings["MAIL_USE_TLS"] and settings["MAIL_USE_SSL"]:
        yield Verdict.WRONG, "PORTAL_MAIL_USE_TLS and PORTAL_MAIL_USE_SSL exclude each other; set one"
        return
    try:
        _greet()
    except smtplib.SMTPAuthenticationError:
        yield Verdict.WRONG, f"{where} refuses PORTAL_MAIL_USERNAME and PORTAL_MAIL_PASSWORD"
    except (OSError, smtplib.SMTPException) as error:
        yield Verdict.WRONG, f"{where} does not answer as a mail server: {type(error).__name__}"
    else:
        yield Verdict.OK, f"{where} answers"


def _greet() -> None:
    """Connect as the delivery of mail does, and sign in where a name is set; nothing is sent."""
    settings = current_app.config
    kind = smtplib.SMTP_SSL if settings["MAIL_USE_SSL"] else smtplib.SMTP
    with kind(settings["MAIL_SERVER"], settings["MAIL_PORT"], timeout=MAIL_SECONDS) as server:
        if settings["MAIL_USE_TLS"]:
            server.starttls()
        if settings["MAIL_USERNAME"] and settings["MAIL_PASSWORD"]:
            server.login(settings["MAIL_USERNAME"], settings["MAIL_PASSWORD"])
        server.noop()


def _late() -> Iterator[tuple[Verdict, str]]:
    if not health.database_faults():
        yield from ((Verdict.NOTE, fault) for fault in health.late_work())


def _worker() -> Iterator[tuple[Verdict, str]]:
    if health.database_faults():
        return
    seen = heartbeats.worker_seen_at()
    if seen is None or clock.now() - seen > WORKER_IS_LATE:
        yield Verdict.NOTE, "none is running: mail waits until portal worker or portal mail deliver sends it"
    else:
        yield Verdict.OK, "running"


def _rate_limits() -> Iterator[tuple[Verdict, str]]:
    settings = current_app.config
    if not settings["RATE_LIMITS"]:
        yield Verdict.NOTE, "PORTAL_RATE_LIMITS is false: only the lockout slows guessing down"
    elif settings["REDIS_URL"]:
        fault = throttle.redis_fault()
        verdict = Verdict.WRONG if fault else Verdict.OK
        yield verdict, f"Redis {fault}: each process counts for itself" if fault else "counted in Redis, for all"
    elif not health.database_faults():
        yield _counted_apart(web_processes.known())


def _counted_apart(servers: list[web_processes.WebServer]) -> tuple[Verdict, str]:
    """Without Redis: a process of several lets as much through as one would alone."""
    most = max((server.processes for server in servers if server.machine == web_processes.machine()), default=1)
    if most > 1:
        return Verdict.WRONG, f"{most} web processes count each for itself; set PORTAL_REDIS_URL"
    if len(servers) > 1:
        where = ", ".join(f"{server.machine} port {server.port} ({server.started_at:%Y-%m-%d})" for server in servers)
        return Verdict.NOTE, f"web servers were started on {where}; if they run together, set PORTAL_REDIS_URL"
    return Verdict.OK, "counted by the one web process"


def _clock() -> Iterator[tuple[Verdict, str]]:
    now = clock.now()
    newest = None if health.database_faults() else db.session.scalar(_NEWEST_ENTRY)
    if newest is not None and newest > now + timedelta(minutes=1):
        yield Verdict.WRONG, f"it is {now:%Y-%m-%d %H:%M} UTC here, before what the audit trail already holds"
    else:
        yield Verdict.OK, f"{now:%Y-%m-%d %H:%M} UTC"


def _networks() -> Iterator[tuple[Verdict, str]]:
    for name in ("PRIVATE_NETWORKS", "TRUSTED_PROXIES"):
        written = current_app.config[name]
        try:
            known = networks(written)
        except ValueError as error:
            yield Verdict.WRONG, f"PORTAL_{name}: {error}"
            continue
        if any(str(network) in EVERYWHERE for network in known):
            yield Verdict.WRONG, f"PORTAL_{name}: names every address there is"
        else:
            yield Verdict.OK, f"PORTAL_{name}: " + (", ".join(map(str, known)) or "none")


def _words_and_times() -> Iterator[tuple[Verdict, str]]:
    settings = current_app.config
    readers: dict[str, Callable[[str], object]] = {"LOCALE": _locale, "TIME_ZONE": ZoneInfo, "COUNTRY": _country}
    for name, read in readers.items():
        try:
            read(settings[name])
        except (ValueError, LookupError, OSError):
            known = f"; write {' or '.join(_locales())}" if name == "LOCALE" else ""
            yield Verdict.WRONG, f"PORTAL_{name}: {settings[name]} is not known{known}"
        else:
            yield Verdict.OK, f"PORTAL_{name}: {settings[name]}"


def _locale(name: str) -> str:
    if name not in _locales():
        raise ValueError(name)
    return name


def _locales() -> list[str]:
    """Those that there are words for: the source's own, and each catalogue's."""
    return ["en_GB", *sorted(folder.name for folder in (Path(current_app.root_path) / "translations").iterdir())]


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(code)
    return code


def _brand() -> Iterator[tuple[Verdict, str]]:
    try:
        checked_colour(current_app.config["BRAND_COLOUR"] or DEFAULT_COLOUR)
    except ValueError as error:
        yield Verdict.WRONG, f"PORTAL_BRAND_COLOUR: {error}"
    logo = current_app.config["BRAND_LOGO"]
    if logo and (not logo.startswith("/") or logo.startswith("//")):
        yield Verdict.WRONG, f"PORTAL_BRAND_LOGO: {logo} is not under this site; write a path such as /static/logo.svg"
    else:
        yield Verdict.OK, f"{current_app.config['BRAND_NAME']}, {current_app.config['BRAND_COLOUR'] or DEFAULT_COLOUR}"


def _passwords() -> Iterator[tuple[Verdict, str]]:
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    if not LEAST_MIN_LENGTH <= shortest <= MOST_MIN_LENGTH:
        allowed = f"write a number from {LEAST_MIN_LENGTH} to {MOST_MIN_LENGTH}"
        yield Verdict.WRONG, f"PORTAL_PASSWORD_MIN_LENGTH: {shortest} is no length to ask for; {allowed}"
    else:
        yield Verdict.OK, f"{shortest} characters or more"


LOOKS: dict[str, Look] = {
    "base URL": _base_url,
    "secret key": _secret_key,
    "instance folder": _instance,
    "database": _database,
    "SQLite": _sqlite,
    "demonstration": _demonstration,
    "mail": _mail,
    "worker": _worker,
    "rate limits": _rate_limits,
    "waiting": _late,
    "clock": _clock,
    "networks": _networks,
    "words and times": _words_and_times,
    "brand": _brand,
    "passwords": _passwords,
}
