"""History: candles made from the same paths as the quotes, so a chart and the ticks tell one story.

A candle is a dict with timestamp, open, high, low, close, volume, oi; the timestamp is the start in epoch seconds,
aligned with the session (a daily candle: midnight UTC of its date, as OpenAlgo sends it). The running candle holds
what was seen up to now; nothing later is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.paper import calendar
from app.paper.liquidity import Activity
from app.paper.paths import Bars
from app.paper.sessions import Place, Sessions
from app.paper.tape import Tape

MINUTES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60}
DAILY = "D"
INTERVALS = (*MINUTES, DAILY)
LONGEST_DAYS = 400

FIELDS = ("timestamp", "open", "high", "low", "close", "volume", "oi")

Candle = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What history is wanted, and the place where the market stands."""

    interval: str
    start: date
    end: date
    now: Place


def history(tape: Tape, activity: Activity, sessions: Sessions, asked: Asked) -> list[Candle]:
    """Candles ascending by time. ValueError for an unknown interval; at most the last 400 days of what is asked."""
    if asked.interval not in INTERVALS:
        raise ValueError(f"interval must be one of {', '.join(INTERVALS)}")
    found: list[Candle] = []
    for day in _days(tape, sessions, asked):
        bars = _bars_seen(tape, day, asked.now)
        until = asked.now if day == asked.now.day else sessions.last(tape.exchange, day)
        turnover = _turnover(activity, sessions, tape, until)
        found += _grouped(bars, turnover, asked.interval, _start(sessions, tape, day))
    return found


def _days(tape: Tape, sessions: Sessions, asked: Asked) -> Iterator[int]:
    last = min(asked.end.toordinal(), asked.now.day)
    first = max(asked.start.toordinal(), last - LONGEST_DAYS)
    return (day for day in range(first, last + 1) if sessions.on(tape.exchange, day))


def _bars_seen(tape: Tape, day: int, now: Place) -> Bars:
    """Minute candles of a day; of the running day those up to now, the last one running."""
    if day != now.day:
        return tape.bars(day, 0, tape.length(day))
    done = tape.bars(day, 0, now.minute)
    running = tape.running_bar(now)
    return Bars(*(np.append(column, value) for column, value in zip(done, running, strict=True)))


class Turnover(NamedTuple):
    """Units traded in each minute, and the open interest at its end."""

    volumes: NDArray[np.int64]
    interests: list[int]


def _turnover(activity: Activity, sessions: Sessions, tape: Tape, until: Place) -> Turnover:
    length = tape.length(until.day)
    started = activity.volumes(until.day, length)[: until.minute + 1]
    traded = activity.volume(until, length, sessions.steps_per_minute)
    interests = [activity.open_interest(until.day, minute, length) for minute in range(until.minute + 1)]
    return Turnover(np.diff([*started, traded]), interests)


def _start(sessions: Sessions, tape: Tape, day: int) -> int:
    """Epoch seconds of the session's first step."""
    return sessions.tick(tape.exchange, Place(day, 0, 0)) * sessions.step_ms // 1000


def _grouped(bars: Bars, turnover: Turnover, interval: str, opened: int) -> list[Candle]:
    """Minute candles put together from the session's open on."""
    size = MINUTES.get(interval, len(bars.open))
    starts = np.arange(0, len(bars.open), size)
    ends = np.minimum(starts + size, len(bars.open)) - 1
    columns = (
        _times(starts, interval, opened),
        np.round(bars.open[starts], 2).tolist(),
        np.round(np.maximum.reduceat(bars.high, starts), 2).tolist(),
        np.round(np.minimum.reduceat(bars.low, starts), 2).tolist(),
        np.round(bars.close[ends], 2).tolist(),
        np.add.reduceat(turnover.volumes, starts).tolist(),
        [turnover.interests[end] for end in ends],
    )
    return [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=True)]


def _times(starts: NDArray[np.int64], interval: str, opened: int) -> list[int]:
    if interval == DAILY:
        return [calendar.as_utc_midnight(datetime.fromtimestamp(opened, calendar.IST).date())]
    return [int(minute) for minute in opened + starts * 60]
