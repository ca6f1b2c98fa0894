"""Legs that hang on one underlying, in their market as it is supposed to be. Pure.

An option is worth what Black (1976) says at the volatility its price means now, moved by the supposed points; one whose
price means none takes that at the money. The forward keeps its distance to the spot, which runs off evenly until its
day, and so does a future's; an equity moves with the underlying point by point.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from app.core.money import ZERO
from app.portfolio.black76 import Floats, Setting, sensitivities, solve, worth, years_until

CENT = Decimal("0.01")
FAR = 4  # times the highest price that matters: there every option is worth its intrinsic value
GREEKS = ("delta", "gamma", "theta", "vega")
LEAST_VOLATILITY = 0.001


@dataclass(frozen=True, slots=True)
class PayoffLeg:
    """`kind` CE, PE, FUT or EQ; `units` signed, sold is negative; `entry` and `price` of one unit, when it was entered
    and now (None: not known); `expires` aware, None for what never does; `tick` the least step of its price.
    """

    kind: str
    units: Decimal
    entry: Decimal
    price: Decimal | None = None
    strike: Decimal = ZERO
    expires: datetime | None = None
    tick: Decimal = Decimal("0.05")

    @property
    def is_option(self) -> bool:
        return self.kind in ("CE", "PE")

    @property
    def is_call(self) -> bool:
        return self.kind == "CE"


@dataclass(frozen=True, slots=True)
class Market:
    """The underlying now. By expiry: what options of that day hang on, and their volatility at the money, a fraction a
    year. `rate` a fraction a year."""

    now: datetime
    spot: Decimal
    forwards: Mapping[datetime, float]
    volatility: Mapping[datetime, float]
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Supposed:
    """What if: at this time (None: now), the spot so many per cent away, all volatilities so many points higher."""

    at: datetime | None = None
    spot: Decimal = ZERO
    volatility: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Greeks:
    """None where a volatility is not known."""

    delta: Decimal | None
    gamma: Decimal | None
    theta: Decimal | None
    vega: Decimal | None


@dataclass(frozen=True, slots=True)
class LegFigures:
    """`volatility` a fraction a year; `is_assumed` says that it is the one at the money, not the leg's own. `now` is
    the leg's profit as supposed."""

    volatility: float | None
    is_assumed: bool
    greeks: Greeks
    now: Decimal | None


class World:
    """The legs in their market, as supposed."""

    def __init__(self, legs: Sequence[PayoffLeg], market: Market, supposed: Supposed, booked: Decimal) -> None:
        self.legs, self.market, self.booked = legs, market, booked
        self.expires = min((leg.expires for leg in legs if leg.expires), default=None)
        wanted = max(supposed.at or market.now, market.now)
        self.at = min(wanted, self.expires) if self.expires and self.expires > market.now else wanted
        self.spot = (market.spot * (1 + supposed.spot / 100)).quantize(CENT)
        self._shift = float(supposed.volatility) / 100
        solved = [_volatility(leg, market) for leg in legs]
        self.volatility = [None if v is None else max(v + self._shift, LEAST_VOLATILITY) for v, _ in solved]
        self.figures = [self._figures(number, is_assumed) for number, (_, is_assumed) in enumerate(solved)]

    @property
    def last_day(self) -> datetime:
        return self.expires or self.at

    @property
    def can_expire(self) -> bool:
        return all(self._can_price(number, self.last_day) for number in range(len(self.legs)))

    @property
    def lives_on(self) -> bool:
        """An option outlives the first expiry."""
        return any(leg.is_option and leg.expires and leg.expires > self.last_day for leg in self.legs)

    @property
    def strikes(self) -> list[Decimal]:
        return sorted({leg.strike for leg in self.legs if leg.is_option})

    @property
    def at_the_money(self) -> float | None:
        """The volatility of the first expiry, as supposed."""
        found = self.market.volatility.get(self.expires) if self.expires else None
        return None if found is None else max(found + self._shift, LEAST_VOLATILITY)

    @property
    def far(self) -> float:
        return FAR * float(max([self.spot, self.market.spot, *self.strikes]))

    def forward(self, spot: Floats, expires: datetime, at: datetime) -> Floats:
        """What is beyond interest of the distance between spot and forward runs off evenly."""
        left, whole = years_until(expires, at), years_until(expires, self.market.now)
        now, rate = float(self.market.spot), self.market.rate
        beyond = self.market.forwards.get(expires, now * math.exp(rate * whole)) - now * math.exp(rate * whole)
        return spot * math.exp(rate * left) + (beyond * left / whole if whole else 0.0)

    def worth(self, number: int, spot: Floats, at: datetime) -> Floats:
        """Of one unit of a leg."""
        leg = self.legs[number]
        if leg.is_option and leg.expires is not None:
            left = years_until(leg.expires, at)
            setting = Setting(1.0, left, self.market.rate)
            volatility = self.volatility[number] or 0.0
            return worth(setting, float(leg.strike), leg.is_call, volatility, self.forward(spot, leg.expires, at))
        return spot + self.distance(leg, at)

    def at_expiry(self, spot: Floats) -> Floats:
        return self._profit(spot, self.last_day)

    def today(self, spot: Floats) -> Floats | None:
        """As supposed; None where a leg can't be priced yet."""
        priceable = all(self._can_price(number, self.at) for number in range(len(self.legs)))
        return self._profit(spot, self.at) if priceable else None

    def profit_now(self, spot: float) -> Decimal | None:
        found = self.today(np.array([spot]))
        return None if found is None else money_of(found[0])

    def _profit(self, spot: Floats, at: datetime) -> Floats:
        total = np.full(len(spot), float(self.booked))
        for number, leg in enumerate(self.legs):
            total += float(leg.units) * (self.worth(number, spot, at) - float(leg.entry))
        return total

    def _can_price(self, number: int, at: datetime) -> bool:
        leg = self.legs[number]
        if leg.is_option:
            is_over = leg.expires is not None and leg.expires <= at
            return is_over or self.volatility[number] is not None
        return leg.price is not None or (leg.expires is not None and leg.expires <= at)

    def distance(self, leg: PayoffLeg, at: datetime) -> float:
        """Of a future or an equity to the spot."""
        distance = float((leg.price or self.market.spot) - self.market.spot)
        if leg.expires is None:
            return distance
        whole = years_until(leg.expires, self.market.now)
        return distance * years_until(leg.expires, at) / whole if whole else 0.0

    def _figures(self, number: int, is_assumed: bool) -> LegFigures:
        leg, volatility = self.legs[number], self.volatility[number]
        profit = None
        if self._can_price(number, self.at):
            unit = self.worth(number, np.array([float(self.spot)]), self.at)[0]
            profit = money_of(float(leg.units) * (unit - float(leg.entry)))
        return LegFigures(volatility, is_assumed, self._greeks(leg, volatility), profit)

    def _greeks(self, leg: PayoffLeg, volatility: float | None) -> Greeks:
        if not leg.is_option or leg.expires is None:
            return Greeks(leg.units, ZERO, ZERO, ZERO)
        if leg.expires <= self.at:
            return Greeks(ZERO, ZERO, ZERO, ZERO)
        if volatility is None:
            return Greeks(None, None, None, None)
        forward = float(self.forward(np.array([float(self.spot)]), leg.expires, self.at)[0])
        setting = Setting(forward, years_until(leg.expires, self.at), self.market.rate)
        found = sensitivities(setting, np.array([float(leg.strike)]), np.array([leg.is_call]), np.array([volatility]))
        return Greeks(*(figure_of(float(getattr(found, name)[0]) * float(leg.units)) for name in GREEKS))


def _volatility(leg: PayoffLeg, market: Market) -> tuple[float | None, bool]:
    """What the leg's price means, else what is at the money on its day, and then that it is assumed."""
    if not leg.is_option or leg.expires is None:
        return None, False
    forward = market.forwards.get(leg.expires)
    if forward and leg.price is not None:
        setting = Setting(forward, years_until(leg.expires, market.now), market.rate, float(leg.tick))
        prices = np.array([float(leg.price)])
        found = float(solve(setting, np.array([float(leg.strike)]), np.array([leg.is_call]), prices).volatility[0])
        if math.isfinite(found):
            return found, False
    return market.volatility.get(leg.expires), True


def money_of(value: float) -> Decimal:
    return Decimal(str(round(float(value), 2))).quantize(CENT) + 0  # never minus zero


def figure_of(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))
