"""Which orders changed since the last look, by the journal's events: every change of an order leaves one, and they are
numbered.

A number may become visible after a higher one did: on PostgreSQL it is taken before the commit. So reading goes on
from the first number that is not there yet, for as long as a unit of work may last; a number whose unit of work was
rolled back never comes.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.execution.models import OrderEvent

LOOKED_BACK = 2_000  # events before the newest one at the start: more are never under way at once
LONGEST_UNIT = timedelta(seconds=60)

_NEWEST = select(func.max(OrderEvent.seq)).scalar_subquery()
_LAST = select(OrderEvent.seq).where(OrderEvent.seq > _NEWEST - LOOKED_BACK)
_SINCE = select(OrderEvent.seq, OrderEvent.order_id).where(OrderEvent.seq > bindparam("floor"))


class Tail:
    """Not safe for several threads. What was changed before it was made is not told."""

    def __init__(self, session: Session) -> None:
        self._seen = set(session.scalars(_LAST))  # above the floor
        self._floor = max(0, max(self._seen, default=0) - LOOKED_BACK)  # all up to here was read
        self._gap_since: datetime | None = None
        self._climb()

    def changed(self, session: Session, now: datetime) -> set[str]:
        """The ids of the orders that changed. One query over what is new; an order may be told twice."""
        rows = session.execute(_SINCE, {"floor": self._floor}).all()
        news = {order_id for seq, order_id in rows if seq not in self._seen}
        self._seen = {seq for seq, _ in rows}
        if self._climb():
            self._gap_since = None
        if self._seen:
            self._wait_at_gap(now)
        return news

    def _climb(self) -> bool:
        before = self._floor
        while self._floor + 1 in self._seen:
            self._floor += 1
            self._seen.remove(self._floor)
        return self._floor > before

    def _wait_at_gap(self, now: datetime) -> None:
        if self._gap_since is None:
            self._gap_since = now
        elif now - self._gap_since > LONGEST_UNIT:
            self._floor, self._gap_since = min(self._seen) - 1, None
            self._climb()
