"""The simulated venue of a tape: takes every order at once, and fills it as `replays.fills` says."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.core.money import ZERO
from app.execution.lanes import Lane, Room, Work
from app.replays.fills import Working, look
from app.venues.types import (
    Answer,
    CancelOrder,
    Capabilities,
    ModifyOrder,
    OrderReport,
    OrderStatus,
    Outcome,
    PlaceOrder,
    PriceType,
    Quote,
    Symbol,
)

PLENTY = 1_000_000
Report = Callable[[str, OrderReport], None]


class TapeBook:
    """What works at the venue, of all accounts; orders are numbered in the order they came."""

    def __init__(self, slippage: Decimal, report: Report) -> None:
        """`report` hears, with the account's id, of every order that ended."""
        self._slippage = slippage
        self._report = report
        self._working: dict[Symbol, dict[str, tuple[str, Working]]] = {}
        self._count = 0

    @property
    def is_busy(self) -> bool:
        return any(self._working.values())

    def place(self, account_id: str, command: PlaceOrder) -> str:
        self._count += 1
        order = Working(
            f"T{self._count:06d}", command.symbol, command.side, command.quantity, command.price_type, command.product,
            command.price, command.trigger_price,
        )  # fmt: skip
        self._working.setdefault(command.symbol, {})[order.id] = account_id, order
        return order.id

    def find(self, symbol: Symbol, order_id: str) -> Working | None:
        found = self._working.get(symbol, {}).get(order_id)
        return found[1] if found else None

    def change(self, order: Working) -> None:
        account_id, _ = self._working[order.symbol][order.id]
        self._working[order.symbol][order.id] = account_id, order

    def cancel(self, order: Working) -> None:
        account_id, _ = self._working[order.symbol].pop(order.id)
        self._report(account_id, _told(order, OrderStatus.CANCELLED, ZERO, None))

    def take(self, quote: Quote) -> None:
        """A tick comes to the orders that were there before it."""
        for order_id, (account_id, order) in list(self._working.get(quote.symbol, {}).items()):
            after = look(order, quote, self._slippage)
            if after.filled_at is None:
                self._working[quote.symbol][order_id] = account_id, after.order
                continue
            del self._working[quote.symbol][order_id]
            self._report(account_id, _told(order, OrderStatus.FILLED, order.quantity, after.filled_at))


def _told(order: Working, status: OrderStatus, filled: Decimal, average: Decimal | None) -> OrderReport:
    return OrderReport(
        order.id, order.symbol, order.side, order.quantity, order.price_type, order.product, status, status.value,
        order.price, order.trigger_price, filled, average,
    )  # fmt: skip


class TapeVenue:
    """One account's door to the book. What a replay never asks is not there."""

    def __init__(self, account_id: str, currency: str, book: TapeBook) -> None:
        self.capabilities = Capabilities(currency=currency)
        self._account_id = account_id
        self._book = book

    def place(self, command: PlaceOrder) -> Answer:
        if command.price_type is PriceType.OCO:
            return Answer(Outcome.REFUSED, reason="No broker takes part in a replay: the desk holds stop and target.")
        return Answer(Outcome.DONE, self._book.place(self._account_id, command))

    def modify(self, command: ModifyOrder) -> Answer:
        order = self._book.find(command.symbol, command.venue_order_id)
        if order is None:
            return Answer(Outcome.REFUSED, reason="The order is not working any more.")
        wanted: dict[str, Any] = {"quantity": command.quantity, "price_type": command.price_type}
        wanted |= {"price": command.price, "trigger_price": command.trigger_price, "is_new": True}
        self._book.change(replace(order, **wanted))
        return Answer(Outcome.DONE, command.venue_order_id)

    def cancel(self, command: CancelOrder) -> Answer:
        order = self._book.find(command.symbol, command.venue_order_id)
        if order is None:
            return Answer(Outcome.REFUSED, reason="The order is not working any more.")
        self._book.cancel(order)
        return Answer(Outcome.DONE, command.venue_order_id)


class TapeLane(Lane):
    """Carries out what it is offered when it is told to, the most urgent first; it has no pace."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._works: list[Work] = []

    def offer(self, works: list[Work]) -> None:
        self._works += works

    def room(self) -> Room:
        return Room(PLENTY, PLENTY)

    def step(self) -> bool:
        """Whether there was something to do."""
        works, self._works = sorted(self._works, key=lambda work: work.urgency), []
        for work in works:
            work.do()
        return bool(works)
