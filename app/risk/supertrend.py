"""Supertrend over closed candles, as Pine's `ta.supertrend` computes it. Pure.

The average true range is Wilder's: seeded with the mean of the first `period` true ranges, the first of which is the
first candle's high less its low. The trend begins downwards at the candle that completes the seed. A band only moves
towards the price until a close has passed it. Never feed it a candle that is still running: its line would repaint.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from app.core.money import ZERO
from app.venues.types import Candle

PERIOD, FACTOR = 10, Decimal(3)


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Range:
    """Wilder's average true range on its way; `average` is None until `period` candles were seen."""

    period: int
    seen: int = 0
    total: Decimal = ZERO
    average: Decimal | None = None
    close: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """After one candle: `line` is the lower band while the trend is up, the upper while it is down."""

    direction: Direction
    lower: Decimal
    upper: Decimal
    close: Decimal

    @property
    def line(self) -> Decimal:
        return self.lower if self.direction is Direction.UP else self.upper


@dataclass(frozen=True, slots=True)
class State:
    range: Range
    trend: Trend | None = None


def start(period: int = PERIOD) -> State:
    """Before the first candle. ValueError for a period that is none."""
    if period < 1:
        raise ValueError("a period is at least 1")
    return State(Range(period))


def step(state: State, candle: Candle, factor: Decimal = FACTOR) -> State:
    """After one more closed candle; the trend is None until the range has its seed."""
    ranged = widen(state.range, candle)
    if ranged.average is None:
        return State(ranged)
    middle, reach = (candle.high + candle.low) / 2, factor * ranged.average
    return State(ranged, _follow(state.trend, middle - reach, middle + reach, candle.close))


def supertrend(candles: Iterable[Candle], period: int = PERIOD, factor: Decimal = FACTOR) -> list[Trend | None]:
    """The trend after each candle, ascending; None where there is none yet."""
    state, trends = start(period), []
    for candle in candles:
        state = step(state, candle, factor)
        trends.append(state.trend)
    return trends


def average_range(candles: Iterable[Candle], period: int) -> list[Decimal | None]:
    """Wilder's average true range after each candle."""
    ranged, found = start(period).range, []
    for candle in candles:
        ranged = widen(ranged, candle)
        found.append(ranged.average)
    return found


def widen(known: Range, candle: Candle) -> Range:
    """The range after one more candle."""
    true_range = _true_range(known.close, candle)
    if known.average is not None:
        average = (known.average * (known.period - 1) + true_range) / known.period
        return replace(known, average=average, close=candle.close)
    seen, total = known.seen + 1, known.total + true_range
    seed = total / known.period if seen == known.period else None
    return Range(known.period, seen, total, seed, candle.close)


def _true_range(before: Decimal | None, candle: Candle) -> Decimal:
    if before is None:
        return candle.high - candle.low
    return max(candle.high, before) - min(candle.low, before)


def _follow(before: Trend | None, lower: Decimal, upper: Decimal, close: Decimal) -> Trend:
    if before is None:
        return Trend(Direction.DOWN, lower, upper, close)
    if lower <= before.lower and before.close >= before.lower:
        lower = before.lower
    if upper >= before.upper and before.close <= before.upper:
        upper = before.upper
    if before.direction is Direction.DOWN:
        return Trend(Direction.UP if close > upper else Direction.DOWN, lower, upper, close)
    return Trend(Direction.DOWN if close < lower else Direction.UP, lower, upper, close)
