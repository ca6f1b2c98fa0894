"""Positions and profit from trades in time order, at average cost.

Invariant: at any price, realised + unrealised = cash received + quantity × price, exactly. The cost is kept instead of
the average, and what a partial close takes out of it is rounded once and booked on both sides, so nothing leaks. A
trade whose price is not known yet makes the profit unknown, never wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.core.money import ZERO

STEP = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class Trade:
    """`quantity` is signed: sold is negative. `fee` is in the same currency as the price."""

    quantity: Decimal
    price: Decimal | None
    fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Position:
    """`quantity` and `cost` are signed: a short position has both negative. `realised` is before fees."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    is_priced: bool = True

    @property
    def average_price(self) -> Decimal | None:
        return self.cost / self.quantity if self.quantity and self.is_priced else None

    @property
    def is_flat(self) -> bool:
        return self.quantity == 0


FLAT = Position()


def book(position: Position, trade: Trade) -> Position:
    """The position after one more trade; one that crosses zero closes first and opens the rest anew."""
    held, fees = position.quantity, position.fees + trade.fee
    if trade.price is None:
        return Position(held + trade.quantity, position.cost, position.realised, fees, is_priced=False)
    closing = _closing_part(held, trade.quantity)
    taken = _cost_of(closing, position)
    return Position(
        quantity=held + trade.quantity,
        cost=position.cost - taken + (trade.quantity - closing) * trade.price,
        realised=position.realised - closing * trade.price - taken,
        fees=fees,
        is_priced=position.is_priced,
    )


def fold(trades: Iterable[Trade], position: Position = FLAT) -> Position:
    for trade in trades:
        position = book(position, trade)
    return position


def unrealised(position: Position, price: Decimal | None) -> Decimal | None:
    """What closing at a price would bring; None where the price or the cost is not known."""
    if position.is_flat:
        return ZERO
    if price is None or not position.is_priced:
        return None
    return position.quantity * price - position.cost


def realised(position: Position) -> Decimal | None:
    """After fees."""
    return position.realised - position.fees if position.is_priced else None


def total(position: Position, price: Decimal | None) -> Decimal | None:
    """Realised and unrealised, after fees."""
    done, open_ = realised(position), unrealised(position, price)
    return None if done is None or open_ is None else done + open_


def since(opening: Position, position: Position, price: Decimal | None) -> Decimal | None:
    """A day's profit: what was realised since the opening, and all that is open now."""
    done, before, open_ = realised(position), realised(opening), unrealised(position, price)
    return None if done is None or before is None or open_ is None else done - before + open_


def add_up(figures: Iterable[Decimal | None]) -> Decimal | None:
    """A sum with an unknown part is unknown."""
    result = ZERO
    for figure in figures:
        if figure is None:
            return None
        result += figure
    return result


def _closing_part(held: Decimal, traded: Decimal) -> Decimal:
    """How much of a trade closes what is held; signed as the trade."""
    if held * traded >= 0:
        return ZERO
    return traded if abs(traded) <= abs(held) else -held


def _cost_of(closing: Decimal, position: Position) -> Decimal:
    """The part of the cost that goes with what is closed; all of it with the last unit."""
    if closing == 0:
        return ZERO
    if closing == -position.quantity:
        return position.cost
    return (position.cost * -closing / position.quantity).quantize(STEP)
