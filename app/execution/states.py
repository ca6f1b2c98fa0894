"""The life of an order: one enum, one table, and the rule that turns a report into progress.

Anything the table does not name is impossible. Fills only grow: a duplicate, a reordered or an old report changes
nothing. A final state stays, except for what real venues do (the odd rows say why).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.money import ZERO
from app.venues.types import OrderReport, OrderStatus

CANCEL_AGAIN = timedelta(seconds=2)


class OrderState(StrEnum):
    NEW = "new"
    SENDING = "sending"
    OPEN = "open"
    TRIGGER_PENDING = "trigger_pending"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_PENDING = "cancel_pending"
    UNKNOWN = "unknown"
    FILLED = "filled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"


S = OrderState
FINAL = frozenset({S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.LOST})
LIVE = frozenset(S) - FINAL
AT_VENUE = frozenset({S.OPEN, S.TRIGGER_PENDING, S.PARTIALLY_FILLED, S.CANCEL_PENDING})
IN_DOUBT = frozenset({S.SENDING, S.UNKNOWN})  # may or may not be at the venue
_ENDS = frozenset({S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED})

TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    S.NEW: frozenset({S.SENDING, S.CANCELLED, S.REJECTED}),  # withdrawn or denied before it was sent
    S.SENDING: AT_VENUE | _ENDS | {S.UNKNOWN},
    # To unknown goes a pair alone that the broker shows no more: an order may have come of it.
    S.OPEN: AT_VENUE | _ENDS | {S.UNKNOWN},
    S.TRIGGER_PENDING: AT_VENUE | _ENDS | {S.UNKNOWN},
    S.PARTIALLY_FILLED: frozenset({S.CANCEL_PENDING}) | _ENDS,
    S.CANCEL_PENDING: AT_VENUE | _ENDS | {S.UNKNOWN},  # back to working when the venue refuses to cancel
    S.UNKNOWN: AT_VENUE | _ENDS | {S.LOST},
    S.FILLED: frozenset(),
    S.REJECTED: frozenset({S.FILLED}),  # a venue took its refusal back: the fill is real, and alarming
    S.CANCELLED: frozenset({S.FILLED}),  # the cancel crossed the last fill on its way
    S.EXPIRED: frozenset({S.FILLED}),  # the same race, with the clock instead of a cancel
    S.LOST: AT_VENUE | _ENDS,  # it turned up after all: booked, and alarming
}


class Impossible(Exception):
    """A transition the table does not name."""


def check(current: OrderState, new: OrderState) -> OrderState:
    if new is not current and new not in TRANSITIONS[current]:
        raise Impossible(f"an order cannot go from {current} to {new}")
    return new


def can_cancel(state: str) -> bool:
    """Whether asking the venue to cancel makes sense, or withdrawing what was never sent."""
    return state == S.NEW or (state in AT_VENUE and state != S.CANCEL_PENDING)


def may_cancel(state: str, asked_at: datetime | None, now: datetime) -> bool:
    """Whether the venue should be asked now: a cancel that had no effect is asked again, since twice does no harm."""
    return state in AT_VENUE and (asked_at is None or now - asked_at >= CANCEL_AGAIN)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of one order. Quantities in units, cumulative; the average price in the venue's currency."""

    state: OrderState
    quantity: Decimal
    filled: Decimal = ZERO
    average: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a report taught us."""

    progress: Progress
    new_fill: Decimal = ZERO
    fill_price: Decimal | None = None
    is_late: bool = False  # a fill after the order was thought finished: booked, and a person is told
    is_overfill: bool = False  # more than was ordered: booked, and a person is told
    needs_trades: bool = False  # the report does not say how much was filled: the trade book must


_WORKING = {
    OrderStatus.OPEN: S.OPEN,
    OrderStatus.TRIGGER_PENDING: S.TRIGGER_PENDING,
    OrderStatus.PARTIALLY_FILLED: S.PARTIALLY_FILLED,
}
_FINISHED = {
    OrderStatus.FILLED: S.FILLED,
    OrderStatus.REJECTED: S.REJECTED,
    OrderStatus.CANCELLED: S.CANCELLED,
    OrderStatus.EXPIRED: S.EXPIRED,
}


def advance(now: Progress, report: OrderReport) -> Step:
    """The next progress after a report, in whatever order reports come."""
    filled = max(now.filled, report.filled_quantity or ZERO)
    average = _average(now, report, filled)
    state = _next_state(now, report, filled)
    new_fill = filled - now.filled
    return Step(
        progress=Progress(check(now.state, state), now.quantity, filled, average),
        new_fill=new_fill,
        fill_price=_price_of_new_part(now, filled, average),
        is_late=new_fill > 0 and now.state in FINAL,
        is_overfill=filled > now.quantity,
        needs_trades=_needs_trades(now, report, filled),
    )


def _next_state(now: Progress, report: OrderReport, filled: Decimal) -> OrderState:
    status = report.status
    if filled >= now.quantity and filled > 0:
        return S.FILLED
    if now.state in FINAL and now.state is not S.LOST:
        return now.state
    if status is OrderStatus.FILLED:  # the venue says complete and we have not seen all of it yet
        return _working(now.state, S.OPEN, filled)
    if status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and report.filled_quantity is None:
        return now.state  # what was filled before decides what is left to do, and only the trade book can say that
    if status in _FINISHED:
        return _FINISHED[status]
    return _working(now.state, _WORKING[status], filled)


def _working(current: OrderState, reported: OrderState, filled: Decimal) -> OrderState:
    if current is S.CANCEL_PENDING:  # a report from before the cancel does not undo it
        return current
    if filled > 0:
        return S.PARTIALLY_FILLED
    return S.OPEN if reported is S.PARTIALLY_FILLED else reported


def _needs_trades(now: Progress, report: OrderReport, filled: Decimal) -> bool:
    """Complete without the quantity, or cancelled without saying what was filled before, or filled at no price."""
    if report.status is OrderStatus.FILLED:
        return filled < now.quantity or (report.average_price is None and now.average is None)
    if report.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        return report.filled_quantity is None
    return filled > now.filled and report.average_price is None


def _average(now: Progress, report: OrderReport, filled: Decimal) -> Decimal | None:
    given = report.average_price
    if given is not None and given > 0 and (report.filled_quantity or ZERO) >= filled:
        return given
    return now.average


def _price_of_new_part(now: Progress, filled: Decimal, average: Decimal | None) -> Decimal | None:
    new_part = filled - now.filled
    if new_part <= 0 or average is None:
        return None
    if now.average is None or now.filled == 0:
        return average
    return (average * filled - now.average * now.filled) / new_part
