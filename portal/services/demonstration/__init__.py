"""The demonstration: fictional people to try the portal with; whether this is one, its sign-ins, its loading."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from flask import current_app
from sqlalchemy import exists, select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, Counter, Organisation, Person
from portal.services.demonstration.loading import counts, fill, prepare
from portal.services.demonstration.people import SignIn
from portal.transactions import begin_write

MARK = "demonstration"
FILE = "demonstration.json"


class DatabaseInUse(Exception):  # noqa: N818 - an answer, not an error
    """The database holds something already; the demonstration is loaded into an empty one only."""


@dataclass(frozen=True)
class Loaded:
    """What was loaded."""

    organisations: int
    people: int


def is_demonstration() -> bool:
    """Whether the database holds the demonstration, and the instance folder its passwords."""
    return _file().exists() and db.session.get(Counter, MARK) is not None


def mailbox_is_open() -> bool:
    """Whether the demonstration's mail may be read in the browser: nothing real is near, and nobody far away."""
    settings = current_app.config
    return not settings["MAIL_SERVER"] and settings["BASE_URL_IS_LOOPBACK"] and is_demonstration()


def sign_ins() -> list[SignIn]:
    """An account for each role, with its password; none outside the demonstration, or where others could reach it."""
    if not current_app.config["BASE_URL_IS_LOOPBACK"] or not is_demonstration():
        return []
    kept = [SignIn(**entry) for entry in json.loads(_file().read_text("utf-8"))["sign_ins"]]
    now = select(Account.username, Account.credential_version).where(
        Account.username.in_([entry.username for entry in kept]), Account.state == AccountState.ACTIVE
    )
    usable = {(username, version) for username, version in db.session.execute(now)}
    return [replace(entry, works=(entry.username, entry.credential_version) in usable) for entry in kept]


def database_is_empty() -> bool:
    """Whether nothing was ever put into the database."""
    holds = [exists(select(table.id)) for table in (Organisation, Person, Account)]
    return not any(db.session.execute(select(*holds)).one())


def load() -> Loaded:
    """Fill an empty database. Raises DatabaseInUse for any other.

    The passwords are on disk before the database is committed: a kill between the two leaves an empty database.
    """
    prepared = prepare()
    begin_write()
    if not database_is_empty():
        raise DatabaseInUse
    sign_in_list, others = fill(prepared)
    db.session.add(Counter(name=MARK, value=1))
    db.session.flush()
    _keep({"sign_ins": [asdict(entry) for entry in sign_in_list], "contacts": [asdict(entry) for entry in others]})
    return Loaded(*counts())


def _file() -> Path:
    return Path(current_app.config["INSTANCE_PATH"]) / FILE


def _keep(content: dict[str, list[dict[str, str]]]) -> None:
    """Write the passwords where their owner alone reads them, whole or not at all."""
    file = _file()
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        json.dump(content, written, ensure_ascii=False, indent=2)
        written.write("\n")
    draft.replace(file)
