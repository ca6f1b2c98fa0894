"""Charts that are open: bars of the running session from the ticks, joined with what the venue told, at 4 Hz.

Only contracts that a page draws are made into bars, and only while it draws them. A chart is told its last two bars,
so that the end of one is never lost, and when its history was read, so that the page fetches it then.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.core.clock import epoch_ms
from app.core.money import ZERO, plain
from app.core.stepping import Stepping
from app.engine.candle_reader import CandleReader
from app.engine.crew import Crew
from app.engine.market import Market
from app.feed.baskets import Basket, SeriesKey, parse_basket
from app.feed.candle_store import Series
from app.feed.candles import DAILY, Reading, TickBars, anchored, combine, merge
from app.feed.sessions import day_at
from app.venues.types import Candle, FeedMode, Quote, Symbol
from app.wiring import Services

TICK = 0.25  # seconds
LASTS = 15.0  # seconds; three of the web's beats
LOOK_EVERY = 1.0  # for wishes whose nudge was lost
MOST_CHARTS = 200
TAIL = 2  # bars told
EVERYONE = "*"
NEVER = Reading(datetime.min.replace(tzinfo=UTC))


@dataclass(slots=True)
class _Followed:
    bars: TickBars
    since: datetime


@dataclass(frozen=True, slots=True)
class _Tail:
    """The end of a history, and the volume of the session before it."""

    series: Series
    bars: Sequence[Candle]
    earlier: Decimal


class Charts(Stepping):
    def __init__(self, services: Services, crew: Crew, market: Market) -> None:
        super().__init__("charts", TICK)
        self._services = services
        self._clock = services.clock
        self._market = market
        self._reader = CandleReader(services, crew, self._traded, self._told)
        self._lock = threading.Lock()
        self._holders: dict[str, tuple[Basket, float]] = {}
        self._followed: dict[Symbol, _Followed] = {}
        self._tails: dict[SeriesKey, _Tail] = {}
        self._touched: set[Symbol] = set()
        self._wanted: list[SeriesKey] = []
        self._look_at = 0.0
        market.hub.listen(self._note)

    def stop(self) -> None:
        super().stop()
        self._reader.close()

    # -- from any thread

    def look_soon(self) -> None:
        """Somebody wants candles."""
        self._look_at = 0.0

    def watch(self, payload: dict[str, Any]) -> None:
        """The nudge "chart": {"holder", "chart": a basket's key}, renewed while a page is open; no chart ends it."""
        holder, basket = str(payload.get("holder", "")), parse_basket(str(payload.get("chart", "")))
        symbols = [symbol for symbol, _ in basket.legs] if basket else []
        now = self._clock.now()
        with self._lock:
            if basket is None:
                self._holders.pop(holder, None)
            elif holder in self._holders or len(self._holders) < MOST_CHARTS:
                self._holders[holder] = (basket, self._clock.monotonic() + LASTS)
                self._touched.update(symbols)
                for symbol in symbols:
                    self._followed.setdefault(symbol, _Followed(TickBars(), now))
        names = [str(symbol) for symbol in symbols]
        self._market.watch({"holder": f"chart-{holder}", "symbols": names, "mode": FeedMode.QUOTE.value})

    def _note(self, quote: Quote) -> None:
        followed = self._followed.get(quote.symbol)
        if followed is None:
            return
        day = day_at(self._services.instruments.calendar(quote.received_at), quote.symbol.exchange, quote.received_at)
        if day is None:
            return
        with self._lock:
            if followed.bars.take(quote, day):
                self._touched.add(quote.symbol)

    def _traded(self, symbol: Symbol) -> Decimal | None:
        quote = self._market.hub.newest(symbol)
        return quote.volume if quote else None

    def _told(self, series: Series) -> None:
        with self._lock:
            if series.key in self._tails or series.key.symbol in self._followed:
                self._tails[series.key] = self._tail(series)
                self._touched.add(series.key.symbol)

    # -- one turn

    def step(self) -> None:
        baskets = self._open_charts()
        self._reader.step([*(key for one in baskets for key in one.series), *self._wishes()], self._covered)
        self._load([key for one in baskets for key in one.series])
        with self._lock:
            touched, self._touched = self._touched, set()
            due = [one for one in baskets if not touched.isdisjoint(symbol for symbol, _ in one.legs)]
            cells = {f"bar:{one.key}": cell for one in due if (cell := self._cell(one)) is not None}
        if cells:
            self._services.link.send("tick", {"owner": EVERYONE, "cells": cells})

    def _open_charts(self) -> list[Basket]:
        """Each once; what nobody draws any more is let go."""
        now = self._clock.monotonic()
        with self._lock:
            self._holders = {name: (one, until) for name, (one, until) in self._holders.items() if until > now}
            baskets = {one.key: one for one, _ in self._holders.values()}
            drawn = {key for one in baskets.values() for key in one.series}
            symbols = {key.symbol for key in drawn}
            self._followed = {symbol: one for symbol, one in self._followed.items() if symbol in symbols}
            self._tails = {key: tail for key, tail in self._tails.items() if key in drawn}
        return list(baskets.values())

    def _wishes(self) -> list[SeriesKey]:
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._wanted = self._services.candles.wanted()
        return self._wanted

    def _covered(self, symbol: Symbol) -> datetime | None:
        followed = self._followed.get(symbol)
        return followed.since if followed else None

    def _load(self, keys: Sequence[SeriesKey]) -> None:
        """What was read before anybody drew it."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._tails]
        if missing:
            found = self._services.candles.read(missing)
            with self._lock:
                for series in found:
                    self._tails.setdefault(series.key, self._tail(series))
                    self._touched.add(series.key.symbol)

    def _tail(self, series: Series) -> _Tail:
        bars = series.candles[-TAIL:]
        now = self._clock.now()
        day = day_at(self._services.instruments.calendar(now), series.key.symbol.exchange, now)
        if day is None or series.key.interval == DAILY:
            return _Tail(series, bars, ZERO)
        today = [one.volume for one in series.candles[:-TAIL] if one.start >= day.opens]
        return _Tail(series, bars, sum(today, ZERO))

    def _cell(self, basket: Basket) -> dict[str, Any] | None:
        """None while nothing is known of a leg."""
        tails = [self._tails.get(key) for key in basket.series]
        known = [tail for tail in tails if tail is not None and (tail.series.reading or tail.series.trouble)]
        if len(known) != len(tails):
            return None
        legs = [(self._newest(tail), weight) for tail, (_, weight) in zip(known, basket.legs, strict=True)]
        bars = legs[0][0] if basket.is_single else combine(legs)[0]
        quotes = [self._market.hub.newest(symbol) for symbol, _ in basket.legs]
        at = min((quote.received_at for quote in quotes if quote is not None), default=None)
        return {
            "v": plain(bars[-1].close) if bars else None,
            "k": "bars",
            "c": None,
            "at": epoch_ms(at) if at and all(quotes) else None,
            "bars": [_row(bar) for bar in bars[-TAIL:]],
            "read": max((epoch_ms(tail.series.tried_at) for tail in known if tail.series.tried_at), default=0),
        }

    def _newest(self, tail: _Tail) -> list[Candle]:
        """The last bars of a series as they stand now."""
        series, followed, now = tail.series, self._followed.get(tail.series.key.symbol), self._clock.now()
        day = day_at(self._services.instruments.calendar(now), series.key.symbol.exchange, now)
        if followed is None or day is None:
            return list(tail.bars)
        interval, reading = series.key.interval, series.reading or NEVER
        day = anchored(day, interval, tail.bars)
        live = followed.bars.bars(interval, day, tail.bars[0].start if tail.bars else None)
        return merge(tail.bars, live, interval, day, Reading(reading.at, reading.traded, tail.earlier))


def _row(bar: Candle) -> list[Any]:
    """Start in epoch seconds, then open, high, low, close and volume as decimal text."""
    figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
    return [int(bar.start.timestamp()), *map(plain, figures)]
