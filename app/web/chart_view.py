"""A chart as its page, its table and the API show it: candles on record, the running bar from the stream, and how
they stand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from app.core.clock import epoch_ms
from app.core.money import plain
from app.feed.candle_store import Series
from app.feed.candles import DAILY, Day, anchored, bar_end, combine, length_of, midnight
from app.feed.sessions import day_at
from app.venues.types import Candle
from app.web import format as say
from app.web.chart_lines import Overlays, draw, points
from app.web.chart_marks import Mark, fills_on, marks
from app.web.chart_subject import Subject
from app.web.current import services
from app.web.stream import live

GRACE = timedelta(seconds=60)  # beyond its interval, until candles of an open market count as old
WORDS = {"1m": "1-minute", "3m": "3-minute", "5m": "5-minute", "10m": "10-minute", "15m": "15-minute",
         "30m": "30-minute", "1h": "hourly", DAILY: "daily"}  # fmt: skip


@dataclass(frozen=True)
class ChartView:
    """`state` is reading, none, ok, old or trouble; `missing` counts bars that a leg has none of."""

    subject: Subject
    owner_id: str
    series: Sequence[Series]
    now: datetime
    day: Day | None

    @property
    def interval(self) -> str:
        return self.subject.basket.interval

    @property
    def words(self) -> str:
        return f"{WORDS[self.interval]} {'candles' if self.subject.is_single else 'sums of closes'}"

    @cached_property
    def _told(self) -> tuple[list[Candle], int]:
        if self.subject.is_single:
            return list(self.series[0].candles), 0
        weights = [weight for _, weight in self.subject.basket.legs]
        return combine([(one.candles, weight) for one, weight in zip(self.series, weights, strict=True)])

    @cached_property
    def candles(self) -> list[Candle]:
        """Ascending, with the running bar as the stream has it."""
        told, key = self._told[0], self.subject.basket.key
        figure = live().hub.prices(["bar"], [key]).get(f"bar:{key}")
        newest = [_candle(row) for row in figure.raw["bars"]] if figure else []
        if not newest or figure is None or figure.raw["read"] < (epoch_ms(self.read_at) if self.read_at else 0):
            return told
        return [one for one in told if one.start < newest[0].start] + newest

    @property
    def missing(self) -> int:
        return self._told[1]

    @property
    def closed(self) -> list[Candle]:
        """Without the bar that is still running."""
        return self.candles[:-1] if self.is_running else self.candles

    @property
    def is_running(self) -> bool:
        """Whether the last bar is not over."""
        if not self.candles or self.day is None:
            return False
        last, day = self.candles[-1], anchored(self.day, self.interval, self.candles)
        is_today = last.start >= (midnight(self.day.day) if self.interval == DAILY else self.day.opens)
        return is_today and self.now < bar_end(self.interval, day, last.start)

    @property
    def read_at(self) -> datetime | None:
        """When the oldest of its series was read; None where one never was."""
        read = [one.reading.at if one.reading else None for one in self.series]
        return None if None in read else min(at for at in read if at is not None)

    @property
    def told(self) -> int:
        """When a venue was asked last, in milliseconds; 0: never. The stream tells the same of the running bar."""
        return max((epoch_ms(one.tried_at) for one in self.series if one.tried_at), default=0)

    @property
    def trouble(self) -> str:
        return " ".join(dict.fromkeys(one.trouble for one in self.series if one.trouble))

    @property
    def state(self) -> str:
        if self.trouble:
            return "trouble"
        if self.read_at is None:
            return "reading"
        if not self.candles:
            return "none"
        allowed = GRACE + (length_of(self.interval) if self.interval != DAILY else timedelta())
        is_open = self.day is not None and self.day.holds(self.now)
        return "old" if is_open and self.now - self.read_at > allowed and not self._is_carried_on else "ok"

    @property
    def _is_carried_on(self) -> bool:
        """Whether ticks have moved the last bar lately."""
        key = self.subject.basket.key
        figure = live().hub.prices(["bar"], [key]).get(f"bar:{key}")
        at = figure.raw["at"] if figure else None
        return at is not None and epoch_ms(self.now) - at < GRACE.total_seconds() * 1000

    @cached_property
    def marks(self) -> list[Mark]:
        candles = self.candles
        return marks(fills_on(self.owner_id, self.subject, candles[0].start), candles, self.subject) if candles else []

    @property
    def summary(self) -> str:
        """The chart in a sentence, for who can't see it."""
        candles = self.candles
        if not candles:
            return f"{self.subject.title}: no {self.words} to show."
        last, tick = candles[-1], self.subject.tick
        high, low = max(one.high for one in candles), min(one.low for one in candles)
        span = f"from {say.moment(candles[0].start)} to {say.moment(last.start)}"
        newest = f"The newest opened at {say.price(last.open, tick)} and stands at {say.price(last.close, tick)}"
        return (
            f"{self.subject.title}: {len(candles)} {self.words} {span}. {newest}. Highest"
            f" {say.price(high, tick)}, lowest {say.price(low, tick)}. {len(self.marks)} fills of yours."
        )


def read_chart(owner: str, subject: Subject) -> ChartView:
    """The engine is asked to keep it fresh for a while."""
    desk = services()
    now = desk.clock.now()
    series = desk.candles.want(subject.basket.series, owner)
    day = day_at(desk.instruments.calendar(now), subject.symbol.exchange, now)
    return ChartView(subject, owner, series, now, day)


def as_drawn(view: ChartView, wanted: Overlays) -> dict[str, Any]:
    """What the browser draws: prices as decimal text, times in epoch seconds."""
    allowed = wanted if view.subject.is_single else replace(wanted, chosen=[one for one in wanted.chosen if _sums(one)])
    closed = view.closed
    return {
        "key": view.subject.basket.key,
        "single": view.subject.is_single,
        "read": view.told,
        "tick": plain(view.subject.tick) if view.subject.tick else None,
        "bars": [_row(one) for one in view.candles],
        "lines": [{"label": one.label, "points": points(one, closed)} for one in draw(allowed, closed, view.interval)],
        "marks": [
            {"at": int(one.start.timestamp()), "side": one.side, "exit": one.is_exit, "text": one.text}
            for one in view.marks
        ],
    }


def _sums(name: str) -> bool:
    return name not in ("supertrend", "vwap")


def _row(one: Candle) -> list[Any]:
    return [
        int(one.start.timestamp()),
        *(plain(value) for value in (one.open, one.high, one.low, one.close, one.volume)),
    ]


def _candle(row: Sequence[Any]) -> Candle:
    at, *figures = row
    return Candle(datetime.fromtimestamp(at, UTC), *map(Decimal, figures))
