"""Whether those who hold a stream open may still see it: asked for all of them at once, every few seconds.

Asking is no sign of life of the person: an open stream does not keep an idle session alive.
"""

import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database
from app.users.models import ApiToken, LoginSession, User

BELIEVED = 2.5  # seconds


class Passes:
    """A pass is the id of a login session or of an API token; safe for several threads."""

    def __init__(self, db: Database, clock: Clock, idle: timedelta) -> None:
        self._db = db
        self._clock = clock
        self._idle = idle
        self._owners: dict[str, str] = {}
        self._asked_at: float | None = None
        self._lock = threading.Lock()

    def owner_of(self, pass_id: str, holders: Callable[[], Collection[str]]) -> str | None:
        """Whose desk the pass opens, None when it opens nothing any more; looks at all holders while at it."""
        now = self._clock.monotonic()
        with self._lock:
            if self._asked_at is None or now - self._asked_at > BELIEVED or pass_id not in self._owners:
                self._owners = self._read({*holders(), pass_id})
                self._asked_at = now
            return self._owners.get(pass_id)

    def _read(self, passes: set[str]) -> dict[str, str]:
        now = self._clock.now()
        with self._db.read() as session:
            return {**_sessions(session, passes, now, self._idle), **_tokens(session, passes, now)}


def _sessions(session: Session, passes: set[str], now: datetime, idle: timedelta) -> dict[str, str]:
    rows = session.execute(
        select(LoginSession.id, User)
        .join(User, User.id == LoginSession.user_id)
        .where(
            LoginSession.id.in_(passes),
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            LoginSession.last_seen_at > now - idle,
            User.active,
        )
    )
    return {pass_id: user.owner_id for pass_id, user in rows}


def _tokens(session: Session, passes: set[str], now: datetime) -> dict[str, str]:
    rows = session.execute(
        select(ApiToken.id, User)
        .join(User, User.id == ApiToken.user_id)
        .where(
            ApiToken.id.in_(passes),
            ApiToken.revoked_at.is_(None),
            or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now),
            User.active,
        )
    )
    return {pass_id: user.owner_id for pass_id, user in rows}
