"""Ticks made of a minute's candle, the worst price first. Pure.

Nobody knows in which order a candle had its high and its low. Here what is sold rises first and what is bought falls
first, so that a stop is reached before a target of the same candle. The price stands for five seconds at a time, so
that it is always fresh; there is no book, so orders fill at it.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from app.strategies.legs import Leg
from app.venues.types import Candle, Quote, Symbol

EVERY = timedelta(seconds=5)
EACH = 3  # ticks of each of the four prices


def is_high_first(legs: Sequence[Leg], kind: str) -> bool:
    """For contracts of a kind, or INDEX and EQ for what they hang on: whether a rise hurts first. In doubt it does."""
    of_kind = [leg for leg in legs if leg.kind == kind]
    if of_kind:
        return any(leg.action == "SELL" for leg in of_kind)
    return not all(leg.gains_upwards for leg in legs)


def ticks_of(symbol: Symbol, candle: Candle, high_first: bool, traded: Decimal) -> list[Quote]:
    """`traded` is the day's volume by its end."""
    first, second = (candle.high, candle.low) if high_first else (candle.low, candle.high)
    path = (candle.open, first, second, candle.close)
    return [
        Quote(symbol, path[n // EACH], candle.start + n * EVERY, volume=traded, open_interest=candle.open_interest)
        for n in range(len(path) * EACH)
    ]
