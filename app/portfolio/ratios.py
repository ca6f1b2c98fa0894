"""Ratios of a series of daily results, by empyrical.

The library brings pandas with it, a second of work and many megabytes: it is loaded when somebody first asks, by
whoever asks, so that a process which shows no analytics never pays for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from math import isfinite
from typing import Any

PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of a year, two decimals; None where the series has no spread to divide by. The last three need a capital."""

    sharpe: Decimal | None = None
    sortino: Decimal | None = None
    volatility: Decimal | None = None  # per cent of the capital, of a year
    annual_return: Decimal | None = None  # per cent
    max_drawdown: Decimal | None = None  # per cent of the highest equity, negative


def ratios(daily: Sequence[Decimal], capital: Decimal | None = None) -> Ratios:
    """`daily` is each weekday's result in currency. Sharpe and Sortino are the same at any capital."""
    library, base = _library(), float(capital or 1)
    returns = library.array([float(result) / base for result in daily])
    stats = library.stats
    sharpe, sortino = _rounded(stats.sharpe_ratio(returns)), _rounded(stats.sortino_ratio(returns))
    if not capital:
        return Ratios(sharpe, sortino)
    return Ratios(
        sharpe,
        sortino,
        _rounded(100 * stats.annual_volatility(returns)),
        _rounded(100 * stats.annual_return(returns)),
        _rounded(100 * stats.max_drawdown(returns)),
    )


@dataclass(frozen=True, slots=True)
class _Library:
    stats: Any
    array: Any


@cache
def _library() -> _Library:
    return _Library(import_module("empyrical"), import_module("numpy").array)


def _rounded(value: float) -> Decimal | None:
    return Decimal(repr(float(value))).quantize(PLACES) if isfinite(value) else None
