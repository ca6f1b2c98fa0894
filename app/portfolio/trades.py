"""The orders that filled, as trades in time order: the only source of the desk's own positions."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import ColumnElement, String, select, type_coerce
from sqlalchemy.orm import Session

from app.core.clock import INDIA
from app.core.money import ZERO
from app.execution.models import Order
from app.portfolio.pnl import FLAT, Position, Trade, book
from app.venues.types import Side

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PositionKey:
    account_id: str
    exchange: str
    symbol: str
    product: str


@dataclass(frozen=True, slots=True)
class FilledOrder:
    """What an order has filled so far, as one trade at its average price."""

    order_id: str
    owner_id: str
    key: PositionKey
    account_run_id: str | None
    leg_run_id: str | None
    trade: Trade
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A position as it stands, as it stood when the day began, when it last changed, and what of it no run holds."""

    opening: Position = FLAT
    position: Position = FLAT
    changed_at: datetime | None = None
    by_hand: Decimal = ZERO  # signed: what orders of no run came to

    def is_idle(self, day: datetime) -> bool:
        """Nothing held, and nothing traded since the day began."""
        return self.position.is_flat and (self.changed_at is None or self.changed_at < day)


NOTHING_HELD = Held()


def day_start(now: datetime) -> datetime:
    """When the trading day that `now` lies in began: midnight in India."""
    return datetime.combine(now.astimezone(INDIA).date(), time(), INDIA)


def day_end(now: datetime) -> datetime:
    return day_start(now) + timedelta(days=1)


def filled_orders(session: Session, *where: ColumnElement[bool]) -> list[FilledOrder]:
    """One query; in the order in which they filled."""
    statement = (
        select(
            Order.id,
            Order.owner_id,
            Order.account_id,
            Order.exchange,
            Order.symbol,
            Order.product,
            Order.account_run_id,
            Order.leg_run_id,
            Order.side,
            type_coerce(Order.filled_quantity, String),  # made a Decimal below, once: thousands of rows are read here
            type_coerce(Order.average_price, String),
            Order.filled_at,
        )
        .where(Order.filled_at.is_not(None), *where)
        .order_by(Order.filled_at, Order.id)
    )
    return [
        FilledOrder(
            order_id, owner_id, PositionKey(account_id, exchange, symbol, product), run, leg,
            _trade(side, Decimal(filled), average), at,
        )
        for order_id, owner_id, account_id, exchange, symbol, product, run, leg, side, filled, average, at
        in session.execute(statement)
    ]  # fmt: skip


def _trade(side: str, filled: Decimal, average: str | None) -> Trade:
    return Trade(Side(side).sign * filled, None if average is None else Decimal(average))


def held(orders: Iterable[FilledOrder], key_of: Callable[[FilledOrder], Key | None], day: datetime) -> dict[Key, Held]:
    """Orders in time order as positions by key; `day` is when the day began. Orders without a key are left out."""
    groups: defaultdict[Key, Held] = defaultdict(Held)
    for order in orders:
        key = key_of(order)
        if key is not None:
            groups[key] = with_order(groups[key], order, day)
    return dict(groups)


def with_order(before: Held, order: FilledOrder, day: datetime) -> Held:
    position = book(before.position, order.trade)
    opening = before.opening if order.filled_at >= day else position
    by_hand = before.by_hand + order.trade.quantity if order.account_run_id is None else before.by_hand
    return Held(opening, position, order.filled_at, by_hand)
