"""The synthetic market: a clock, and for each contract a quote, a book, a band and candles at that clock's time.

Prices are a function of (seed, start, step, what was pinned or shifted by hand); nothing is computed that isn't asked
for. Prices change only from one step to the next, or at once when moved by hand. Safe to use from several threads.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import RLock
from typing import Any

from app.paper import calendar, candles
from app.paper.calendar import IST
from app.paper.contracts import LISTING, OPTION_KINDS, Contract, Universe
from app.paper.liquidity import Activity, Depth, Level, deviations, half_spread, sides
from app.paper.paths import Origin, Path
from app.paper.pricing import Surface, Terms
from app.paper.sessions import Place, Sessions
from app.paper.tape import NEVER, Source, Tape

__all__ = ["Depth", "Level", "Market", "Quote"]

BAND_PERCENT = 10.0
FLEX_PERCENT = 10.0
VOLATILITY_INDEX = LISTING["volatility_index"]["name"]


@dataclass(frozen=True, slots=True)
class Quote:
    """As OpenAlgo sends it: numbers, rounded to the tick; bid and ask are 0 for an index."""

    ltp: float
    bid: float
    ask: float
    open: float
    high: float
    low: float
    prev_close: float
    volume: int
    oi: int


@dataclass(slots=True)
class _Line:
    """What the market keeps of one contract that was asked for."""

    tape: Tape
    activity: Activity
    quote: Quote | None = None
    quoted_at: tuple[int, int] = (-1, -1)


class Market:
    """`speed` is market seconds per second; `monotonic` the clock it runs on. ValueError for wrong arguments."""

    def __init__(
        self,
        seed: int,
        start: datetime,
        speed: float = 1.0,
        sessions: str = "always",
        step_ms: int = 250,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self.seed, self.start, self.speed = seed, start.astimezone(IST), speed
        self._monotonic, self._began = monotonic, monotonic()
        self._start_ms = int(self.start.timestamp() * 1000)
        self._first_tick = self._start_ms // step_ms
        self.sessions = Sessions(sessions, self.start.date().toordinal(), step_ms)
        self.universe = Universe(self._listing_day(), self._listing_day)
        self._origins = _origins()
        self._surfaces = {row["name"]: Surface(ratio=row["smile_ratio"]) for row in LISTING["indices"]}
        self._paths: dict[str, Path] = {}
        self._lines: dict[int, _Line] = {}
        self._moves = 0
        self._lock = RLock()

    def now(self) -> datetime:
        """Market time in India."""
        return self.start + timedelta(seconds=(self._monotonic() - self._began) * self.speed)

    def _listing_day(self) -> date:
        """What expires before it is not listed. True exchanges list a series on the evening of its last day, and are
        closed; a market that is always open would go on trading what is dead."""
        now = self.now()
        _, closes = calendar.regular_hours("NFO", now.date())  # BFO closes at the same time
        is_over = self.sessions.always and now.hour * 60 + now.minute >= closes
        return now.date() + timedelta(days=is_over)

    def step(self) -> int:
        return self._tick() - self._first_tick

    def is_open(self, exchange: str) -> bool:
        return self.sessions.is_open(exchange, self._tick())

    def quote(self, c: Contract) -> Quote:
        with self._lock:
            line, key = self._line(c), (self._tick(), self._moves)
            if line.quote is None or line.quoted_at != key:
                line.quote, line.quoted_at = self._make_quote(c, line, key[0]), key
            return line.quote

    def depth(self, c: Contract, levels: int = 5) -> Depth:
        with self._lock:
            line, quote = self._line(c), self.quote(c)
            return line.activity.depth(line.tape.place(self._tick()), quote.bid, quote.ask, levels)

    def band(self, c: Contract) -> tuple[float, float]:
        """Lowest and highest price an order may have. It gives way when the market itself runs to its edge."""
        quote, tick = self.quote(c), float(c.tick)
        underlying = self.universe.underlying(c.name)
        reference = self.quote(underlying).prev_close if underlying else quote.prev_close
        reach = (reference if c.kind in OPTION_KINDS else quote.prev_close) * BAND_PERCENT / 100
        low = min(quote.prev_close - reach, quote.ltp * (1 - FLEX_PERCENT / 100))
        high = max(quote.prev_close + reach, quote.ltp * (1 + FLEX_PERCENT / 100))
        return round(max(math.floor(low / tick), 1) * tick, 2), round(math.ceil(high / tick) * tick, 2)

    def pin(self, name: str, price: float | None) -> None:
        """Hold an index or share at a price; None lets it walk on from there. INDIAVIX moves every option."""
        if price is not None and price <= 0:
            raise ValueError("price must be above 0")
        with self._lock:
            self._path(name).pin(self._place_of(name), price)
            self._moves += 1

    def shift(self, name: str, percent: float) -> None:
        """Jump an index or share by a percentage from now on."""
        if percent <= -100:
            raise ValueError("percent must be above -100")
        with self._lock:
            self._path(name).shift(self._place_of(name), percent)
            self._moves += 1

    def history(self, c: Contract, interval: str, start: date, end: date) -> list[dict[str, Any]]:
        """Candles from `start` to `end`, both included, up to now: see `candles.history`."""
        with self._lock:
            line = self._line(c)
            asked = candles.Asked(interval, start, end, line.tape.place(self._tick()))
            return candles.history(line.tape, line.activity, self.sessions, asked)

    def tape(self, c: Contract) -> Tape:
        return self._line(c).tape

    def _tick(self) -> int:
        elapsed = (self._monotonic() - self._began) * self.speed
        return (self._start_ms + int(elapsed * 1000)) // self.sessions.step_ms

    def _make_quote(self, c: Contract, line: _Line, tick: int) -> Quote:
        day = line.tape.figures(tick)
        place = line.tape.place(tick)
        ltp = round(day.ltp, 2)
        bid, ask = sides(c, ltp, half_spread(c, ltp, self._distance(c, line.tape, place)))
        length = line.tape.length(place.day)
        volume = line.activity.volume(place, length, self.sessions.steps_per_minute)
        interest = line.activity.open_interest(place.day, place.minute, length)
        opened, high, low, before = (round(price, 2) for price in day[1:])
        return Quote(ltp, bid, ask, opened, high, low, before, volume, interest)

    def _distance(self, c: Contract, tape: Tape, place: Place) -> float:
        if c.kind not in OPTION_KINDS:
            return 0.0
        return deviations(c, tape.spot.price(place), tape.years(place) * 365)

    def _line(self, c: Contract) -> _Line:
        if c.id not in self._lines:
            days = (c.expiry - self.start.date()).days if c.expiry else 0
            activity = Activity(c, self.seed, deviations(c, self._origins[c.name].base, days), days)
            self._lines[c.id] = _Line(Tape(self._source(c), self.sessions), activity)
        return self._lines[c.id]

    def _source(self, c: Contract) -> Source:
        terms = Terms(self._surfaces.get(c.name, Surface()), c.kind, float(c.strike), float(c.tick))
        volatility = self._path(VOLATILITY_INDEX) if c.kind in OPTION_KINDS else None
        return Source(terms, c.exchange, self._path(c.name), volatility, self._expiry_tick(c))

    def _expiry_tick(self, c: Contract) -> int:
        if c.expiry is None:
            return NEVER
        _, closes = calendar.regular_hours(c.exchange, c.expiry)
        return calendar.epoch_ms(c.expiry, closes) // self.sessions.step_ms

    def _path(self, name: str) -> Path:
        if name not in self._origins:
            raise ValueError(f"no underlying is called {name!r}")
        if name not in self._paths:
            self._paths[name] = Path(self._origins[name], self.seed, self.sessions)
        return self._paths[name]

    def _place_of(self, name: str) -> Place:
        underlying = self.universe.underlying(name)
        exchange = underlying.exchange if underlying else self._origins[name].exchange
        return self.sessions.place(exchange, self._tick())


def _origins() -> dict[str, Origin]:
    """An index keeps the hours of its derivatives, which trade on after the cash market."""
    rows = [(row["name"], row["price"], row["volatility"], row["derivatives"]) for row in LISTING["indices"]]
    vix = LISTING["volatility_index"]
    rows.append((vix["name"], vix["price"], vix["volatility"], "NFO"))
    rows += [(name, price, volatility, "NSE") for name, price, volatility, _ in LISTING["shares"]]
    return {row[0]: Origin(*row) for row in rows}
