"""The newest trusted quote per symbol; taken by the threads that receive, read by everybody."""

import threading
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal

from app.feed.bands import no_bands
from app.feed.quotes import DEFAULT_RULES, NOTHING_KNOWN, Distrust, Trust, TrustRules, judge
from app.venues.types import Quote, Symbol


class Ticks:
    def __init__(
        self, rules: TrustRules = DEFAULT_RULES, band_of: Callable[[Symbol], Decimal | None] = no_bands
    ) -> None:
        self._rules = rules
        self._band_of = band_of
        self._known: dict[Symbol, Trust] = {}
        self._lock = threading.Lock()

    def put(self, quote: Quote) -> Distrust | None:
        """Keep a quote if it may be trusted; the reason if not."""
        band = self._band_of(quote.symbol)
        with self._lock:
            known = self._known.get(quote.symbol, NOTHING_KNOWN)
            self._known[quote.symbol], reason = judge(known, quote, self._rules, band)
        return reason

    def newest(self, symbol: Symbol) -> Quote | None:
        known = self._known.get(symbol)
        return known.quote if known else None

    def is_doubted(self, symbol: Symbol) -> bool:
        """Whether a later price asks to be believed: then the newest that was trusted may be the past."""
        known = self._known.get(symbol)
        return known is not None and known.suspect is not None

    def forget(self, but: Collection[Symbol], before: datetime) -> int:
        """Let go of symbols nobody asks for whose last quote is old; says how many."""
        with self._lock:
            gone = [
                symbol
                for symbol, known in self._known.items()
                if symbol not in but and (known.quote is None or known.quote.received_at < before)
            ]
            for symbol in gone:
                del self._known[symbol]
        return len(gone)

    def __len__(self) -> int:
        return len(self._known)
