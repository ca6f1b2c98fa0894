"""Where a person's own orders filled, as marks on the bars."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, select

from app.core.money import ZERO
from app.execution.models import Order
from app.strategies.models import AccountRun
from app.venues.types import Candle
from app.web import format as say
from app.web.chart_subject import Subject
from app.web.contracts import contract_name
from app.web.current import services
from app.web.words import EXITS

MOST = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """One side of one bar: `start` of the bar, what filled in it, and in words."""

    start: datetime
    side: str  # BUY or SELL
    is_exit: bool
    text: str


def fills_on(owner: str, subject: Subject, since: datetime) -> list[Order]:
    """Ascending; of a run its own, else everything of the owner's in these contracts."""
    if subject.run_id:
        parts = select(AccountRun.id).where(AccountRun.run_id == subject.run_id, AccountRun.owner_id == owner)
        which: ColumnElement[bool] = Order.account_run_id.in_(parts)
    else:
        which = Order.symbol.in_({symbol.name for symbol, _ in subject.basket.legs})
    query = select(Order).where(Order.owner_id == owner, which, Order.filled_at >= since)
    with services().db.read() as session:
        found = session.scalars(query.order_by(Order.filled_at.desc()).limit(MOST)).all()
    legs = {(symbol.exchange, symbol.name) for symbol, _ in subject.basket.legs}
    mine = [one for one in found if (one.exchange, one.symbol) in legs and one.filled_quantity > 0]
    return sorted(mine, key=_filled_at)


def marks(fills: Sequence[Order], candles: Sequence[Candle], subject: Subject) -> list[Mark]:
    """Ascending. Fills of one bar, side and purpose are one mark."""
    starts = [one.start for one in candles]
    grouped: dict[tuple[datetime, str, bool], list[Order]] = defaultdict(list)
    for order in fills:
        at = bisect_right(starts, _filled_at(order)) - 1
        if at >= 0:
            grouped[starts[at], order.side, order.purpose in EXITS].append(order)
    return [Mark(*key, _words(orders, subject)) for key, orders in sorted(grouped.items())]


def _words(orders: Sequence[Order], subject: Subject) -> str:
    """ "Buy 130 @ 171.05", and for several contracts which."""
    of = {order.symbol for order in orders}
    return " · ".join(
        _one(symbol, [order for order in orders if order.symbol == symbol], subject) for symbol in sorted(of)
    )


def _one(symbol: str, orders: Sequence[Order], subject: Subject) -> str:
    units = sum((order.filled_quantity for order in orders), ZERO)
    known = [order for order in orders if order.average_price is not None]
    worth = sum((order.filled_quantity * (order.average_price or ZERO) for order in known), ZERO)
    average: Decimal | None = worth / units if units and len(known) == len(orders) else None
    what = f" {contract_name(symbol)}" if not subject.is_single else ""
    return f"{orders[0].side.capitalize()} {say.quantity(units)}{what} @ {say.price(average, subject.tick)}"


def _filled_at(order: Order) -> datetime:
    if order.filled_at is None:
        raise ValueError(f"order {order.id} has no fill")
    return order.filled_at
