"""When a Supertrend turns: decided over closed candles alone, so the same candles give the same answer at any time.

A candle counts once the venue's word on it has settled. The combined premium has a candle only where every leg has one:
a leg without its candle gives no signal, and is named. A turn before the run began is no signal; one that happened
while nobody looked still is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.feed.candles import SETTLED, Day, anchored, bar_end, bar_start, combine, length_of
from app.risk.rules import SupertrendRule
from app.risk.supertrend import Direction, Trend, supertrend
from app.venues.types import Candle, Symbol

LATE = timedelta(seconds=30)  # after a candle's end it is missed
MOMENT = timedelta(microseconds=1)
WANTED = {"breakout": Direction.UP, "breakdown": Direction.DOWN}


@dataclass(frozen=True, slots=True)
class TrendWatch:
    """`legs`: what is looked at, each with its signed weight; `since`: when the run began, or the last of them came."""

    rule: SupertrendRule
    legs: tuple[tuple[Symbol, Decimal], ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """A close that turned the trend; `line` is what it passed, `at` its candle's end."""

    close: Decimal
    line: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """The trend after the newest candle that everything looked at has; `at` is its end."""

    close: Decimal
    trend: Trend
    at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    line: Line | None
    turn: Turn | None


def closed(candles: Sequence[Candle], interval: str, day: Day | None, read_at: datetime) -> list[Candle]:
    """Those that were over, and settled, when they were read. `day` is the session of that moment, None without one."""
    if day is None:
        return list(candles)
    day = anchored(day, interval, candles)
    return [one for one in candles if one.start < day.opens or bar_end(interval, day, one.start) + SETTLED <= read_at]


def look(watch: TrendWatch, candles: Mapping[Symbol, Sequence[Candle]]) -> Look:
    """`candles` are closed ones of every symbol looked at, ascending."""
    interval = watch.rule.timeframe
    bars = _bars(watch, candles)
    trends = supertrend(bars, watch.rule.period, watch.rule.multiplier)
    length, wanted = length_of(interval), WANTED[watch.rule.when]
    line = Line(bars[-1].close, trends[-1], bars[-1].start + length) if bars and trends[-1] is not None else None
    since = _since(watch, bars)
    for bar, before, after in zip(bars[1:], trends, trends[1:], strict=False):
        if before is None or after is None or bar.start + length <= since:
            continue
        if after.direction is wanted and before.direction is not wanted:
            passed = after.upper if wanted is Direction.UP else after.lower
            return Look(line, Turn(bar.close, passed, bar.start + length))
    return Look(line, None)


def _since(watch: TrendWatch, bars: Sequence[Candle]) -> datetime:
    """A history that begins after the run did begins with a guess of the trend, and the first turn of it may only put
    that right: what turned in its older half was looked at when it happened."""
    is_cut = bool(bars) and bars[0].start > watch.since
    return bars[len(bars) // 2].start if is_cut else watch.since


def _bars(watch: TrendWatch, candles: Mapping[Symbol, Sequence[Candle]]) -> Sequence[Candle]:
    legs = [(candles.get(symbol, ()), weight) for symbol, weight in watch.legs]
    if len(legs) == 1 and legs[0][1] == 1:
        return legs[0][0]
    return combine(legs)[0]


def due(interval: str, day: Day, now: datetime) -> datetime | None:
    """The start of the newest candle that must be there by now; None where the session has none yet."""
    moment = min(now - LATE, day.closes)
    if moment <= day.opens:
        return None
    running = bar_start(interval, day, moment) if moment < day.closes else None
    ended = (running or day.closes) - MOMENT
    return bar_start(interval, day, ended)


def missing(
    watch: TrendWatch, candles: Mapping[Symbol, Sequence[Candle]], day: Day, now: datetime
) -> tuple[datetime | None, list[Symbol]]:
    """The candle that must be there by now, and what has none of it."""
    interval = watch.rule.timeframe
    longest = max(candles.values(), key=len, default=())
    start = due(interval, anchored(day, interval, longest), now)
    if start is None or start + length_of(interval) <= watch.since:
        return start, []
    lacking = [
        symbol for symbol, _ in watch.legs if not any(one.start == start for one in reversed(candles.get(symbol, ())))
    ]
    return start, lacking
