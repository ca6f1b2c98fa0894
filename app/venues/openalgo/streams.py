"""Order updates and prices pushed by an OpenAlgo server.

Invariants of the market stream: one mode per symbol on the socket, the highest one wanted; what is wanted is
subscribed again after every sign-in; one batch is on the way at a time, and the next follows its acknowledgement, which
paces us at the server's own speed. An acknowledgement says "partial" even when all symbols failed, so every entry of it
is looked at.
"""

import re
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from app.core.clock import Clock
from app.core.errors import Unknown
from app.core.hearing import hearing
from app.venues.openalgo.line import Counters, Line, LineLost, Pauses, SignInRefused
from app.venues.openalgo.market import WIRE_MODES, streamed
from app.venues.openalgo.orders import update_report
from app.venues.port import OnQuote, OnReport, OnState, StreamState
from app.venues.types import Connection, FeedMode, Symbol

log = structlog.get_logger()

BATCH = 200
NO_ROOM = re.compile(r"capacity|limit|maximum", re.IGNORECASE)
ANSWER_SECONDS = 5.0


class OpenAlgoOrderStream:
    """Account-level updates of orders from any origin. Some brokers give none: then only the books tell.

    All of a process are heard in one thread: whoever is told waits for nothing."""

    def __init__(
        self, connection: Connection, on_report: OnReport, on_state: OnState, clock: Clock, pauses: Pauses
    ) -> None:
        self._on_report = on_report
        self._clock = clock
        self._asked_at: float | None = None
        self._line = Line(connection, "orders", on_state, clock, pauses, hearing)
        self._line.start(self)

    @property
    def counters(self) -> Counters:
        return self._line.counters

    def close(self) -> None:
        self._line.close()

    def signed_in(self) -> None:
        self._asked_at = self._clock.monotonic()
        self._line.send({"action": "subscribe_orders", "request_id": "orders"})

    def heard(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "order_update":
            self._report(frame)
        elif kind == "subscribe_orders":
            self._subscribed(frame)
        elif frame.get("code") == "INVALID_ACTION":
            raise SignInRefused("This server is too old to push order updates.")
        elif kind is None:
            self._line.garbage(str(frame.get("code", "")))

    def looked(self, now: float) -> None:
        if self._asked_at is not None and now - self._asked_at > ANSWER_SECONDS:
            self._asked_at = None
            raise LineLost("The server did not answer the wish for order updates.")

    def _subscribed(self, frame: dict[str, Any]) -> None:
        self._asked_at = None
        if frame.get("status") != "success":
            raise SignInRefused(str(frame.get("message", "The server gives no order updates.")))
        self._line.tell(StreamState.LIVE)

    def _report(self, frame: dict[str, Any]) -> None:
        try:
            report = update_report(frame)
        except Unknown as problem:
            self._line.garbage(problem.message)
            return
        self._line.guarded(self._on_report, report)


@dataclass(frozen=True, slots=True)
class Batch:
    action: str  # subscribe or unsubscribe
    mode: FeedMode
    symbols: tuple[Symbol, ...]
    request_id: str

    def frame(self) -> dict[str, Any]:
        mode = WIRE_MODES[self.mode]
        names = [{"symbol": symbol.name, "exchange": symbol.exchange} for symbol in self.symbols]
        if self.action == "unsubscribe":  # without its mode an unsubscription succeeds and changes nothing
            return {"action": self.action, "symbols": [{**name, "mode": mode} for name in names]}
        return {
            "action": self.action,
            "symbols": names,
            "mode": mode,
            "depth": 5,
            "request_id": self.request_id,
        }


@dataclass(slots=True)
class Outbox:
    """Batches in order, one on the way at a time."""

    waiting: deque[Batch] = field(default_factory=deque)
    on_the_way: Batch | None = None
    sent_at: float = 0.0
    numbered: int = 0

    def add(self, action: str, mode: FeedMode, symbols: Sequence[Symbol]) -> None:
        for start in range(0, len(symbols), BATCH):
            self.numbered += 1
            self.waiting.append(Batch(action, mode, tuple(symbols[start : start + BATCH]), f"m{self.numbered}"))

    def next(self, now: float) -> Batch | None:
        if self.on_the_way is not None or not self.waiting:
            return None
        self.on_the_way, self.sent_at = self.waiting.popleft(), now
        return self.on_the_way

    def clear(self) -> None:
        self.waiting.clear()
        self.on_the_way = None


class OpenAlgoMarketStream:
    def __init__(
        self, connection: Connection, on_quote: OnQuote, on_state: OnState, clock: Clock, pauses: Pauses
    ) -> None:
        self.refused: dict[Symbol, str] = {}  # what the server would not subscribe, with its words
        self._on_quote = on_quote
        self._clock = clock
        self._lock = threading.Lock()
        self._wanted: dict[Symbol, FeedMode] = {}
        self._by_name: dict[tuple[str, str], Symbol] = {}
        self._last_data: dict[Symbol, float] = {}
        self._outbox = Outbox()
        self._signing_in_at: float | None = None
        self._line = Line(connection, "market", on_state, clock, pauses)
        self._line.start(self)

    # -- For the feed, from any thread

    @property
    def counters(self) -> Counters:
        return self._line.counters

    def subscribe(self, symbols: Sequence[Symbol], mode: FeedMode) -> None:
        with self._lock:
            added = [symbol for symbol in dict.fromkeys(symbols) if self._is_raise(symbol, mode)]
            for lower in FeedMode:
                old = [symbol for symbol in added if self._wanted.get(symbol) is lower]
                self._outbox.add("unsubscribe", lower, old)
            for symbol in added:
                self._wanted[symbol] = mode
                self._by_name[symbol.exchange, symbol.name] = symbol
            self._outbox.add("subscribe", mode, added)
        self._push()

    def unsubscribe(self, symbols: Sequence[Symbol]) -> None:
        with self._lock:
            for mode, ours in self._by_mode(symbols):
                self._outbox.add("unsubscribe", mode, ours)
            for symbol in symbols:
                self._wanted.pop(symbol, None)
                self._by_name.pop((symbol.exchange, symbol.name), None)
                self._last_data.pop(symbol, None)
                self.refused.pop(symbol, None)
        self._push()

    def resubscribe(self) -> None:
        if self._line.is_signed_in:
            self._signing_in_at = self._clock.monotonic()
            self._line.authenticate()

    def turned_away(self) -> list[Symbol]:
        """A server owner sets the limits, so that only its words tell: it says so symbol by symbol."""
        return [symbol for symbol, words in list(self.refused.items()) if NO_ROOM.search(words)]

    def troubles(self) -> tuple[int, int]:
        return len(self.refused), self.counters.garbage

    def quiet_for(self, symbol: Symbol) -> float | None:
        """Seconds since the last price of a symbol; None when there was none yet."""
        last = self._last_data.get(symbol)
        return None if last is None else self._clock.monotonic() - last

    def close(self) -> None:
        self._line.close()

    def _is_raise(self, symbol: Symbol, mode: FeedMode) -> bool:
        current = self._wanted.get(symbol)
        return current is None or WIRE_MODES[mode] > WIRE_MODES[current]

    def _by_mode(self, symbols: Iterable[Symbol]) -> list[tuple[FeedMode, list[Symbol]]]:
        found: dict[FeedMode, list[Symbol]] = {}
        for symbol in symbols:
            mode = self._wanted.get(symbol)
            if mode is not None:
                found.setdefault(mode, []).append(symbol)
        return list(found.items())

    def _push(self) -> None:
        """Send the next batch if none is on the way; before the sign-in what is wanted just waits."""
        with self._lock:
            if not self._line.is_signed_in:
                return
            batch = self._outbox.next(self._clock.monotonic())
            if batch:
                self._line.send(batch.frame())

    # -- In the line's thread

    def signed_in(self) -> None:
        self._signing_in_at = None
        with self._lock:
            self._outbox.clear()
            for mode, symbols in self._by_mode(list(self._wanted)):
                self._outbox.add("subscribe", mode, symbols)
        self._push()
        self._settle()

    def heard(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "market_data":
            self._price(frame)
        elif kind in ("subscribe", "unsubscribe"):
            self._acknowledged(frame)
        elif kind is None:
            self._complained(frame)

    def looked(self, now: float) -> None:
        if self._signing_in_at is not None and now - self._signing_in_at > ANSWER_SECONDS:
            self._signing_in_at = None
            raise LineLost("The server did not answer the second sign-in.")
        if self._outbox.on_the_way is not None and now - self._outbox.sent_at > ANSWER_SECONDS:
            raise LineLost("The server did not answer a subscription.")

    def _price(self, frame: dict[str, Any]) -> None:
        symbol = self._named(frame)
        data = frame.get("data")
        if symbol is None or not isinstance(data, dict):
            return
        quote = streamed(symbol, data, self._clock.now())
        if quote is None:
            return
        self._last_data[symbol] = self._clock.monotonic()
        self._line.guarded(self._on_quote, quote)

    def _named(self, frame: dict[str, Any]) -> Symbol | None:
        return self._by_name.get((str(frame.get("exchange")), str(frame.get("symbol"))))

    def _acknowledged(self, frame: dict[str, Any]) -> None:
        for entry in frame.get("subscriptions") or ():
            self._entered(entry)
        self._done(frame.get("request_id"))

    def _entered(self, entry: Any) -> None:
        symbol = self._named(entry) if isinstance(entry, dict) else None
        if symbol is None:
            return
        if entry.get("status") == "success":
            self.refused.pop(symbol, None)
            return
        self.refused[symbol] = str(entry.get("message", ""))
        log.warning("subscription_refused", symbol=str(symbol), reason=self.refused[symbol])

    def _complained(self, frame: dict[str, Any]) -> None:
        """An error frame names no request: it is about the batch on the way, if there is one."""
        code, message = str(frame.get("code", "")), str(frame.get("message", ""))
        if code.startswith("BROKER"):
            raise LineLost(f"{message} ({code})")
        batch = self._outbox.on_the_way
        if batch is None:
            self._line.garbage(code)
            return
        for symbol in batch.symbols:
            self.refused[symbol] = message
        log.warning("subscription_failed", code=code, symbols=len(batch.symbols))
        self._done(None)

    def _done(self, request_id: object) -> None:
        with self._lock:
            current = self._outbox.on_the_way
            if current is None or request_id not in (None, current.request_id):
                return
            self._outbox.on_the_way = None
        self._push()
        self._settle()

    def _settle(self) -> None:
        if self._outbox.on_the_way is None and not self._outbox.waiting:
            self._line.tell(StreamState.LIVE)
