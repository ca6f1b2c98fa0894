"""From fills to round trips: when something was opened and closed, and what each day realised of it, at average cost.

A trip of a run holds each of its legs apart, so that two legs in one contract do not close each other. By hand a trip
lasts from flat to flat; an order that turns a position around ends one trip and begins the next.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from app.core.clock import INDIA
from app.core.money import ZERO
from app.portfolio.pnl import FLAT, Position, add_up, book
from app.portfolio.trades import FilledOrder

Cost = Callable[[FilledOrder], Decimal | None]  # the estimated charges of an order; None where none are known


@dataclass(slots=True)
class Day:
    """What was realised in one contract on a day, before charges; None once a price or a price list was missing."""

    realised: Decimal | None = ZERO
    charges: Decimal | None = ZERO
    turnover: Decimal = ZERO
    orders: int = 0


@dataclass(slots=True)
class Trip:
    id: str
    opened_at: datetime
    closed_at: datetime | None = None
    days: dict[tuple[date, str, str], Day] = field(default_factory=dict)  # by day, exchange and symbol

    @property
    def realised(self) -> Decimal | None:
        return add_up(day.realised for day in self.days.values())

    @property
    def charges(self) -> Decimal | None:
        return add_up(day.charges for day in self.days.values())

    @property
    def orders(self) -> int:
        return sum(day.orders for day in self.days.values())


def run_trip(account_run_id: str, orders: Iterable[FilledOrder], cost: Cost, ended_at: datetime | None) -> Trip | None:
    """An account's part of a run, from its orders in time order; None before anything filled.

    It is over when the part has ended, whatever its fills come to: what was closed elsewhere fills nothing here.
    """
    trip, legs = None, dict[str, Position]()
    for order in orders:
        trip = trip or Trip(account_run_id, order.filled_at)
        before = legs.get(order.leg_run_id or "", FLAT)
        after = legs[order.leg_run_id or ""] = book(before, order.trade)
        _note(trip, order, before, after, cost)
        trip.closed_at = order.filled_at
    if trip is not None:
        trip.closed_at = max(ended_at, trip.closed_at or ended_at) if ended_at else None
    return trip


def hand_trips(orders: Iterable[FilledOrder], cost: Cost) -> list[Trip]:
    """The trips of one account in one contract and product, from the orders by hand in time order."""
    trips, position = list[Trip](), FLAT
    for order in orders:
        if position.is_flat:
            trips.append(Trip(order.order_id, order.filled_at))
        trip, before = trips[-1], position
        position = book(before, order.trade)
        _note(trip, order, before, position, cost)
        if position.is_flat:
            trip.closed_at, position = order.filled_at, FLAT
        elif before.quantity * position.quantity < 0:
            trip.closed_at = order.filled_at
            trips.append(Trip(f"{order.order_id}-2", order.filled_at))
    return trips


def _note(trip: Trip, order: FilledOrder, before: Position, after: Position, cost: Cost) -> None:
    """A price that is not known yet makes the day's profit unknown, never wrong."""
    on = order.filled_at.astimezone(INDIA).date()
    day = trip.days.setdefault((on, order.key.exchange, order.key.symbol), Day())
    made = after.realised - before.realised if after.is_priced else None
    day.realised = None if day.realised is None or made is None else day.realised + made
    charged = cost(order) if order.trade.price is not None else None
    day.charges = None if day.charges is None or charged is None else day.charges + charged
    if order.trade.price is not None:
        day.turnover += abs(order.trade.quantity) * order.trade.price
    day.orders += 1
