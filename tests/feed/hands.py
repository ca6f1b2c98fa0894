"""A clock moved by hand, and a venue whose market stream a test plays by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.core.errors import Retry
from app.venues.port import OnQuote, OnState, StreamState
from app.venues.types import Capabilities, FeedMode, PriceSource, Quote, Symbol

MORNING = datetime(2026, 11, 20, 4, 30, tzinfo=UTC)  # 10:00 in India
NIFTY = Symbol("NFO", "NIFTY24NOV2626050CE")
SBIN = Symbol("NSE", "SBIN")


class HandClock:
    def __init__(self, moment: datetime = MORNING) -> None:
        self.moment = moment
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.seconds += seconds


def quote(symbol: Symbol = NIFTY, last: object = "100", at: datetime = MORNING, **rest: object) -> Quote:
    exact = {name: Decimal(str(value)) for name, value in rest.items()}
    return Quote(symbol, Decimal(str(last)), at, **exact)


class HandStream:
    def __init__(self, venue: "HandVenue", on_quote: OnQuote, on_state: OnState) -> None:
        self.venue = venue
        self.on_quote = on_quote
        self.on_state = on_state
        self.modes: dict[Symbol, FeedMode] = {}
        self.resubscribed = 0
        self.closed = False
        self.no_room: list[Symbol] = []

    def subscribe(self, symbols: Sequence[Symbol], mode: FeedMode) -> None:
        for symbol in symbols:
            if len(self.modes) < self.venue.takes or symbol in self.modes:
                self.modes[symbol] = mode
            else:
                self.no_room.append(symbol)

    def unsubscribe(self, symbols: Sequence[Symbol]) -> None:
        for symbol in symbols:
            self.modes.pop(symbol, None)
        self.no_room = [symbol for symbol in self.no_room if symbol not in symbols]

    def turned_away(self) -> list[Symbol]:
        return self.no_room

    def troubles(self) -> tuple[int, int]:
        return len(self.no_room), 0

    def resubscribe(self) -> None:
        self.resubscribed += 1

    def close(self) -> None:
        self.closed = True

    def live(self) -> None:
        self.on_state(StreamState.LIVE, "")

    def drop(self) -> None:
        self.on_state(StreamState.DOWN, "reset")

    def refuse(self) -> None:
        self.on_state(StreamState.REFUSED, "wrong key")

    def tick(self, symbol: Symbol = NIFTY, last: object = "100") -> None:
        self.on_quote(quote(symbol, last, self.venue.clock.now()))


class HandVenue:
    """The part of a venue that the feed uses; prices on request are those of `prices`. A connection takes `takes`
    symbols, which the venue says only when it is asked for more.
    """

    def __init__(self, clock: HandClock) -> None:
        self.capabilities = Capabilities(currency="INR", stream_connections=2)
        self.takes = 1000
        self.clock = clock
        self.streams: list[HandStream] = []
        self.prices: dict[Symbol, object] = {}
        self.asked: list[list[Symbol]] = []
        self.reachable = True

    @property
    def stream(self) -> HandStream:
        return self.streams[-1]

    def market_stream(self, on_quote: OnQuote, on_state: OnState) -> HandStream:
        if not self.reachable:
            raise Retry("not reachable")
        self.streams.append(HandStream(self, on_quote, on_state))
        return self.stream

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        if not self.reachable:
            raise Retry("not reachable")
        self.asked.append(list(symbols))
        now = self.clock.now()
        given = {symbol: quote(symbol, self.prices[symbol], now) for symbol in symbols if symbol in self.prices}
        return {symbol: replace(one, source=PriceSource.REQUEST) for symbol, one in given.items()}
