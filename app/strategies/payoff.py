"""What legs that hang on one underlying are worth over its price: on a supposed day, and when the first of them
expires. Pure. What is assumed on the way `payoff_world` names; the chance of a profit is that of a lognormal price
around the forward, with the volatility at the money.

Where everything has expired on the first day but futures and equities, the payoff is a chain of straight lines: its
kinks, break-evens and extremes are then exact. An option that lives on bends it: the same are then found by halving,
to a hundredth. Amounts are in currency for all units, before charges; greeks in currency by a point of the underlying
(delta; gamma: by a point again), a calendar day (theta) and a percentage point of volatility (vega).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from statistics import NormalDist

import numpy as np

from app.core.money import ZERO
from app.portfolio.black76 import Floats, years_until
from app.strategies.payoff_world import (
    GREEKS,
    Greeks,
    LegFigures,
    Market,
    PayoffLeg,
    Supposed,
    World,
    figure_of,
    money_of,
)

POINTS = 80  # of the drawn curve, besides its kinks
DENSE = 1500  # where a bent payoff is searched for zeros and extremes
HALVINGS = 60
SIGMAS = 2.5  # of the drawn range
USUAL_REACH = 0.1  # of the price, where no volatility is known
STEPS = (Decimal(1), Decimal(2), Decimal(5))


@dataclass(frozen=True, slots=True)
class Extreme:
    """The most or the least there can be, and at which price; an `amount` of None is unlimited."""

    amount: Decimal | None
    at: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """`today` is None where a leg can't be priced before it expires."""

    price: Decimal
    today: Decimal | None
    expiry: Decimal


@dataclass(frozen=True, slots=True)
class Payoff:
    """`expires` is the first expiry (None: nothing expires); `spot` as supposed; `premium` what options brought in less
    what they cost; `chance` of a profit at expiry, 0 to 1."""

    expires: datetime | None
    at: datetime
    spot: Decimal
    points: Sequence[Point]
    max_profit: Extreme
    max_loss: Extreme
    breakevens: Sequence[Decimal]
    chance: Decimal | None
    greeks: Greeks
    legs: Sequence[LegFigures]
    now: Decimal | None
    premium: Decimal
    is_exact: bool


Curve = Callable[[Floats], Floats]


def payoff(legs: Sequence[PayoffLeg], market: Market, supposed: Supposed, booked: Decimal = ZERO) -> Payoff | None:
    """`booked` is profit that is realised already. None where nothing can be said: an option outlives the first expiry
    and means no volatility, or a future or an equity has no price."""
    world = World(legs, market, supposed, booked)
    if not world.can_expire:
        return None
    line = _line(world)
    zeros = _zeros_of_line(line) if line else _zeros(world.at_expiry, _dense(world))
    drawn = _drawn(world, zeros)
    now = world.profit_now(float(world.spot))
    return Payoff(
        expires=world.expires,
        at=world.at,
        spot=world.spot,
        points=_points(world, drawn, line),
        max_profit=_extreme(world, line, 1),
        max_loss=_extreme(world, line, -1),
        breakevens=zeros,
        chance=_chance(world, zeros),
        greeks=_total(world.figures),
        legs=world.figures,
        now=now,
        premium=sum((-leg.units * leg.entry for leg in legs if leg.is_option), ZERO),
        is_exact=line is not None,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """Exact profit at each knot, the first at a price of zero; behind the last it goes on by `slope` a point."""

    knots: Sequence[tuple[Decimal, Decimal]]
    slope: Decimal


def _line(world: World) -> _Line | None:
    """The payoff of the first expiry, where no option outlives it."""
    if world.lives_on:
        return None
    prices = [ZERO, *world.strikes]
    return _Line([(price, _exactly(world, price)) for price in prices], _slope(world))


def _exactly(world: World, spot: Decimal) -> Decimal:
    total = world.booked
    for leg in world.legs:
        if leg.is_option:
            ahead = spot - leg.strike if leg.is_call else leg.strike - spot
            unit = max(ahead, ZERO)
        else:
            unit = spot + Decimal(str(round(world.distance(leg, world.last_day), 8)))
        total += leg.units * (unit - leg.entry)
    return total


def _slope(world: World) -> Decimal:
    """Above every strike: whole units, whatever was assumed."""
    return sum((leg.units for leg in world.legs if leg.kind != "PE"), ZERO)


def _zeros_of_line(line: _Line) -> list[Decimal]:
    found = [price for price, profit in line.knots if not profit and price]
    for (low, at_low), (high, at_high) in pairwise(line.knots):
        if at_low * at_high < 0:
            found.append(low + (high - low) * at_low / (at_low - at_high))
    last, at_last = line.knots[-1]
    if line.slope * at_last < 0:
        found.append(last - at_last / line.slope)
    return sorted(found)


# -- bent ones


def _dense(world: World) -> Floats:
    """Prices close enough to each other that nothing happens between two of them."""
    top = float(max([world.spot, *world.strikes]))
    strikes = [float(strike) for strike in world.strikes]
    return np.unique(np.concatenate([np.linspace(0.0, 2 * top, DENSE), strikes, [world.far]]))


def _zeros(curve: Curve, prices: Floats) -> list[Decimal]:
    profits = curve(prices)
    changes = np.nonzero(profits[:-1] * profits[1:] < 0)[0]
    low, high = prices[changes], prices[changes + 1]
    starts = np.sign(profits[changes])
    for _ in range(HALVINGS if len(changes) else 0):
        middle = (low + high) / 2
        same = np.sign(curve(middle)) == starts
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    found = [*((low + high) / 2), *prices[profits == 0]]
    return sorted({money_of(price) for price in found if price > 0})


def _extreme(world: World, line: _Line | None, sign: int) -> Extreme:
    """`sign` 1: the most there can be; -1: the least."""
    if sign * _slope(world) > 0:
        return Extreme(None)
    if line is not None:
        price, profit = max(line.knots, key=lambda knot: (sign * knot[1], -abs(knot[0] - world.spot)))
        return Extreme(profit, price)
    prices = _dense(world)
    for _ in range(3):  # closer and closer around the best
        profits = sign * world.at_expiry(prices)
        best = int(np.argmax(profits))
        around = prices[max(0, best - 1)], prices[min(len(prices) - 1, best + 1)]
        at, amount = prices[best], sign * profits[best]
        prices = np.unique(np.concatenate([np.linspace(*around, DENSE), [at]]))
    return Extreme(money_of(amount), money_of(at))


def _chance(world: World, zeros: Sequence[Decimal]) -> Decimal | None:
    volatility, expires = world.at_the_money, world.expires
    years = years_until(expires, world.at) if expires else 0.0
    if volatility is None or expires is None or not years:
        return None
    forward = float(world.forward(np.array([float(world.spot)]), expires, world.at)[0])
    spread = volatility * math.sqrt(years)
    if forward <= 0:
        return None
    normal = NormalDist(math.log(forward) - spread**2 / 2, spread)
    edges = [0.0, *map(float, zeros), world.far]
    below = [0.0, *(normal.cdf(math.log(edge)) for edge in edges[1:-1]), 1.0]
    middles = np.array([(low + high) / 2 for low, high in pairwise(edges)])
    gains = world.at_expiry(middles) > 0
    return figure_of(sum(b - a for (a, b), gain in zip(pairwise(below), gains, strict=True) if gain))


# -- what is drawn


def _drawn(world: World, zeros: Sequence[Decimal]) -> list[Decimal]:
    """Round prices around all that matters, with the kinks themselves."""
    spot, volatility = float(world.spot), world.at_the_money
    years = years_until(world.expires, world.market.now) if world.expires else 0.0
    reach = spot * (max(SIGMAS * volatility * math.sqrt(years), 0.01) if volatility and years else USUAL_REACH)
    near = [float(price) for price in (*world.strikes, *zeros) if abs(float(price) - spot) < 0.5 * spot]
    low, high = min([spot - reach, *near]), max([spot + reach, *near])
    margin = 0.06 * (high - low)
    low, high = max(0.0, low - margin), high + margin
    step = step_of(Decimal(str((high - low) / POINTS)))
    first, last = int(Decimal(str(low)) / step), math.ceil(Decimal(str(high)) / step)
    kinks = [price for price in (*world.strikes, *zeros, world.spot) if first * step <= price <= last * step]
    return sorted({*(step * number for number in range(first, last + 1)), *kinks})


def step_of(least: Decimal) -> Decimal:
    """The next round one: 1, 2 or 5 of a power of ten."""
    power = Decimal(10) ** least.adjusted()
    return next((power * step for step in STEPS if power * step >= least), power * 10)


def _points(world: World, drawn: Sequence[Decimal], line: _Line | None) -> list[Point]:
    prices = np.array([float(price) for price in drawn])
    today = world.today(prices)
    if line is not None:
        expiry = [_exactly(world, price) for price in drawn]
    else:
        expiry = [money_of(profit) for profit in world.at_expiry(prices)]
    return [
        Point(price, None if today is None else money_of(today[number]), expiry[number])
        for number, price in enumerate(drawn)
    ]


def _total(figures: Sequence[LegFigures]) -> Greeks:
    return Greeks(*(_sum([getattr(one.greeks, name) for one in figures]) for name in GREEKS))


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if len(known) == len(values) else None
