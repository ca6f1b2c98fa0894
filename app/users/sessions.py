"""Server-side sign-in sessions: each can be listed and ended, and ends by itself after idleness or a week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database, swap
from app.core.errors import NotFound
from app.core.ids import new_id
from app.users.models import LoginSession, User
from app.users.tickets import digest, new_ticket

LONGEST = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)  # how exactly "last seen" is kept: a write per page would be one too many


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    session: LoginSession


class Sessions:
    def __init__(self, db: Database, clock: Clock, idle: timedelta) -> None:
        self._db = db
        self._clock = clock
        self._idle = idle

    def open(self, session: Session, user_id: str, ip: str, user_agent: str) -> str:
        """A new session in the caller's unit of work; the secret goes into the browser's cookie."""
        now = self._clock.now()
        secret, token_hash = new_ticket()
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        session.add(
            LoginSession(
                id=new_id(),
                user_id=user_id,
                token_hash=token_hash,
                created_at=now,
                last_seen_at=now,
                expires_at=now + LONGEST,
                ip=ip,
                user_agent=user_agent[:300],
            )
        )
        return secret

    def find(self, secret: str) -> SignedIn | None:
        """The person behind a cookie, or None when the session ended or the person may not use the desk."""
        now = self._clock.now()
        with self._db.read() as session:
            row = session.execute(
                select(User, LoginSession)
                .join(LoginSession, LoginSession.user_id == User.id)
                .where(LoginSession.token_hash == digest(secret), User.active, *self._alive(now))
            ).first()
        if row is None:
            return None
        self._note_seen(row[1], now)
        return SignedIn(row[0], row[1])

    def list(self, user_id: str) -> Sequence[LoginSession]:
        with self._db.read() as session:
            return session.scalars(
                select(LoginSession)
                .where(LoginSession.user_id == user_id, *self._alive(self._clock.now()))
                .order_by(LoginSession.last_seen_at.desc())
            ).all()

    def revoke(self, session: Session, user_id: str, session_id: str) -> None:
        change = {"revoked_at": self._clock.now()}
        if not swap(session, LoginSession, session_id, {"user_id": user_id, "revoked_at": None}, change):
            raise NotFound("That session has already ended.")

    def revoke_all(self, session: Session, user_id: str, but: str = "") -> int:
        """End every session of this person but one; says how many."""
        ended = session.scalars(
            update(LoginSession)
            .where(LoginSession.user_id == user_id, LoginSession.id != but, LoginSession.revoked_at.is_(None))
            .values(revoked_at=self._clock.now())
            .returning(LoginSession.id)
            .execution_options(synchronize_session=False)
        )
        return len(ended.all())

    def _alive(self, now: datetime) -> tuple:
        return (
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            LoginSession.last_seen_at > now - self._idle,
        )

    def _note_seen(self, login: LoginSession, now: datetime) -> None:
        if now - login.last_seen_at < SEEN_EVERY:
            return
        with self._db.write() as session:
            swap(session, LoginSession, login.id, {"revoked_at": None}, {"last_seen_at": now})
