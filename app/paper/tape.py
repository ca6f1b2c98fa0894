"""What one contract has traded at: its price at a place, its candles, and the figures of its day.

Invariant: candles, the day's high and low, and the prices of the steps tell one story. Prices follow the spot alone
inside a minute (time to expiry and volatility stand still for it), so a minute's high and low come from the spot's;
minutes in which something was moved by hand are priced step by step.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from app.paper.noise import Floats
from app.paper.paths import Bars, Path
from app.paper.pricing import ARRAY, SHORTEST, YEAR_SECONDS, Terms
from app.paper.sessions import Place, Sessions

NEVER = 1 << 62


class DayFigures(NamedTuple):
    ltp: float
    open: float
    high: float
    low: float
    prev_close: float


@dataclass(frozen=True, slots=True)
class Source:
    """What a contract's price is made of.

    `exchange` is the one whose hours it keeps, `volatility` the index under its surface (options only),
    `expiry_tick` the first step at which it no longer trades.
    """

    terms: Terms
    exchange: str
    spot: Path
    volatility: Path | None = None
    expiry_tick: int = NEVER


class Tape:
    def __init__(self, source: Source, sessions: Sessions) -> None:
        self.terms, self.exchange, self.spot = source.terms, source.exchange, source.spot
        self.expiry_tick = source.expiry_tick
        self._volatility, self._sessions = source.volatility, sessions
        self._day = -1
        self._paths = [path for path in (source.spot, source.volatility) if path]
        self._versions = [0 for _ in self._paths]
        self._absorbed = 0
        self._open = self._high = self._low = self._prev_close = 0.0

    def place(self, tick: int) -> Place:
        return self._sessions.place(self.exchange, min(tick, self.expiry_tick - 1))

    def figures(self, tick: int) -> DayFigures:
        """Figures of the day up to the tick. After expiry: the settlement, nothing but intrinsic value."""
        place = self.place(tick)
        self._advance(place)
        high, low = self._minute_range(place)
        ltp = self.price(place) if tick < self.expiry_tick else self._settlement(place)
        high, low = max(self._high, high, ltp), min(self._low, low, ltp)
        return DayFigures(ltp, self._open, high, low, self._prev_close)

    def price(self, place: Place) -> float:
        return float(self.terms.price(self.spot.price(place), self.years(place), self.level(place)))

    def years(self, place: Place) -> float:
        """Time to expiry at the start of the minute."""
        steps = self.expiry_tick - self._sessions.tick(self.exchange, place._replace(step=0))
        return max(steps * (self._sessions.step_ms / 1000) / YEAR_SECONDS, SHORTEST)

    def level(self, place: Place) -> float:
        """The volatility index under the surface at that place, as a fraction."""
        if self._volatility is None:
            return 0.0
        return float(self._volatility.held(place.day, place.minute)[place.step]) / 100.0

    def length(self, day: int) -> int:
        return self._sessions.last(self.exchange, day).minute + 1

    def bars(self, day: int, first: int, last: int) -> Bars:
        """Candles of the minutes `first` up to (without) `last`."""
        spot = self.spot.bars(day)
        ordered = spot if self.terms.rises else Bars(spot.open, spot.low, spot.high, spot.close)
        grid = np.stack([column[first:last] for column in ordered])
        levels = self._volatility.opens(day)[first:last] / 100.0 if self._volatility else 0.0
        bars = Bars(*self.terms.price(grid, self._years(day, first, last), levels, ARRAY))
        for minute in self._moved(day):
            if first <= minute < last:
                self._price_step_by_step(bars, day, minute, minute - first)
        return bars

    def running_bar(self, place: Place) -> tuple[float, float, float, float]:
        """The candle of the minute so far: open, high, low, close."""
        high, low = self._minute_range(place)
        return self.price(place._replace(step=0)), high, low, self.price(place)

    def _price_step_by_step(self, bars: Bars, day: int, minute: int, index: int) -> None:
        prices = self._steps(Place(day, minute, self._sessions.steps_per_minute - 1))
        values = (prices[0], prices.max(), prices.min(), prices[-1])
        for column, value in zip(bars, values, strict=True):
            column[index] = value

    def _steps(self, place: Place) -> Floats:
        """Prices of the steps of a minute up to the place."""
        spots = self.spot.minute(place.day, place.minute).prices[: place.step + 1]
        held = self._volatility.held(place.day, place.minute) if self._volatility else np.zeros_like(spots)
        levels = held[: place.step + 1] / 100.0
        years = np.full_like(spots, self.years(place))
        return np.asarray(self.terms.price(spots, years, levels, ARRAY))

    def _minute_range(self, place: Place) -> tuple[float, float]:
        if place.minute in self._moved(place.day):
            prices = self._steps(place)
            return float(prices.max()), float(prices.min())
        minute = self.spot.minute(place.day, place.minute)
        years, level = self.years(place), self.level(place)
        ends = [self.terms.price(float(side[place.step]), years, level) for side in (minute.high, minute.low)]
        return max(ends), min(ends)

    def _moved(self, day: int) -> frozenset[int]:
        moved = self.spot.moved_minutes(day)
        return moved | self._volatility.moved_minutes(day) if self._volatility else moved

    def _years(self, day: int, first: int, last: int) -> Floats:
        start = self._sessions.tick(self.exchange, Place(day, 0, 0))
        minutes = np.arange(first, last) * self._sessions.steps_per_minute
        seconds = (self.expiry_tick - start - minutes) * (self._sessions.step_ms / 1000)
        return np.asarray(np.maximum(seconds / YEAR_SECONDS, SHORTEST))

    def _settlement(self, place: Place) -> float:
        return float(self.terms.price(self.spot.price(place), SHORTEST, self.level(place)))

    def _advance(self, place: Place) -> None:
        """Take the minutes before the place into the day's figures."""
        versions = [path.version for path in self._paths]
        if place.day != self._day or place.minute < self._absorbed or self._is_rewritten(versions):
            self._begin(place.day)
        self._versions = versions
        if self._absorbed < place.minute:
            bars = self.bars(place.day, self._absorbed, place.minute)
            self._high = max(self._high, float(bars.high.max()))
            self._low = min(self._low, float(bars.low.min()))
            self._absorbed = place.minute

    def _is_rewritten(self, versions: list[int]) -> bool:
        """Whether a move was made in minutes already taken in: after hours it changes the session's last price."""
        changes = zip(self._paths, versions, self._versions, strict=True)
        return any(new != old and path.last_moved(self._day) < self._absorbed for path, new, old in changes)

    def _begin(self, day: int) -> None:
        self._day, self._absorbed = day, 0
        self._open = self.price(Place(day, 0, 0))
        self._high = self._low = self._open
        before = self._sessions.before(self.exchange, day)
        self._prev_close = self.price(self._sessions.last(self.exchange, before))
