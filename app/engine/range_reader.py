"""The range a price had between two times: from the venue's own candles, as they are on record, closed and settled. So
it is whole also where the run began, or the engine came, only after the range had started.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine.settled import settled
from app.feed.baskets import SeriesKey
from app.feed.candle_store import Series
from app.venues.types import Candle, Symbol
from app.wiring import Services

INTERVAL = "1m"
MINUTE = timedelta(minutes=1)
QUIET = timedelta(seconds=30)  # after the end: what is not there by then had no trade
PATIENCE = timedelta(seconds=90)  # with candles that cannot be read


@dataclass(frozen=True, slots=True)
class Range:
    """As far as it was seen; `is_over`: it moves no more. `lacks` says why it will not be known."""

    low: Decimal | None = None
    high: Decimal | None = None
    is_over: bool = False
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Which range, and since when somebody has been waiting for it."""

    starts: datetime
    ends: datetime
    since: datetime


class RangeReader:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[SeriesKey, tuple[datetime | None, Series]] = {}

    def read(self, symbols: Sequence[Symbol]) -> None:
        """Look again: candles are read anew only when new ones came."""
        keys = [SeriesKey(symbol, INTERVAL) for symbol in dict.fromkeys(symbols)]
        stamps = self._services.candles.follow(keys) if keys else {}
        self._known = {key: known for key, known in self._known.items() if key in stamps}
        stale = [key for key in keys if key not in self._known or self._known[key][0] != stamps[key]]
        for series in self._services.candles.read(stale):
            self._known[series.key] = stamps[series.key], series

    def range(self, symbol: Symbol, span: Span, now: datetime) -> Range:
        _, series = self._known.get(SeriesKey(symbol, INTERVAL), (None, None))
        if series is None:
            return Range()
        read_at = series.reading.at if series.reading is not None else None
        return range_of(settled(self._services.instruments, series), span, read_at, now, series.trouble)


def range_of(
    candles: Sequence[Candle], span: Span, read_at: datetime | None, now: datetime, trouble: str = ""
) -> Range:
    """Of candles that are closed and were read at that moment. It is over with its last candle, or with one after it;
    or once they were read some time after its end, since a minute without a trade has none."""
    inside = [one for one in candles if span.starts <= one.start < span.ends]
    is_whole = any(one.start >= span.ends - MINUTE for one in candles)
    is_over = now >= span.ends and (is_whole or (read_at is not None and read_at >= span.ends + QUIET))
    is_lost = not is_over and now >= max(span.ends, span.since) + PATIENCE
    lacks = trouble or "there are no candles of it" if is_lost or (is_over and not inside) else ""
    if not inside:
        return Range(None, None, is_over, lacks)
    return Range(min(one.low for one in inside), max(one.high for one in inside), is_over, lacks)
