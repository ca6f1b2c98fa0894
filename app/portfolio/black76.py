"""What options say of volatility, and how they move: Black (1976) on the forward, a whole chain in one call. Pure.

Implied volatility comes from "Let's be rational" (Jäckel 2016), the greeks from the closed forms, both by fast-vollib.
Units: years of 365 days, rates and volatilities as fractions of one a year, continuously compounded; delta and gamma by
one point of the forward, theta by a calendar day, vega by one percentage point of volatility.

Where a price says nothing of volatility there is no figure at all (NaN in the arrays): at or below the intrinsic value,
less than a tick above it, beyond the most an option can be worth, no price, no time left.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import numpy as np
from fast_vollib import fast_black, get_all_greeks
from fast_vollib.jackel import jackel_iv_black
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)
TICK = 0.05
HIGHEST = 5.0  # 500 % a year: what says more is no volatility
NEAREST = 5  # strikes whose parity is looked at


@dataclass(frozen=True, slots=True)
class Setting:
    """What all options of one expiry share. `tick` is the least step of a price."""

    forward: float
    years: float
    rate: float = 0.0
    tick: float = TICK

    @property
    def discount(self) -> float:
        return math.exp(-self.rate * self.years)

    @property
    def is_priceable(self) -> bool:
        return self.forward > 0 and self.years > 0


@dataclass(frozen=True, slots=True)
class Solved:
    """One entry per option, NaN where nothing can be said."""

    volatility: Floats
    delta: Floats
    gamma: Floats
    theta: Floats
    vega: Floats


def years_until(expires: datetime, now: datetime) -> float:
    """To the minute; 0 from the last minute on."""
    return max(0, (expires - now) // MINUTE) * (MINUTE / YEAR)


def solve(setting: Setting, strikes: Floats, is_call: Flags, prices: Floats) -> Solved:
    """Implied volatility and greeks of each option; `prices` NaN where there is none."""
    volatility = np.full(len(strikes), np.nan)
    greeks = {name: volatility.copy() for name in ("delta", "gamma", "theta", "vega")}
    known = _speaking(setting, strikes, is_call, prices)
    if known.any():
        undiscounted = prices[known] / setting.discount
        found = jackel_iv_black(undiscounted, setting.forward, strikes[known], setting.years, is_call[known])
        volatility[known] = np.where((found > 0) & (found < HIGHEST), found, np.nan)
        known &= np.isfinite(volatility)
    if known.any():
        for name, values in _greeks(setting, strikes[known], is_call[known], volatility[known]).items():
            greeks[name][known] = values
    return Solved(volatility, **greeks)


def worth(setting: Setting, strike: float, is_call: bool, volatility: float, forwards: Floats) -> Floats:
    """What an option is worth at each of these forwards, whatever the setting's own. With no time left that is its
    intrinsic value."""
    ahead = forwards - strike if is_call else strike - forwards
    found = np.maximum(ahead, 0.0)
    known = forwards > 0  # at zero a call is worth nothing, and a put its strike
    if setting.years > 0 and volatility > 0 and known.any():
        priced = fast_black(
            "c" if is_call else "p", forwards[known], strike, setting.years, setting.rate, volatility,
            return_as="numpy", backend="numpy",
        )  # fmt: skip
        found *= setting.discount
        found[known] = np.asarray(priced)
    return found


def sensitivities(setting: Setting, strikes: Floats, is_call: Flags, volatility: Floats) -> Solved:
    """The greeks at volatilities that are known; NaN where they are not, or where no time is left."""
    greeks = {name: np.full(len(strikes), np.nan) for name in ("delta", "gamma", "theta", "vega")}
    known = np.isfinite(volatility) & (volatility > 0)
    if setting.is_priceable and known.any():
        for name, values in _greeks(setting, strikes[known], is_call[known], volatility[known]).items():
            greeks[name][known] = values
    return Solved(volatility, **greeks)


def forward_by_parity(rows: Iterable[tuple[float, float, float]], discount: float) -> float | None:
    """Strike + (call - put) / discount where the two are nearest to each other: the median of a few such strikes, so
    that one old price moves nothing. `rows`: strike, call, put, NaN for an unknown price; None when no strike has both.
    """
    known = [row for row in rows if not any(map(math.isnan, row))]
    nearest = sorted(known, key=lambda row: abs(row[1] - row[2]))[:NEAREST]
    return median(strike + (call - put) / discount for strike, call, put in nearest) if nearest else None


def _speaking(setting: Setting, strikes: Floats, is_call: Flags, prices: Floats) -> Flags:
    """Which prices can be turned into a volatility."""
    if not setting.is_priceable:
        return np.zeros(len(strikes), dtype=bool)
    ahead = np.where(is_call, setting.forward - strikes, strikes - setting.forward)
    intrinsic = np.maximum(ahead, 0.0) * setting.discount
    most = np.where(is_call, setting.forward, strikes) * setting.discount
    least = intrinsic + np.where(ahead > 0, setting.tick, 0.0)
    with np.errstate(invalid="ignore"):
        return np.isfinite(prices) & (strikes > 0) & (prices > least) & (prices < most)


def _greeks(setting: Setting, strikes: Floats, is_call: Flags, volatility: Floats) -> dict[str, Floats]:
    found = get_all_greeks(
        np.where(is_call, "c", "p"), setting.forward, strikes, setting.years, setting.rate, volatility,
        model="black", return_as="numpy", backend="numpy",
    )  # fmt: skip
    return {name: np.asarray(found[name]) for name in ("delta", "gamma", "theta", "vega")}
