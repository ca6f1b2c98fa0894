"""One owner's positions kept in memory and brought up to date by what changed: a page asks often, orders change rarely.

The truth stays in the rows. A ledger may be thrown away at any time; building it again gives the same. Only orders
that the journal noted a change of are read again.
"""

from collections import defaultdict
from datetime import datetime

from sqlalchemy.orm import Session

from app.execution.models import Order
from app.portfolio.carry import carried, of_owner, read_mark
from app.portfolio.tail import Tail
from app.portfolio.trades import FilledOrder, Held, PositionKey, day_start, filled_orders

AT_ONCE = 5_000  # changed orders; where there are more, all are read anew


class Ledger:
    """Not safe for several threads; its owner locks."""

    def __init__(self, owner_id: str) -> None:
        self._owner_id = owner_id
        self._built_for: tuple[datetime, datetime | None] | None = None
        self._tail: Tail | None = None
        self._opening: dict[PositionKey, Held] = {}
        self._orders: defaultdict[PositionKey, dict[str, FilledOrder]] = defaultdict(dict)
        self.positions: dict[PositionKey, Held] = {}

    def sync(self, session: Session, now: datetime) -> set[PositionKey]:
        """Learn what changed since the last time; says which positions did. Two queries, one more where orders did."""
        day, mark = day_start(now), read_mark(session)
        if self._tail is None or self._built_for != (day, mark):
            return self._build(session, day, mark)
        ids = self._tail.changed(session, now)
        if len(ids) > AT_ONCE:
            return self._build(session, day, mark)
        try:
            changed = self._read(session, ids, mark) if ids else []
        except Exception:
            self._tail = None  # it tells no order twice: all are read anew
            raise
        for order in changed:
            self._orders[order.key][order.order_id] = order
        touched = {order.key for order in changed}
        for key in touched:
            self._fold(key, day)
        return touched

    def _read(self, session: Session, ids: set[str], mark: datetime | None) -> list[FilledOrder]:
        """Those of these orders that are the owner's and have filled something that is not known yet."""
        where = [Order.owner_id == self._owner_id, Order.id.in_(ids), *([Order.filled_at >= mark] if mark else [])]
        found = filled_orders(session, *where)
        return [one for one in found if self._orders[one.key].get(one.order_id) != one]

    def _build(self, session: Session, day: datetime, mark: datetime | None) -> set[PositionKey]:
        self._built_for = None  # until all of it was read
        self._tail = Tail(session)  # before the orders: what changes while they are read is told the next time
        self._opening, _ = carried(session, self._owner_id)
        self._orders.clear()
        where = [Order.owner_id == self._owner_id, *([Order.filled_at >= mark] if mark else [])]
        orders = filled_orders(session, *where)
        for order in orders:
            self._orders[order.key][order.order_id] = order
        before = set(self.positions)
        self.positions = of_owner(orders, self._opening, day)
        self._built_for = (day, mark)
        return before | set(self.positions)

    def _fold(self, key: PositionKey, day: datetime) -> None:
        orders = sorted(self._orders[key].values(), key=lambda order: (order.filled_at, order.order_id))
        opening = {key: self._opening[key]} if key in self._opening else {}
        self.positions[key] = of_owner(orders, opening, day)[key]
