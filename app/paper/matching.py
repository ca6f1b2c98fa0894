"""What an order gets from a book: pure functions of the order, the quote and the depth.

Two manners. `over_levels` is an exchange: an order walks the visible levels and may fill in part. `at_quote`
is OpenAlgo's own simulator: always the whole order, at the touch or the last price. An order never fills
beyond its limit price, never more than its pending quantity, and the book is the same for everybody (a paper
trader is small against the market).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.paper.market import Depth, Level, Quote
from app.paper.orders import Order, Status, Ticket

Match = tuple[Decimal, int]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Last price and both sides, best first."""

    ltp: Decimal
    bids: tuple[Match, ...]
    asks: tuple[Match, ...]


def decimal(price: float) -> Decimal:
    return Decimal(repr(price))


def ladder_of(quote: Quote, depth: Depth) -> Ladder:
    return Ladder(decimal(quote.ltp), _levels(depth.bids), _levels(depth.asks))


def _levels(levels: Iterable[Level]) -> tuple[Match, ...]:
    return tuple((decimal(level.price), level.quantity) for level in levels if level.quantity > 0)


def triggered(ticket: Ticket, ltp: Decimal) -> bool:
    """A stop wakes when the last price reaches its trigger: from below for a buy, from above for a sell."""
    if ltp <= 0:
        return False
    return ltp >= ticket.trigger_price if ticket.side > 0 else ltp <= ticket.trigger_price


def limited(ticket: Ticket) -> bool:
    return ticket.pricetype in ("LIMIT", "SL")


def within_limit(ticket: Ticket, price: Decimal) -> bool:
    if not limited(ticket):
        return True
    return price <= ticket.price if ticket.side > 0 else price >= ticket.price


def over_levels(order: Order, ladder: Ladder, cap: int | None = None) -> list[Match]:
    """Fills of a live order: level by level while the limit allows, at most `cap` units. What is left keeps working."""
    left = order.pending if cap is None else min(order.pending, cap)
    matches: list[Match] = []
    for price, quantity in ladder.asks if order.ticket.side > 0 else ladder.bids:
        if left <= 0 or not within_limit(order.ticket, price):
            break
        taken = min(left, quantity)
        matches.append((price, taken))
        left -= taken
    return matches


def at_quote(order: Order, ladder: Ladder, cap: int | None = None) -> list[Match]:
    """Fills of the simulator: all at once. Market orders at the touch, limit orders at the last price once it
    is good enough.
    """
    quantity = order.pending if cap is None else min(order.pending, cap)
    if quantity <= 0 or ladder.ltp <= 0:
        return []
    if limited(order.ticket):
        return [(ladder.ltp, quantity)] if within_limit(order.ticket, ladder.ltp) else []
    touch = ladder.asks if order.ticket.side > 0 else ladder.bids
    return [(touch[0][0] if touch else ladder.ltp, quantity)]


def wakes(order: Order, ladder: Ladder) -> bool:
    return order.status is Status.TRIGGER_PENDING and triggered(order.ticket, ladder.ltp)
