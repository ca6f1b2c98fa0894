"""Option and future prices from one volatility surface; Black-76 with its greeks and implied volatility.

Invariants: call - put = forward - strike to half a tick, because the in-the-money side is made from the other one;
prices rise with the spot for futures and calls and fall for puts, whatever the volatility, which lets a candle be
made from the spot's high and low. The formulas are Black (1976), "The pricing of commodity contracts"; units as
OpenAlgo sends them: theta per calendar day, vega and rho per one percent.

The same formula runs on floats (one quote) and on arrays (a day of candles), `Maths` carrying the functions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from app.paper.noise import Floats

YEAR_SECONDS = 365 * 24 * 3600.0
SHORTEST = 60 / YEAR_SECONDS
WIDEST = 4.0  # the smile is flat beyond four deviations
CARRY = 0.055  # a year; indices carry at the interest rate less dividends
VOLATILITY_RANGE = (0.0001, 5.0)

OptionKind = Literal["CE", "PE"]


class Maths(NamedTuple):
    log: Callable[[Any], Any]
    sqrt: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    cdf: Callable[[Any], Any]
    rint: Callable[[Any], Any]
    maximum: Callable[[Any, Any], Any]
    minimum: Callable[[Any, Any], Any]


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _normal_cdf_of_array(x: Floats) -> Floats:
    scaled = (x / -math.sqrt(2.0)).ravel().tolist()
    return 0.5 * np.fromiter(map(math.erfc, scaled), np.float64, x.size).reshape(x.shape)


SCALAR = Maths(math.log, math.sqrt, math.exp, normal_cdf, round, max, min)
ARRAY = Maths(np.log, np.sqrt, np.exp, _normal_cdf_of_array, np.rint, np.maximum, np.minimum)


@dataclass(frozen=True, slots=True)
class Surface:
    """Volatility by strike and time of one underlying; `ratio` is its level relative to the volatility index."""

    ratio: float = 1.0
    skew: float = -0.12
    smile: float = 0.03
    front: float = 0.10
    front_days: float = 7.0

    def forward(self, spot: Any, years: Any) -> Any:
        return spot * (1.0 + CARRY * years)

    def at_the_money(self, index_level: Any, years: Any, maths: Maths = SCALAR) -> Any:
        """Volatility at the forward; short expiries carry a little more than the index's 30 days."""
        return index_level * self.ratio * (1.0 + self.front * maths.exp(years * (-365.0 / self.front_days)))

    def volatility(self, index_level: Any, strike: float, forward: Any, years: Any, maths: Maths) -> Any:
        level = self.at_the_money(index_level, years, maths)
        x = maths.log(strike / forward) / (level * maths.sqrt(years))
        x = maths.maximum(maths.minimum(x, WIDEST), -WIDEST)
        return level * (1.0 + self.skew * x + self.smile * x * x)


def to_tick(price: Any, tick: float, maths: Maths = SCALAR) -> Any:
    """Nearest multiple of the tick, at least one."""
    return maths.maximum(maths.rint(price / tick), 1) * tick


@dataclass(frozen=True, slots=True)
class Terms:
    """What turns a spot into a contract's price. `kind` as in `Contract`; `strike` 0 where there is none."""

    surface: Surface
    kind: str
    strike: float
    tick: float

    @property
    def rises(self) -> bool:
        """Whether the price rises with the spot."""
        return self.kind != "PE"

    def price(self, spot: Any, years: Any, index_level: Any, maths: Maths = SCALAR) -> Any:
        """A multiple of the tick. `index_level` is the volatility index as a fraction (0.134)."""
        if self.kind == "FUT":
            return to_tick(self.surface.forward(spot, years), self.tick, maths)
        if self.kind in {"CE", "PE"}:
            return self._option_price(self.surface.forward(spot, years), years, index_level, maths)
        return to_tick(spot, self.tick, maths)

    def _option_price(self, forward: Any, years: Any, index_level: Any, maths: Maths) -> Any:
        sigma = self.surface.volatility(index_level, self.strike, forward, years, maths)
        intrinsic_call = maths.maximum(forward - self.strike, 0.0)
        time_value = black76_call(forward, self.strike, years, sigma, maths) - intrinsic_call
        intrinsic = intrinsic_call if self.kind == "CE" else maths.maximum(self.strike - forward, 0.0)
        return to_tick(to_tick(time_value, self.tick, maths) + intrinsic, self.tick, maths)


def black76_call(forward: Any, strike: Any, years: Any, sigma: Any, maths: Maths = SCALAR) -> Any:
    """Undiscounted call."""
    deviation = sigma * maths.sqrt(years)
    d1 = maths.log(forward / strike) / deviation + 0.5 * deviation
    return forward * maths.cdf(d1) - strike * maths.cdf(d1 - deviation)


def black76(kind: str, forward: float, strike: float, years: float, sigma: float, rate: float = 0.0) -> float:
    call = float(black76_call(forward, strike, years, sigma))
    return math.exp(-rate * years) * (call if kind == "CE" else call - forward + strike)


class Greeks(NamedTuple):
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


def greeks(kind: str, forward: float, strike: float, years: float, sigma: float, rate: float = 0.0) -> Greeks:
    """Black-76 greeks: theta per calendar day, vega and rho per one percent."""
    root = math.sqrt(years)
    d1 = math.log(forward / strike) / (sigma * root) + 0.5 * sigma * root
    discount = math.exp(-rate * years)
    density = discount * math.exp(-0.5 * d1 * d1) / math.sqrt(2 * math.pi)
    price = black76(kind, forward, strike, years, sigma, rate)
    return Greeks(
        delta=discount * (normal_cdf(d1) if kind == "CE" else -normal_cdf(-d1)),
        gamma=density / (forward * sigma * root),
        theta=(rate * price - forward * density * sigma / (2 * root)) / 365.0,
        vega=forward * density * root / 100.0,
        rho=-years * price / 100.0,
    )


def implied_volatility(
    kind: str, price: float, forward: float, strike: float, years: float, rate: float = 0.0
) -> float:
    """Volatility that gives the price, by bisection; the lowest one when the price holds no time value."""
    low, high = VOLATILITY_RANGE
    for _ in range(60):
        middle = 0.5 * (low + high)
        if black76(kind, forward, strike, years, middle, rate) < price:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
