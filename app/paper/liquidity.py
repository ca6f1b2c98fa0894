"""How much a contract trades and how its book looks: spread, ladder, volume, open interest.

Everything is a function of the contract, the place and the seed, so it is reproducible; quantities are whole lots.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from app.paper import noise
from app.paper.contracts import LISTING, OPTION_KINDS, Contract
from app.paper.noise import Floats
from app.paper.sessions import Place

WIDEST_HALF_SPREAD = 40  # ticks
LOTS_OF_A_LIQUID_INDEX = 2_500_000
TOP_LEVEL_LOTS = 9  # on the first level of the most liquid option at the money
SPREAD_OF_PRICE = {"EQ": 3e-5, "FUT": 2e-5, "CE": 2e-4, "PE": 2e-4}
QUIETEST_SHARE = 0.25  # of that, for the quietest contract: makers stand in far strikes too
SHORTEST_DAYS = 3.0


@dataclass(frozen=True, slots=True)
class Level:
    price: float
    quantity: int
    orders: int


@dataclass(frozen=True, slots=True)
class Depth:
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    total_buy: int
    total_sell: int
    last_quantity: int


NO_DEPTH = Depth((), (), 0, 0, 0)
_INDEX_ROWS = {row["name"]: row for row in LISTING["indices"]}
_SHARE_VOLUME = {row[0]: row[3] for row in LISTING["shares"]}


def deviations(contract: Contract, spot: float, days: float) -> float:
    """Distance of an option's strike from the spot, in deviations of the underlying until expiry."""
    if contract.kind not in OPTION_KINDS:
        return 0.0
    volatility = float(_INDEX_ROWS[contract.name]["volatility"])
    return math.log(float(contract.strike) / spot) / (volatility * math.sqrt(max(days, SHORTEST_DAYS) / 365.0))


def half_spread(contract: Contract, price: float, distance: float) -> int:
    """Ticks between the last price and each side; wider for dear and for far options."""
    if contract.kind == "INDEX":
        return 0
    ticks = 1 + abs(distance) * 0.7 + price * SPREAD_OF_PRICE[contract.kind] / float(contract.tick)
    return min(int(ticks), WIDEST_HALF_SPREAD)


def sides(contract: Contract, price: float, half: int) -> tuple[float, float]:
    """Bid and ask around a price; zeros for an index, which nobody can trade."""
    if not half:
        return 0.0, 0.0
    tick = float(contract.tick)
    return round(max(price - half * tick, tick), 2), round(price + half * tick, 2)


class Activity:
    """Volume and open interest of one contract. `distance` is its distance from the money when it was listed."""

    def __init__(self, contract: Contract, seed: int, distance: float, days: float) -> None:
        self._contract = contract
        self._stream = noise.key(seed, contract.exchange, contract.symbol, "activity")
        self._daily = _daily_volume(contract, distance, days)
        self._day = lru_cache(8)(self._make_day)

    def volume(self, place: Place, length: int, steps: int) -> int:
        """Units traded since the open, up to and with the place."""
        before = self._day(place.day, length)[place.minute : place.minute + 2]
        traded = before[0] + (before[1] - before[0]) * ((place.step + 1) / steps)
        lot = self._contract.lot_size
        return int(traded // lot) * lot

    def volumes(self, day: int, length: int) -> list[int]:
        """Units traded since the open at the start of each minute and at the close, as whole lots."""
        lot = self._contract.lot_size
        return [int(units) for units in np.floor(self._day(day, length) / lot) * lot]

    def open_interest(self, day: int, minute: int, length: int) -> int:
        if self._contract.expiry is None:
            return 0
        growth = 1 + 0.1 * self._draw(day) + 0.06 * minute / length
        return self._lots(self._daily * 0.15 * growth)

    def depth(self, place: Place, bid: float, ask: float, levels: int) -> Depth:
        if not bid:
            return NO_DEPTH
        start = (place.day * 1440 + place.minute) * 1000 + place.step
        step = max(float(self._contract.tick), round((ask - bid) / 4, 2) // 0.05 * 0.05)
        bids = [self._level(bid - i * step, start, i, 0) for i in range(levels) if bid - i * step > 0.001]
        asks = [self._level(ask + i * step, start, i, 1) for i in range(levels)]
        last = self._lots(self._contract.lot_size * (1 + 4 * self._uniform(start, 900)))
        return Depth(tuple(bids), tuple(asks), self._total(bids, start), self._total(asks, start + 1), last)

    def _level(self, price: float, start: int, index: int, side: int) -> Level:
        draw = self._uniform(start, 2 * index + side)
        quantity = self._lots(self._top_quantity() * (1 + index) * (0.6 + 0.8 * draw))
        return Level(round(price, 2), quantity, 1 + int(draw * 4 * (1 + index)))

    def _top_quantity(self) -> float:
        """Units on the first level; the square root of the turnover keeps quiet contracts tradable."""
        if self._contract.kind == "EQ":
            return self._daily / 20_000
        liquid = LOTS_OF_A_LIQUID_INDEX * 0.4 * self._contract.lot_size
        share = max(math.sqrt(self._daily / liquid), QUIETEST_SHARE)
        return TOP_LEVEL_LOTS * self._contract.lot_size * share

    def _total(self, side: list[Level], start: int) -> int:
        return self._lots(sum(level.quantity for level in side) * (8 + 4 * self._uniform(start, 950)))

    def _make_day(self, day: int, length: int) -> Floats:
        """Units traded since the open at each minute's start and at the close."""
        minutes = np.arange(length)
        shape = 1.0 + 1.5 * np.exp(-minutes / 25.0) + 1.2 * np.exp((minutes - length) / 25.0)
        weights = shape * np.exp(0.5 * noise.normals(self._stream, day * 1440, length))
        total = self._daily * math.exp(0.3 * self._draw(day))
        return np.concatenate([[0.0], np.cumsum(weights) * (total / float(weights.sum()))])

    def _draw(self, day: int) -> float:
        return 2.0 * self._uniform(day, 999) - 1.0

    def _uniform(self, counter: int, purpose: int) -> float:
        return noise.uniform(self._stream, counter * 1000 + purpose)

    def _lots(self, units: float) -> int:
        lot = self._contract.lot_size
        if units <= 0:
            return 0
        return max(int(units // lot), 1) * lot


def _daily_volume(contract: Contract, distance: float, days: float) -> float:
    if contract.kind == "INDEX":
        return 0.0
    if contract.kind == "EQ":
        return float(_SHARE_VOLUME[contract.name])
    units = _INDEX_ROWS[contract.name]["lots_a_day"] * contract.lot_size
    if contract.kind == "FUT":
        return float(units * 0.06 * math.exp(-days / 25.0))
    return float(units * 0.4 * math.exp(-0.2 * distance * distance - days / 20.0))
