"""What a restored database would bring back to life, and must not: it was used, ended or sent since (ASVS 6.5.1, 7.4).

What was a link or a temporary password then may have been used since then; nobody can tell, so none is good any more.
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update

from portal import clock
from portal.domain.account_state import AccountState
from portal.extensions import db
from portal.models import (
    Account,
    BulkWork,
    EmailChange,
    EnrolmentLink,
    KnownBrowser,
    Organisation,
    OutboxMention,
    OutboxMessage,
    Person,
    RecoveryLink,
    RecoveryRequest,
    Session,
    SignInReservation,
    Upload,
)
from portal.services import work
from portal.transactions import begin_write

REASON = "restored from a backup"


@dataclass(frozen=True)
class Ended:
    """How much of each was ended.

    ``to_re_enrol``: organisation, username and ESS ID of whoever had a temporary password, or a link in its place.
    """

    sessions: int
    links: int
    mails: int
    requests: int
    to_re_enrol: list[tuple[str, str, int]]


def end_what_was_open() -> Ended:
    """Sessions, links, known browsers, temporary passwords, guesses in hand and mail: all of that is over."""
    begin_write()
    to_re_enrol = _void_temporary_passwords()
    for kind in (BulkWork, Upload):  # it may have gone on after the backup: whoever wants it asks anew
        work.drop_queued(kind, REASON)
    return Ended(
        sessions=_end_sessions(),
        links=_end_links(),
        mails=len(work.drop_queued(OutboxMessage, REASON)),
        requests=_drop_requests(),
        to_re_enrol=to_re_enrol,
    )


def _void_temporary_passwords() -> list[tuple[str, str, int]]:
    """They are void, and so is what was to be mailed: the account says so, to support."""
    waiting = select(OutboxMessage.account_id).where(OutboxMessage.state == "queued")
    also = (
        select(OutboxMention.account_id)
        .join(OutboxMessage, OutboxMessage.id == OutboxMention.message_id)
        .where(OutboxMessage.state == "queued")
    )
    by_link = (Account.state == AccountState.REGISTRATION_PENDING) & Account.temporary_password_issue.is_(None)
    has_one = or_(Account.temporary_password_hash.is_not(None), by_link)
    theirs = (
        select(Organisation.code, Account.username, Person.ess_id)
        .join(Account.person)
        .join(Person.organisation)
        .where(has_one)
        .order_by(Organisation.code, Person.sort_name, Person.id)
    )
    found = [(code, username or "", ess_id) for code, username, ess_id in db.session.execute(theirs)]
    db.session.execute(
        update(Account)
        .where(or_(has_one, Account.id.in_(waiting), Account.id.in_(also)))
        .values(internal_message="restored", internal_detail="", internal_message_at=clock.now())
    )
    db.session.execute(update(Account).where(by_link).values(temporary_password_expires_at=None))
    db.session.execute(update(Account).where(has_one).values(temporary_password_hash=None))
    return found


def _end_sessions() -> int:
    """Nobody is signed in, no browser is known, and no guess is in hand."""
    now = clock.now()
    db.session.execute(update(KnownBrowser).where(KnownBrowser.void_at.is_(None)).values(void_at=now))
    db.session.execute(delete(SignInReservation))
    ended = update(Session).where(Session.ended_at.is_(None)).values(ended_at=now, held_form=None)
    return len(db.session.scalars(ended.returning(Session.id)).all())


def _end_links() -> int:
    """A link of recovery is as if it had never been good: no clock that is put back revives it."""
    unused = RecoveryLink.used_at.is_(None) & (RecoveryLink.expires_at > RecoveryLink.issued_at)
    count = db.session.scalar(select(func.count()).where(unused, RecoveryLink.expires_at > clock.now())) or 0
    db.session.execute(update(RecoveryLink).where(unused).values(expires_at=RecoveryLink.issued_at))
    for kind in (EmailChange, EnrolmentLink):
        ended = update(kind).where(kind.ended_at.is_(None)).values(ended_at=clock.now())
        count += len(db.session.scalars(ended.returning(kind.id)).all())
    return count


def _drop_requests() -> int:
    """What was typed is kept no longer than it is needed."""
    dropped = work.drop_queued(RecoveryRequest, REASON)
    db.session.execute(update(RecoveryRequest).where(RecoveryRequest.last_error == REASON).values(identifier=""))
    return len(dropped)
