"""What must agree in the database whatever was killed: states, audit entries and mails, joined by entry."""

from collections import Counter, defaultdict

from sqlalchemy import select

from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import Account, AuditChain, AuditEntry, OutboxMessage, Person, RecoveryLink, Session
from portal.services.audit import BEGINNING, fingerprint

MAILS = {
    "account:registration:registered": "registration",
    "account:registration:re-enrolled": "re-enrolment",
    "account:lock:locked": "locked",
    "account:lock:unlocked": "unlocked",
    "account:password:reset": "password-changed",
    "account:recovery:link-mailed": "password-reset",
}
LEADS_TO = {
    "account:registration:registered": AccountState.REGISTRATION_PENDING,
    "account:registration:re-enrolled": AccountState.REGISTRATION_PENDING,
    "account:lock:locked": AccountState.LOCKED,
    "account:lock:unlocked": AccountState.UNLOCK_PENDING,
    "account:password:reset": AccountState.ACTIVE,
    "account:sign-in:succeeded": AccountState.ACTIVE,
}
FORGETS_FAILURES = set(LEADS_TO) - {"account:lock:locked"}
NEW_CREDENTIALS = {"account:registration:re-enrolled", "account:password:reset"}


MOVES = set(LEADS_TO) - {"account:lock:locked", "account:sign-in:succeeded"}


def moves() -> Counter[tuple[int, str]]:
    """How often each move that somebody asked for was made, by ESS ID."""
    made = select(Person.ess_id, AuditEntry.event).join(Person, Person.id == AuditEntry.person_id)
    return Counter((ess_id, event) for ess_id, event in db.session.execute(made) if event in MOVES)


def check(initial: dict[int, AccountState], *, restored: bool = False) -> None:
    """``initial``: the state that each account was made in. Raises AssertionError for whatever was half done.

    In a database that was ``restored`` no temporary password is good any more.
    """
    entries = list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    _check_chains(entries)
    _check_mails(entries)
    history = defaultdict(list)
    for entry in entries:
        history[entry.person_id].append(entry)
    links = Counter(link.account_id for link in db.session.scalars(select(RecoveryLink)) if link.used_at is not None)
    for account in db.session.scalars(select(Account).order_by(Account.id)):
        _check_account(account, initial[account.id], history[account.person_id])
        pending = account.state is AccountState.REGISTRATION_PENDING
        assert (account.temporary_password_hash is not None) == (pending and not restored)
        resets = sum(entry.event == "account:password:reset" for entry in history[account.person_id])
        assert links[account.id] == resets, f"{account.username}: a link was used up without a reset, or the reverse"
    db.session.rollback()


def _check_chains(entries: list[AuditEntry]) -> None:
    heads = {chain.chain: (chain.sequence, chain.head) for chain in db.session.scalars(select(AuditChain))}
    found = dict.fromkeys(heads, (0, BEGINNING))
    for entry in sorted(entries, key=lambda entry: (entry.chain, entry.sequence)):
        sequence, head = found[entry.chain]
        assert (entry.sequence, entry.previous_hash) == (sequence + 1, head), f"entry {entry.id} does not follow"
        assert entry.hash == fingerprint(entry), f"entry {entry.id} is not what was written"
        found[entry.chain] = (entry.sequence, entry.hash)
    assert found == heads


def _check_mails(entries: list[AuditEntry]) -> None:
    rows = defaultdict(list)
    for row in db.session.scalars(select(OutboxMessage)):
        assert row.audit_entry_id is not None, f"a mail of the kind {row.kind} belongs to nothing that happened"
        rows[row.audit_entry_id].append(row)
    for entry in entries:
        wanted = [MAILS[entry.event]] if entry.event in MAILS else []
        got = rows.pop(entry.id, [])
        assert [row.kind for row in got] == wanted, f"{entry.event} queued {[row.kind for row in got]}"
        assert all(db.session.get_one(Account, row.account_id).person_id == entry.person_id for row in got)
    assert not rows


def _check_account(account: Account, state: AccountState, entries: list[AuditEntry]) -> None:
    failures = counted = changes = 0
    registered = state is not AccountState.NOT_REGISTERED
    for entry in entries:
        if entry.event in FORGETS_FAILURES:
            failures = 0
        if entry.event == "account:sign-in:failed":
            failures, counted = failures + 1, counted + 1
            assert entry.details["failures"] == failures, f"{account.username}: a failure was lost or counted twice"
        state = LEADS_TO.get(entry.event, state)
        changes += entry.event in NEW_CREDENTIALS
        registered = registered or entry.event == "account:registration:registered"
    assert account.state is state, f"{account.username} is {account.state}, and its history says {state}"
    assert (account.failures, account.failures_total, account.credential_version) == (failures, counted, 1 + changes)
    assert (account.username is not None) == registered
    pending = state is AccountState.REGISTRATION_PENDING
    assert (account.password_hash is None) == (pending or state is AccountState.NOT_REGISTERED)
    assert (account.unlock_expires_at is not None) == (state is AccountState.UNLOCK_PENDING)
    if changes:
        at = max(entry.at for entry in entries if entry.event in NEW_CREDENTIALS)
        older = select(Session.id).where(
            Session.account_id == account.id, Session.ended_at.is_(None), Session.started_at < at
        )
        assert not db.session.scalars(older).all(), f"{account.username}: a session outlived its credentials"
