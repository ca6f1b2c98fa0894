"""The door to a venue. The desk knows venues only through this protocol; a new venue implements it and passes the
conformance suite in `tests/venues/`.

Commands (`place`, `modify`, `cancel`) never raise for what the venue or the network did: they answer an `Answer` whose
outcome says how sure we are. They send at most once and never retry. Readings raise `Retry` (not reachable, busy),
`Refused` (the venue said no: wrong key, no login) or `Unknown` (an answer that makes no sense); a reading that returns
is whole. A book that failed to load is therefore never an empty book.

All methods are safe to call from several threads at once.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol

from app.venues.types import (
    Answer,
    CancelOrder,
    Candle,
    Capabilities,
    CheckStep,
    ContractReport,
    Depth,
    FeedMode,
    FundsReport,
    HoldingReport,
    MarginReport,
    Mode,
    ModifyOrder,
    OrderReport,
    PlaceOrder,
    PositionReport,
    Quote,
    Symbol,
    TradeReport,
)


class StreamState(StrEnum):
    CONNECTING = "connecting"
    LIVE = "live"  # signed in and subscribed
    DOWN = "down"  # will try again by itself
    REFUSED = "refused"  # signing in was refused: key or broker login; keeps trying slowly


class OrderStream(Protocol):
    """Pushed order updates of one account. `on_state(LIVE)` after every (re)connect asks the desk to read the books
    again, since updates are not replayed."""

    def close(self) -> None: ...


class MarketStream(Protocol):
    """Pushed prices. Subscriptions survive reconnects: the stream makes them again by itself."""

    def subscribe(self, symbols: Sequence[Symbol], mode: FeedMode) -> None: ...

    def unsubscribe(self, symbols: Sequence[Symbol]) -> None: ...

    def resubscribe(self) -> None:
        """Sign in again on the same socket and subscribe everything again: the cure for a silent feed."""
        ...

    def turned_away(self) -> Collection[Symbol]:
        """What the venue had no room for, until it is unsubscribed."""
        ...

    def troubles(self) -> tuple[int, int]:
        """How many symbols the venue would not subscribe, and how many frames made no sense."""
        ...

    def close(self) -> None: ...


OnReport = Callable[[OrderReport], None]
OnQuote = Callable[[Quote], None]
OnState = Callable[[StreamState, str], None]
OnAnswer = Callable[[Callable[[], Answer]], None]  # called with what gives the answer


class Venue(Protocol):
    capabilities: Capabilities

    def check(self) -> Iterator[CheckStep]:
        """The guided connection test, step by step, stopping at the first step that fails."""
        ...

    def identity(self) -> str:
        """The broker's or venue's own name of this login, e.g. "zerodha"."""
        ...

    def mode(self) -> Mode: ...

    def place(self, command: PlaceOrder) -> Answer: ...

    def begin(self, command: PlaceOrder, told: OnAnswer) -> bool:
        """Place it, where that can leave this moment without waiting for anything: `told` hears of the answer in
        another thread, once, and waits for nothing either. False: nothing was sent, and `place` is the way."""
        ...

    def modify(self, command: ModifyOrder) -> Answer: ...

    def cancel(self, command: CancelOrder) -> Answer: ...

    def find(self, client_order_id: str) -> OrderReport | None:
        """The order with our id, only where `capabilities.client_order_id`; None is proof that there is none."""
        ...

    def orders(self) -> list[OrderReport]: ...

    def pairs(self) -> list[OrderReport]:
        """Stops and targets that rest as one, where the venue keeps them apart from its orders."""
        ...

    def trades(self) -> list[TradeReport]: ...

    def positions(self) -> list[PositionReport]: ...

    def holdings(self) -> list[HoldingReport]: ...

    def funds(self) -> FundsReport: ...

    def margin(self, orders: Sequence[PlaceOrder]) -> MarginReport: ...

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        """The symbols the venue could price; one unknown symbol does not lose the others."""
        ...

    def depth(self, symbol: Symbol) -> Depth: ...

    def history(self, symbol: Symbol, interval: str, start: date, end: date) -> list[Candle]: ...

    def contracts(self, exchange: str) -> list[ContractReport]: ...

    def contract(self, symbol: Symbol) -> ContractReport | None: ...

    def expiries(self, name: str, exchange: str, kind: str) -> list[date]: ...

    def order_stream(self, on_report: OnReport, on_state: OnState) -> OrderStream: ...

    def market_stream(self, on_quote: OnQuote, on_state: OnState) -> MarketStream: ...

    def warm(self, connections: int = 1) -> None:
        """Have so many connections open ahead of time, so that the first orders do not pay for them. Never raises: a
        venue that cannot be reached is noticed by whoever calls next."""
        ...

    def close(self) -> None: ...
