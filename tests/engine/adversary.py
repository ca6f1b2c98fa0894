"""A venue kept in memory that does whatever a test tells it to: takes an order and loses the answer, takes it late,
fills in parts, tells of it twice, late or never, shows poor, lagging, empty or broken books.

It is a peer at the port, not a picture of our code: it knows the truth, and the truth is what the journal is held to.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from app.core.errors import Retry
from app.core.money import ZERO
from app.venues.types import (
    Answer,
    CancelOrder,
    OrderReport,
    OrderStatus,
    Outcome,
    PlaceOrder,
    PriceType,
    Side,
    Symbol,
    TradeReport,
)

S = OrderStatus
TRAVEL = timedelta(seconds=5)  # an order whose answer was lost may be under way for so long
LAG = timedelta(seconds=3)  # a book may be so old when it is read
CENT = Decimal("0.0001")
UNKNOWN = Answer(Outcome.UNKNOWN, reason="timed out")


class Killed(BaseException):
    """kill -9 in the middle of a call; nothing of ours may catch it."""


class Ticking(Protocol):
    def now(self) -> datetime: ...


def nothing() -> None:
    pass


@dataclass
class AtVenue:
    """One order as the venue knows it; `client_id` is the test's knowledge, no venue tells it back."""

    name: str
    client_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    at: datetime
    status: OrderStatus = S.OPEN
    fills: list[tuple[Decimal, Decimal, datetime]] = field(default_factory=list)
    cancel_asked: bool = False

    @property
    def filled(self) -> Decimal:
        return sum((quantity for quantity, _, _ in self.fills), ZERO)

    @property
    def average(self) -> Decimal | None:
        value = sum((quantity * price for quantity, price, _ in self.fills), ZERO)
        return (value / self.filled).quantize(CENT) if self.fills else None

    @property
    def is_working(self) -> bool:
        return not self.status.is_final

    def report(self, poor: bool = False, status: OrderStatus | None = None) -> OrderReport:
        said = status or self.status
        return OrderReport(
            self.name, self.symbol, self.side, self.quantity, PriceType.MARKET, "NRML", said, said.value,
            filled_quantity=None if poor else self.filled, average_price=None if poor else self.average, at=self.at,
        )  # fmt: skip


class Adversary:
    def __init__(self, clock: Ticking) -> None:
        self.clock = clock
        self.calls: Counter[str] = Counter()  # placings by our id
        self.cancels = 0
        self.book: dict[str, AtVenue] = {}
        self.under_way: list[tuple[PlaceOrder, datetime]] = []
        self.pushes: list[OrderReport] = []
        self.how = "done"
        self.meanwhile: Callable[[], None] = nothing

    # -- what the desk asks

    def place(self, command: PlaceOrder) -> Answer:
        how, meanwhile = self.how, self.meanwhile
        self.how, self.meanwhile = "done", nothing
        self.calls[command.client_order_id] += 1
        if how in ("refused", "unavailable"):
            return Answer(Outcome(how), reason=how)
        if how == "under way":
            self.under_way.append((command, self.clock.now()))
        if how in ("done", "lost placed", "killed after", "raises placed"):
            name = self.take(command)
        meanwhile()
        if how.startswith("killed"):
            raise Killed
        if how.startswith("raises"):
            raise ValueError("this adapter has a fault")
        return Answer(Outcome.DONE, name) if how == "done" else UNKNOWN

    def cancel(self, command: CancelOrder) -> Answer:
        how, self.how, self.meanwhile = self.how, "done", nothing
        self.cancels += 1
        found = self.book[command.venue_order_id]
        if how in ("lost", "killed before", "unavailable"):
            if how == "killed before":
                raise Killed
            return UNKNOWN if how == "lost" else Answer(Outcome.UNAVAILABLE, reason="not reached")
        if not found.is_working:
            return Answer(Outcome.REFUSED, reason="it is finished")
        found.cancel_asked, found.status = True, S.CANCELLED
        self._tell(found)
        if how == "killed after":
            raise Killed
        return Answer(Outcome.DONE, found.name) if how == "done" else UNKNOWN

    def orders(self, kind: str, pick: int) -> list[OrderReport]:
        if kind == "fails":
            raise Retry("no answer")
        if kind == "empty":
            return []
        shown = list(self.book.values())
        if kind == "lags":
            shown = [order for order in shown if order.at <= self.clock.now() - LAG]
        reports = [order.report(poor=kind != "rich") for order in shown]
        if kind == "flickers" and shown:
            index = pick % len(shown)
            if shown[index].is_working and not shown[index].cancel_asked:
                reports[index] = shown[index].report(poor=True, status=S.REJECTED)
        return reports

    def trades(self, kind: str) -> list[TradeReport] | None:
        if kind == "no trades":
            return None
        until = self.clock.now() - (LAG if kind in ("lags", "trades lag") else timedelta())
        return [
            TradeReport(order.name, order.symbol, order.side, quantity, price)
            for order in self.book.values()
            for quantity, price, at in order.fills
            if at <= until
        ]

    # -- what happens there

    def take(self, command: PlaceOrder, at: datetime | None = None) -> str:
        return self.enter(command.symbol, command.side, command.quantity, command.client_order_id, at)

    def enter(self, symbol: Symbol, side: Side, quantity: Decimal, client_id: str, at: datetime | None = None) -> str:
        order = AtVenue(f"v{len(self.book)}", client_id, symbol, side, quantity, at or self.clock.now())
        self.book[order.name] = order
        self._tell(order)
        return order.name

    def arrive(self, everything: bool = False) -> None:
        """What was under way too long is there; `everything`: whatever is under way."""
        now = self.clock.now()
        late = [each for each in self.under_way if everything or each[1] + TRAVEL <= now]
        for command, sent_at in late:
            self.under_way.remove((command, sent_at))
            self.take(command, min(now, sent_at + TRAVEL))

    def fill(self, order: AtVenue, quantity: Decimal, price: Decimal) -> None:
        part = min(quantity, order.quantity - order.filled)
        order.fills.append((part, price, self.clock.now()))
        order.status = S.FILLED if order.filled == order.quantity else S.PARTIALLY_FILLED
        self._tell(order)

    def reject(self, order: AtVenue) -> None:
        order.status = S.REJECTED
        self._tell(order)

    def position(self, symbol: Symbol) -> Decimal:
        """What the desk's orders made of it; a stranger's never fill."""
        return sum((o.side.sign * o.filled for o in self.book.values() if o.symbol == symbol), ZERO)

    def working(self) -> list[AtVenue]:
        return [order for order in self.book.values() if order.is_working and order.client_id]

    def _tell(self, order: AtVenue) -> None:
        self.pushes.append(order.report())
