"""The list of messages of each owner. Every method takes the owner first: someone else's message is not found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import NotFound
from app.core.ids import new_id
from app.notify.messages import LONGEST_SUBJECT, LONGEST_TEXT, Message
from app.notify.models import Notification

KEPT = timedelta(days=90)  # after it was acknowledged


@dataclass(frozen=True, slots=True)
class Notified:
    """An owner's list has a message more, or one again."""

    owner_id: str


@dataclass(frozen=True, slots=True)
class MessagesRead:
    owner_id: str


class NotifyService:
    def __init__(self, db: Database, clock: Clock, announce: Callable[[object], None]) -> None:
        self._db = db
        self._clock = clock
        self._announce = announce

    # -- handing over

    def tell(self, owner_id: str, message: Message) -> None:
        with self._db.write() as session:
            self.put(session, owner_id, message)

    def put(self, session: Session, owner_id: str, message: Message) -> None:
        """As a part of the unit of work that it tells of."""
        now = self._clock.now()
        values: dict[str, Any] = {
            "level": message.level,
            "topic": message.topic,
            "subject": message.subject[:LONGEST_SUBJECT],
            "text": message.text[:LONGEST_TEXT],
            "link": message.link,
            "last_at": now,
        }
        if not _again(session, owner_id, message.key, values):
            row = Notification(id=new_id(), owner_id=owner_id, key=message.key, first_at=now, **values)
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:  # told in the same moment elsewhere
                _again(session, owner_id, message.key, values)
        after_commit(session, lambda: self._announce(Notified(owner_id)))

    # -- reading

    def list(
        self,
        owner_id: str,
        *,
        open_only: bool = False,
        topic: str = "",
        before: datetime | None = None,
        limit: int = 50,
    ) -> Sequence[Notification]:
        """The newest first."""
        query = select(Notification).where(Notification.owner_id == owner_id)
        if open_only:
            query = query.where(Notification.acknowledged_at.is_(None))
        if topic:
            query = query.where(Notification.topic == topic)
        if before is not None:
            query = query.where(Notification.last_at < before)
        order = (Notification.last_at.desc(), Notification.id.desc())
        with self._db.read() as session:
            return session.scalars(query.order_by(*order).limit(limit)).all()

    def get(self, owner_id: str, notification_id: str) -> Notification:
        asked = (Notification.id == notification_id, Notification.owner_id == owner_id)
        with self._db.read() as session:
            found = session.scalar(select(Notification).where(*asked))
        if found is None:
            raise NotFound("There is no such message.")
        return found

    def unread(self, owner_id: str) -> int:
        asked = (Notification.owner_id == owner_id, Notification.read_at.is_(None))
        with self._db.read() as session:
            return session.scalar(select(func.count()).select_from(Notification).where(*asked)) or 0

    # -- what a person does

    def read_all(self, owner_id: str) -> int:
        """How many were unread."""
        now = self._clock.now()
        return self._mark(owner_id, (Notification.read_at.is_(None),), {"read_at": now})

    def acknowledge(self, owner_id: str, notification_id: str) -> None:
        """It is dealt with; doing so twice changes nothing."""
        self.get(owner_id, notification_id)
        self._acknowledge(owner_id, (Notification.id == notification_id,))

    def acknowledge_all(self, owner_id: str) -> int:
        return self._acknowledge(owner_id, ())

    def sweep(self, now: datetime) -> None:
        with self._db.write() as session:
            session.execute(delete(Notification).where(Notification.acknowledged_at < now - KEPT))

    def _acknowledge(self, owner_id: str, which: Sequence[Any]) -> int:
        now = self._clock.now()
        change = {"acknowledged_at": now, "read_at": func.coalesce(Notification.read_at, now), "key": None}
        return self._mark(owner_id, (*which, Notification.acknowledged_at.is_(None)), change)

    def _mark(self, owner_id: str, which: Sequence[Any], change: dict[str, Any]) -> int:
        statement = update(Notification).where(Notification.owner_id == owner_id, *which).values(**change)
        with self._db.write() as session:
            result = session.execute(statement.execution_options(synchronize_session=False))
            count = int(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE gives a cursor result
            if count:
                after_commit(session, lambda: self._announce(MessagesRead(owner_id)))
        return count


def _again(session: Session, owner_id: str, key: str, values: dict[str, Any]) -> bool:
    """Whether one with this key stands open: then it is unread anew."""
    statement = update(Notification).where(Notification.owner_id == owner_id, Notification.key == key)
    change = values | {"times": Notification.times + 1, "read_at": None}
    result = session.execute(statement.values(**change).execution_options(synchronize_session=False))
    return bool(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE gives a cursor result
