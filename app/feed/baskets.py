"""What a chart shows: one contract, or several held together with their weights. Pure.

Spelled `5m:NFO:NIFTY…CE`, or `5m:NFO:NIFTY…CE*-1+NFO:NIFTY…PE*-1`; bars are streamed under that name.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from app.core.money import plain
from app.feed.candles import INTERVALS
from app.venues.types import Symbol

ONE = Decimal(1)
MOST_LEGS = 12
LEG = re.compile(r"([A-Z0-9_]{1,32}):([^\s:*+,\x00]{1,64})(?:\*(-?\d{1,9}(?:\.\d{1,6})?))?")


@dataclass(frozen=True, slots=True)
class SeriesKey:
    symbol: Symbol
    interval: str

    def __str__(self) -> str:
        return f"{self.interval}:{self.symbol}"


@dataclass(frozen=True, slots=True)
class Basket:
    """`legs` are contracts with signed weights, units per unit of the whole."""

    interval: str
    legs: tuple[tuple[Symbol, Decimal], ...]

    @classmethod
    def of(cls, symbol: Symbol, interval: str) -> "Basket":
        return cls(interval, ((symbol, ONE),))

    @property
    def is_single(self) -> bool:
        return len(self.legs) == 1 and self.legs[0][1] == ONE

    @property
    def series(self) -> list[SeriesKey]:
        return [SeriesKey(symbol, self.interval) for symbol, _ in self.legs]

    @property
    def key(self) -> str:
        if self.is_single:
            return str(self.series[0])
        spelled = "+".join(f"{symbol}*{plain(weight)}" for symbol, weight in self.legs)
        return f"{self.interval}:{spelled}"


def parse_basket(text: str) -> Basket | None:
    """The inverse of `key`; None for what is none."""
    interval, _, rest = text.partition(":")
    legs = [_leg(part) for part in rest.split("+")] if rest else []
    known = tuple(leg for leg in legs if leg is not None)
    if interval not in INTERVALS or not known or len(known) != len(legs) or len(legs) > MOST_LEGS:
        return None
    return Basket(interval, known)


def _leg(text: str) -> tuple[Symbol, Decimal] | None:
    found = LEG.fullmatch(text)
    if found is None:
        return None
    exchange, name, weight = found.groups()
    units = Decimal(weight) if weight else ONE
    return (Symbol(exchange, name), units) if units else None
