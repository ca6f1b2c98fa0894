"""The price path of one underlying, made on demand.

Three nested bridges of stateless noise: closes of days (a random walk pulled back to its base), minutes of a day,
steps of a minute. Any place can be asked for in any order and comes out the same for the same seed and first day.
Moves made by hand (pins and shifts) lie on top: each changes prices from its step on and nothing before it.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from app.paper import noise
from app.paper.noise import Floats
from app.paper.sessions import Place, Sessions

TRADING_DAYS = 252
PULL = 0.02  # share of the distance to the base that a day walks back
GAP = 0.25  # overnight gap, in daily deviations
WITHIN_DAY = 0.85  # deviation inside a day, in daily deviations
REMEMBERED_DAYS = 40
REMEMBERED_MINUTES = 4


class Bars(NamedTuple):
    """Open, high, low and close of each minute of a session, as arrays."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


class Minute(NamedTuple):
    """Prices of the steps of one minute, with the highest and lowest seen up to each."""

    prices: Floats
    high: Floats
    low: Floats


@dataclass(frozen=True, slots=True)
class Move:
    tick: int
    factor: float
    pinned: float | None = None

    def apply(self, raw: Floats) -> Floats:
        return raw * self.factor if self.pinned is None else np.full_like(raw, self.pinned)


UNMOVED = Move(tick=-(1 << 62), factor=1.0)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a path starts: the close before the first day, its yearly volatility, the exchange whose hours it keeps."""

    name: str
    base: float
    volatility: float
    exchange: str


class RawPath:
    """The path before anything was moved by hand, in prices; days are ordinals of its exchange's session days."""

    def __init__(self, origin: Origin, seed: int, sessions: Sessions) -> None:
        self._base, self._sessions, self._exchange = origin.base, sessions, origin.exchange
        self._deviation = origin.volatility / math.sqrt(TRADING_DAYS)
        self._day_stream, self._gap_stream, self._minute_stream, self._step_stream = (
            noise.key(seed, origin.name, level) for level in ("day", "gap", "minute", "step")
        )
        exchange = self._exchange
        self._closes = {sessions.before(exchange, sessions.first_day): 0.0}
        self._first = self._last = next(iter(self._closes))
        self._anchors = lru_cache(REMEMBERED_DAYS)(self._make_anchors)

    def steps(self, day: int, minute: int) -> Floats:
        return np.asarray(self._walk(day, minute, 1)[0])

    def bars(self, day: int) -> Bars:
        path = self._walk(day, 0, self._length(day))
        return Bars(path[:, 0].copy(), path.max(axis=1), path.min(axis=1), path[:, -1].copy())

    def opens(self, day: int) -> Floats:
        """Price of the first step of each minute; much cheaper than the bars."""
        return self._base * np.exp(self._anchors(day)[:-1])

    def _walk(self, day: int, first: int, minutes: int) -> Floats:
        """Prices of all steps of some minutes, one row a minute."""
        count = self._sessions.steps_per_minute
        anchors = self._anchors(day)[first : first + minutes + 1]
        start = (day * 1440 + first) * count
        hops = noise.normals(self._step_stream, start, minutes * count).reshape(minutes, count)
        walk = np.cumsum(hops, axis=1)
        share = np.arange(count) / count
        bridge = np.hstack([np.zeros((minutes, 1)), walk[:, :-1]]) - walk[:, -1:] * share
        scale = self._deviation * WITHIN_DAY / math.sqrt(self._length(day) * count)
        trend = anchors[:-1, None] + np.diff(anchors)[:, None] * share
        return np.asarray(self._base * np.exp(trend + bridge * scale))

    def _make_anchors(self, day: int) -> Floats:
        """Logarithms, relative to the base, at the start of each minute and at the end of the last."""
        length = self._length(day)
        gap = GAP * self._deviation * self._draw(self._gap_stream, day)
        opens = self._close(self._sessions.before(self._exchange, day)) + gap
        minutes = np.arange(length + 1)
        hops = noise.normals(self._minute_stream, day * 1440, length) * _liveliness(length)
        walk = np.concatenate([[0.0], np.cumsum(hops)]) * (self._deviation * WITHIN_DAY / math.sqrt(length))
        share = minutes / length
        return np.asarray(opens + (self._close(day) - opens) * share + walk - walk[-1] * share)

    def _close(self, day: int) -> float:
        """Logarithm of the day's close; the session before the first day closes at the base."""
        while day > self._last:
            following = self._following(self._last)
            self._closes[following] = self._closes[self._last] * (1 - PULL) + self._hop(following)
            self._last = following
        while day < self._first:
            before = self._sessions.before(self._exchange, self._first)
            self._closes[before] = self._closes[self._first] * (1 - PULL) - self._hop(self._first)
            self._first = before
        return self._closes[day]

    def _following(self, day: int) -> int:
        day += 1
        while self._sessions.on(self._exchange, day) is None:
            day += 1
        return day

    def _hop(self, day: int) -> float:
        return self._deviation * self._draw(self._day_stream, day)

    def _length(self, day: int) -> int:
        return self._sessions.last(self._exchange, day).minute + 1

    @staticmethod
    def _draw(stream: int, counter: int) -> float:
        return float(noise.normals(stream, counter, 1)[0])


def _liveliness(length: int) -> Floats:
    """How much each minute moves relative to the average: more after the open and before the close."""
    minutes = np.arange(length)
    shape = 1.0 + np.exp(-minutes / 20.0) + 0.5 * np.exp((minutes - length) / 20.0)
    return np.asarray(shape / math.sqrt(float(np.mean(shape * shape))))


class Path:
    """What the market shows: the raw path with the moves made by hand. `version` changes with each move."""

    def __init__(self, origin: Origin, seed: int, sessions: Sessions) -> None:
        raw = RawPath(origin, seed, sessions)
        self._raw, self._sessions, self.exchange = raw, sessions, origin.exchange
        self._moves: list[Move] = []
        self.version = 0
        self._raw_bars = lru_cache(REMEMBERED_DAYS)(raw.bars)
        self.bars = lru_cache(REMEMBERED_DAYS)(self._make_bars)
        self.opens = lru_cache(REMEMBERED_DAYS)(self._make_opens)
        self.minute = lru_cache(REMEMBERED_MINUTES)(self._make_minute)
        self.held = lru_cache(REMEMBERED_MINUTES)(self._make_held)

    def price(self, place: Place) -> float:
        return float(self.minute(place.day, place.minute).prices[place.step])

    def pin(self, place: Place, price: float | None) -> None:
        """Hold the price from this place on; None lets it walk on from where it stands, without a jump."""
        tick = self._sessions.tick(self.exchange, place)
        active = self._active(tick)
        if price is not None:
            self._add(Move(tick, active.factor, price))
        elif active.pinned is not None:
            raw = float(self._raw.steps(place.day, place.minute)[place.step])
            self._add(Move(tick, active.pinned / raw))

    def shift(self, place: Place, percent: float) -> None:
        tick = self._sessions.tick(self.exchange, place)
        active, ratio = self._active(tick), 1.0 + percent / 100.0
        pinned = None if active.pinned is None else active.pinned * ratio
        self._add(Move(tick, active.factor * ratio, pinned))

    def moved_minutes(self, day: int) -> frozenset[int]:
        """Minutes of that session in which a move was made."""
        if not self._moves:
            return frozenset()
        return frozenset((move.tick - self._first_tick(day)) // self._count for move in self._moves_on(day))

    def last_moved(self, day: int) -> int:
        """Minute of the newest move, counted from the start of that session; negative when it was made before."""
        return (self._moves[-1].tick - self._first_tick(day)) // self._count if self._moves else -1

    @property
    def _count(self) -> int:
        return self._sessions.steps_per_minute

    def _first_tick(self, day: int) -> int:
        return self._sessions.tick(self.exchange, Place(day, 0, 0))

    def _active(self, tick: int) -> Move:
        index = bisect_right(self._moves, tick, key=lambda move: move.tick)
        return self._moves[index - 1] if index else UNMOVED

    def _moves_on(self, day: int) -> list[Move]:
        first = self._first_tick(day)
        end = self._sessions.tick(self.exchange, self._sessions.last(self.exchange, day))
        return self._between(first, end)

    def _between(self, first: int, last: int) -> list[Move]:
        """Moves made from `first` to `last`, both included."""
        low = bisect_right(self._moves, first - 1, key=lambda move: move.tick)
        return self._moves[low : bisect_right(self._moves, last, key=lambda move: move.tick)]

    def _add(self, move: Move) -> None:
        if self._moves and self._moves[-1].tick >= move.tick:
            self._moves = [m for m in self._moves if m.tick < move.tick]
        self._moves.append(move)
        self.version += 1
        for cached in (self.bars, self.opens, self.minute, self.held):
            cached.cache_clear()

    def _moved(self, raw: Floats, first: int) -> Floats:
        """Prices of consecutive steps, from the tick `first`, with the moves applied."""
        prices = self._active(first).apply(raw)
        for move in self._between(first + 1, first + len(raw) - 1):
            prices[move.tick - first :] = move.apply(raw[move.tick - first :])
        return prices

    def _make_minute(self, day: int, minute: int) -> Minute:
        first = self._first_tick(day) + minute * self._count
        prices = self._moved(self._raw.steps(day, minute), first)
        return Minute(prices, np.maximum.accumulate(prices), np.minimum.accumulate(prices))

    def _make_held(self, day: int, minute: int) -> Floats:
        """The price of the minute's first step, as moved, for each step of that minute.

        What a surface depends on stands still inside a minute, so that options follow the spot alone.
        """
        raw = np.full(self._count, self._raw.opens(day)[minute])
        return self._moved(raw, self._first_tick(day) + minute * self._count)

    def _make_opens(self, day: int) -> Floats:
        raw, first = self._raw.opens(day), self._first_tick(day)
        prices = self._active(first).apply(raw)
        for move in self._moves_on(day):
            minute = -(-(move.tick - first) // self._count)
            prices[minute:] = move.apply(raw[minute:])
        return prices

    def _make_bars(self, day: int) -> Bars:
        raw, first = self._raw_bars(day), self._first_tick(day)
        active = self._active(first)
        columns = [active.apply(column) for column in raw]
        for move in self._moves_on(day):
            minute = (move.tick - first) // self._count
            for column, unmoved in zip(columns, raw, strict=True):
                column[minute + 1 :] = move.apply(unmoved[minute + 1 :])
        bars = Bars(*columns)
        for minute in self.moved_minutes(day):
            prices = self.minute(day, minute).prices
            values = (prices[0], prices.max(), prices.min(), prices[-1])
            for column, value in zip(bars, values, strict=True):
                column[minute] = value
        return bars
