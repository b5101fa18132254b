"""Sessions live on the server; the cookie carries an opaque token whose hash is looked up (ASVS 7.2, NIST 5.1.1)."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flask import current_app
from flask import session as cookie
from sqlalchemy import ColumnElement, Table, and_, insert, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import contains_eager

from portal import clock
from portal.domain.expiry import CLOCKS_APART
from portal.domain.roles import ADMINISTRATORS, Role
from portal.extensions import db
from portal.models import Account, Person, RoleGrant, Session
from portal.services import audit
from portal.services.origin import origin
from portal.services.tokens import token_hash
from portal.transactions import begin_write, write

ADD_SESSION = insert(cast(Table, Session.__table__))

LAST_USE_STEP = timedelta(minutes=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in: Flask-Login's user, and the actor of every verb."""

    session: Session
    token: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What Flask-Login keeps: the opaque token, never an account's id."""
        return self.token

    @property
    def account(self) -> Account:
        """The account that is signed in."""
        return self.session.account

    @property
    def grants(self) -> list[RoleGrant]:
        """The roles that are held now."""
        return [grant for grant in self.account.roles if grant.ended_at is None]

    @property
    def roles(self) -> frozenset[Role]:
        """The kinds of role held now, whatever their scope."""
        return frozenset(grant.role for grant in self.grants)

    @property
    def is_enrolling(self) -> bool:
        """Whether this session may only choose a password."""
        return self.session.kind == "enrolment"

    @property
    def is_administrator(self) -> bool:
        """Whether any administrator's role is held."""
        return bool(self.roles & ADMINISTRATORS)


def on_behalf_of(account: Account) -> SignedIn:
    """The actor of work that ``account`` asked for earlier, with the roles that it holds now; nobody is signed in."""
    return SignedIn(session=Session(account=account), token="")


def start(account: Account, kind: str) -> str:
    """A new session of ``account``; answers its token, which stands nowhere but in the cookie."""
    begin_write()
    token = secrets.token_urlsafe(32)
    now = clock.now()
    here = origin()
    db.session.execute(
        ADD_SESSION,
        {
            "token_hash": token_hash(token),
            "account_id": account.id,
            "kind": kind,
            "zone": here.zone,
            "address": here.address,
            "browser": here.browser,
            "started_at": now,
            "last_used_at": now,
        },
    )
    return token


def load(token: str) -> SignedIn | None:
    """The person behind a token, with account and roles, while the session lasts; Flask-Login's loader."""
    now = clock.now()
    found = (
        db.session.execute(
            select(Session)
            .join(Session.account)
            .outerjoin(RoleGrant, (RoleGrant.account_id == Account.id) & RoleGrant.ended_at.is_(None))
            .options(
                contains_eager(Session.account).contains_eager(Account.roles),
                contains_eager(Session.account).joinedload(Account.person).joinedload(Person.organisation),
            )
            .where(Session.token_hash == token_hash(token), Session.ended_at.is_(None))
            .execution_options(populate_existing=True)
        )
        .unique()
        .scalar_one_or_none()
    )
    if found is None or not _lasts(found.started_at, found.last_used_at, now):
        return None
    return SignedIn(session=found, token=token)


def _limits() -> tuple[timedelta, timedelta]:
    """How long a session lasts without use, and at the longest."""
    settings = current_app.config
    return timedelta(minutes=settings["SESSION_IDLE_MINUTES"]), timedelta(hours=settings["SESSION_HOURS"])


def _lasts(started_at: datetime, last_used_at: datetime, now: datetime) -> bool:
    """A use further ahead than clocks disagree was before the clock was put back, which prolongs no session."""
    idle, absolute = _limits()
    return last_used_at - CLOCKS_APART <= now < last_used_at + idle and now < started_at + absolute


def lasting() -> ColumnElement[bool]:
    """The sessions that last, as a condition on their table."""
    (idle, absolute), now = _limits(), clock.now()
    return and_(Session.ended_at.is_(None), Session.last_used_at > now - idle, Session.started_at > now - absolute)


def renew(signed_in: SignedIn) -> str | None:
    """The password was given again: the session goes on under a new token; the old one is dead at once (ASVS 7.2.4).

    None: the session ended meanwhile.
    """
    begin_write()
    token, mine = secrets.token_urlsafe(32), Session.id == signed_in.session.id
    renewed = (
        update(Session)
        .where(mine, Session.ended_at.is_(None))
        .values(token_hash=token_hash(token), confirmed_at=clock.now())
        .returning(Session.id)
    )
    return token if db.session.scalar(renewed) is not None else None


def note_use(signed_in: SignedIn) -> None:
    """Write down that the session was used, at most once a minute: the one thing that a GET may write.

    The answer is there already: it is not withheld because the database is busy.
    """
    now = clock.now()
    try:
        if now - signed_in.session.last_used_at < LAST_USE_STEP:
            return
        mine = Session.id == signed_in.session.id
        with write():
            db.session.execute(update(Session).where(mine, Session.ended_at.is_(None)).values(last_used_at=now))
    except OperationalError as error:
        log.warning("a session's use was not written down: %s", type(error.orig).__name__)


def is_over(signed_in: SignedIn) -> bool:
    """Whether the session has ended since the request began."""
    lasting = select(Session.id).where(Session.id == signed_in.session.id, Session.ended_at.is_(None))
    return db.session.scalar(lasting) is None


def end(signed_in: SignedIn) -> None:
    """Sign out, or sign in anew: this session is over at once."""
    end_one(signed_in.session)
    account = signed_in.account
    audit.record("account:session:signed-out", person=account.person, by=account)


def end_one(session: Session) -> bool:
    """This session is over at once; answers whether it lasted until now."""
    begin_write()
    return _end(Session.id == session.id) > 0


def end_all(account: Account, but: Session | None = None) -> int:
    """Every session of ``account`` is over at once, whatever browser it is in; answers how many were."""
    begin_write()
    theirs = Session.account_id == account.id
    return _end(theirs if but is None else theirs & (Session.id != but.id))


def end_enrolment(account: Account) -> None:
    """Whoever came in with a temporary password, and has not chosen one of their own yet, is out."""
    begin_write()
    _end((Session.account_id == account.id) & (Session.kind == "enrolment"))


def _end(condition: ColumnElement[bool]) -> int:
    """End what has not ended; answers how many of them lasted until now."""
    now = clock.now()
    ended = update(Session).where(condition, Session.ended_at.is_(None)).values(ended_at=now, held_form=None)
    times = db.session.execute(ended.returning(Session.started_at, Session.last_used_at))
    return sum(_lasts(started_at, last_used_at, now) for started_at, last_used_at in times)


def put_into_cookie(token: str) -> None:
    """The browser gets a new cookie: nothing of the session before stays in it (ASVS 7.2.4)."""
    cookie.clear()
    cookie["_user_id"] = token


def put_renewed_into_cookie(token: str) -> None:
    """The same session under a new token: the seed against forgery goes on, and so do forms open in other tabs."""
    cookie["_user_id"] = token


def has_cookie() -> bool:
    """Whether the browser brings a session's token, of one that lasts or not."""
    return "_user_id" in cookie


def clear_cookie() -> None:
    """The browser forgets its session."""
    cookie.clear()
