"""What becomes of an order on a tape. Pure.

The rule, as pages and journals name it: an order at market fills whole at the next tick's ask when it buys and bid when
it sells (its last price where the tick has no book), plus the slippage against it. A limit order fills whole at its
limit once the market has crossed it; one that is crossed on its first tick fills at the market, which is no worse. A
stop order becomes one at market or at its limit when the last price has reached its trigger, and fills from the tick
after that. Nobody stands before it in the book, and its own size moves no price.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from app.core.money import ZERO
from app.venues.types import PriceType, Quote, Side, Symbol

RULE = "next tick, whole, at bid or ask"


@dataclass(frozen=True, slots=True)
class Working:
    """An order at the simulated venue; `is_new` until its first tick."""

    id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price_type: PriceType
    product: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """After a tick: the order as it works on, and the price it filled at, if it did."""

    order: Working
    filled_at: Decimal | None = None


def look(order: Working, quote: Quote, slippage: Decimal = ZERO) -> Outcome:
    """`slippage` is in points of the price, and never takes one below zero."""
    aged = replace(order, is_new=False)
    if order.trigger_price is not None and order.price_type in (PriceType.SL, PriceType.SL_M):
        return Outcome(_triggered(aged) if _is_reached(order, quote) else aged)
    touch = _touch(order.side, quote)
    if order.price_type is PriceType.LIMIT and order.price is not None:
        if not _is_crossed(order.side, order.price, touch):
            return Outcome(aged)
        return Outcome(aged, touch if order.is_new else order.price)
    return Outcome(aged, max(ZERO, touch + order.side.sign * slippage))


def _triggered(order: Working) -> Working:
    kind = PriceType.LIMIT if order.price_type is PriceType.SL else PriceType.MARKET
    return replace(order, price_type=kind, trigger_price=None, is_new=True)


def _is_reached(order: Working, quote: Quote) -> bool:
    trigger = order.trigger_price or ZERO
    return quote.last >= trigger if order.side is Side.BUY else quote.last <= trigger


def _is_crossed(side: Side, limit: Decimal, touch: Decimal) -> bool:
    return touch <= limit if side is Side.BUY else touch >= limit


def _touch(side: Side, quote: Quote) -> Decimal:
    return (quote.ask if side is Side.BUY else quote.bid) or quote.last
