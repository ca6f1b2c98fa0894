"""One owner's positions kept in memory and brought up to date by what changed: a page asks often, orders change rarely.

The truth stays in the rows. A ledger may be thrown away at any time; building it again gives the same.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.execution.models import Order
from app.portfolio.carry import carried, of_owner, read_mark
from app.portfolio.trades import FilledOrder, Held, PositionKey, day_start, filled_orders

OVERLAP = timedelta(seconds=60)  # a change may be committed later than it is dated


class Ledger:
    """Not safe for several threads; its owner locks."""

    def __init__(self, owner_id: str) -> None:
        self._owner_id = owner_id
        self._built_for: tuple[datetime, datetime | None] | None = None
        self._synced_at: datetime | None = None
        self._opening: dict[PositionKey, Held] = {}
        self._orders: defaultdict[PositionKey, dict[str, FilledOrder]] = defaultdict(dict)
        self.positions: dict[PositionKey, Held] = {}

    def sync(self, session: Session, now: datetime) -> set[PositionKey]:
        """Learn what changed since the last time; says which positions did. Two queries, one more after midnight."""
        day, mark = day_start(now), read_mark(session)
        if self._built_for != (day, mark):
            return self._build(session, now, day, mark)
        where = [Order.owner_id == self._owner_id, *([Order.filled_at >= mark] if mark else [])]
        if self._synced_at is not None:
            where.append(Order.updated_at >= self._synced_at - OVERLAP)
        changed = [one for one in filled_orders(session, *where) if self._orders[one.key].get(one.order_id) != one]
        for order in changed:
            self._orders[order.key][order.order_id] = order
        touched = {order.key for order in changed}
        for key in touched:
            self._fold(key, day)
        self._synced_at = now
        return touched

    def _build(self, session: Session, now: datetime, day: datetime, mark: datetime | None) -> set[PositionKey]:
        self._opening, _ = carried(session, self._owner_id)
        self._orders.clear()
        where = [Order.owner_id == self._owner_id, *([Order.filled_at >= mark] if mark else [])]
        orders = filled_orders(session, *where)
        for order in orders:
            self._orders[order.key][order.order_id] = order
        before = set(self.positions)
        self.positions = of_owner(orders, self._opening, day)
        self._built_for, self._synced_at = (day, mark), now
        return before | set(self.positions)

    def _fold(self, key: PositionKey, day: datetime) -> None:
        orders = sorted(self._orders[key].values(), key=lambda order: (order.filled_at, order.order_id))
        opening = {key: self._opening[key]} if key in self._opening else {}
        self.positions[key] = of_owner(orders, opening, day)[key]
