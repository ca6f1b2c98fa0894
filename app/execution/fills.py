"""What a venue's order book and trade book say together of what was filled."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.core.money import ZERO
from app.venues.types import OrderReport, OrderStatus, TradeReport

ENDED_SHORT = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Filled:
    quantity: Decimal
    average: Decimal


def fills_by_order(trades: Sequence[TradeReport] | None) -> dict[str, Filled] | None:
    """Cumulative quantity and weighted average per order. Equal rows are separate fills, never duplicates."""
    if trades is None:
        return None
    quantity: dict[str, Decimal] = defaultdict(lambda: ZERO)
    value: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for trade in trades:
        quantity[trade.venue_order_id] += trade.quantity
        value[trade.venue_order_id] += trade.quantity * trade.price
    return {order_id: Filled(q, value[order_id] / q) for order_id, q in quantity.items() if q > 0}


def with_fills(report: OrderReport, fills: dict[str, Filled] | None) -> OrderReport:
    """The row, completed from the trade book where that knows more."""
    if fills is None:
        return report
    found = fills.get(report.venue_order_id)
    if found is None:
        is_cancelled = report.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
        return replace(report, filled_quantity=ZERO) if report.filled_quantity is None and is_cancelled else report
    if report.filled_quantity is not None and report.filled_quantity > found.quantity:
        return report
    return replace(report, filled_quantity=found.quantity, average_price=found.average)


def without_haste(report: OrderReport) -> OrderReport:
    """Found, and said to have ended for no reason: the next books say so again if it is true."""
    if report.reason or report.status not in (OrderStatus.REJECTED, *ENDED_SHORT):
        return report
    return replace(report, status=OrderStatus.OPEN)
