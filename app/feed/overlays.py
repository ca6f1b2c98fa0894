"""Lines that are drawn over candles. Pure; each gives one value per candle, None where there is none yet.

EMA is seeded with the mean of its first `length` closes; Bollinger's deviation is that of the whole population; VWAP
begins anew with each session and weighs (high + low + close) / 3 by the volume.
"""

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal

from app.core.money import ZERO
from app.venues.types import Candle

Line = list[Decimal | None]


def sma(values: Sequence[Decimal], length: int) -> Line:
    found: Line = []
    total = ZERO
    for index, value in enumerate(values):
        total += value
        if index >= length:
            total -= values[index - length]
        found.append(total / length if index >= length - 1 else None)
    return found


def ema(values: Sequence[Decimal], length: int) -> Line:
    share = Decimal(2) / (length + 1)
    found: Line = []
    average: Decimal | None = None
    for index, value in enumerate(values):
        if average is not None:
            average += share * (value - average)
        elif index == length - 1:
            average = sum(values[:length], ZERO) / length
        found.append(average)
    return found


def bollinger(values: Sequence[Decimal], length: int, width: Decimal) -> tuple[Line, Line, Line]:
    """Lower, middle and upper: `width` standard deviations from the simple average."""
    middle = sma(values, length)
    squares = sma([value * value for value in values], length)
    reach = [
        None if mean is None or square is None else width * max(ZERO, square - mean * mean).sqrt()
        for mean, square in zip(middle, squares, strict=True)
    ]
    lower = [None if mean is None or far is None else mean - far for mean, far in zip(middle, reach, strict=True)]
    upper = [None if mean is None or far is None else mean + far for mean, far in zip(middle, reach, strict=True)]
    return lower, middle, upper


def vwap(candles: Sequence[Candle], session_of: Callable[[Candle], Hashable]) -> Line:
    """None while nothing has traded in the session."""
    found: Line = []
    session: Hashable = None
    worth = volume = ZERO
    for candle in candles:
        if session_of(candle) != session:
            session, worth, volume = session_of(candle), ZERO, ZERO
        worth += (candle.high + candle.low + candle.close) / 3 * candle.volume
        volume += candle.volume
        found.append(worth / volume if volume else None)
    return found
