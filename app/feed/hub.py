"""Every price passes here once: judged, kept as the newest, and told to the listeners in the thread that received it.

Listeners must be quick; one that fails is logged, and never costs the others their tick.
"""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.core.clock import Clock
from app.feed.bands import no_bands
from app.feed.quotes import DEFAULT_RULES, Distrust, TrustRules, age_of, is_stale
from app.feed.ticks import Ticks
from app.venues.types import PriceSource, Quote, Symbol

log = structlog.get_logger()

Listener = Callable[[Quote], None]
KEPT = timedelta(hours=12)
COMPLAIN_EVERY = 60.0


class Hub:
    def __init__(
        self,
        clock: Clock,
        rules: TrustRules = DEFAULT_RULES,
        band_of: Callable[[Symbol], Decimal | None] = no_bands,
    ) -> None:
        """`band_of` says how far from the previous close a price may be, as a fraction; asked with every price."""
        self._clock = clock
        self._ticks = Ticks(rules, band_of)
        self._listeners: tuple[Listener, ...] = ()
        self._complained_at: dict[str, float] = {}
        self.received = 0
        self.dropped: Counter[str] = Counter()
        self.last_at: datetime | None = None  # the newest trusted price of any symbol
        self.last_source: PriceSource | None = None
        self.is_frozen = False  # prices come and none of them moves: nothing is fresh
        self._doubted_until: datetime | None = None

    def listen(self, listener: Listener) -> None:
        self._listeners = (*self._listeners, listener)

    def take(self, quote: Quote) -> bool:
        """Whether the price was trusted; if it was, every listener has seen it on return."""
        self.received += 1
        reason = self._ticks.put(quote)
        if reason is not None:
            self.dropped[reason] += 1
            return False
        self.last_at, self.last_source = quote.received_at, quote.source
        kept = self._ticks.newest(quote.symbol) or quote
        for listener in self._listeners:
            try:
                listener(kept)
            except Exception:  # a listener's fault is its own
                self._complain(listener)
        return True

    def newest(self, symbol: Symbol) -> Quote | None:
        return self._ticks.newest(symbol)

    def fresh(self, symbol: Symbol, now: datetime, limit: timedelta) -> Quote | None:
        """The newest quote if it is young enough for a decision, from a feed that moves, and nothing later is in
        doubt: after a jump the price from before it decides nothing."""
        quote = self._ticks.newest(symbol)
        if quote is None or self.is_frozen or is_stale(age_of(quote, now), limit):
            return None
        if self._ticks.is_doubted(symbol):
            return None
        doubted = self._doubted_until is not None and quote.received_at <= self._doubted_until
        return None if doubted else quote

    def drop(self, reason: Distrust) -> None:
        """A price that somebody else judged to be of no use."""
        self.received += 1
        self.dropped[reason] += 1

    def doubt(self, until: datetime) -> None:
        """Prices received until then may be old ones repeated: they decide nothing any more."""
        self._doubted_until = until

    def age(self, symbol: Symbol, now: datetime) -> timedelta | None:
        return age_of(self._ticks.newest(symbol), now)

    def forget(self, but: Collection[Symbol], now: datetime) -> int:
        return self._ticks.forget(but, now - KEPT)

    def counters(self) -> dict[str, int]:
        """`received`, `symbols` and one `dropped: <reason>` each."""
        dropped = {f"dropped: {reason}": count for reason, count in self.dropped.items()}
        return {"received": self.received, "symbols": len(self._ticks), **dropped}

    def _complain(self, listener: Listener) -> None:
        """At most once a minute each: a failing listener fails on every tick."""
        name = getattr(listener, "__qualname__", repr(listener))
        now = self._clock.monotonic()
        self.dropped[f"{name} failed"] += 1
        if now - self._complained_at.get(name, now - COMPLAIN_EVERY) >= COMPLAIN_EVERY:
            self._complained_at[name] = now
            log.exception("tick_listener_failed", listener=name)
