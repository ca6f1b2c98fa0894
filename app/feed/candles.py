"""Candles: bars of a fixed interval, made of ticks, of smaller bars, and of a venue's history. Pure.

A bar lies in one session and begins a whole number of intervals after its anchor: the session's opening (09:15 in
India), or wherever the venue's own bars of that day lie. The last bar of a session may be shorter. A daily bar is
dated midnight UTC of its trading day, as venues date it.

The last bar of a history is unfinished and overlaps the ticks: the two are joined, never added up.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from app.core.money import ZERO
from app.venues.types import Candle, Quote

MINUTES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60}
DAILY = "1D"
INTERVALS = (*MINUTES, DAILY)
SMALLEST = "1m"
LATE = timedelta(seconds=5)  # a venue's time is believed when it is so little older than our own
SETTLED = timedelta(seconds=5)  # so long after its end a venue's bar is what it stays


@dataclass(frozen=True, slots=True)
class Day:
    """A session: `anchor` is a moment at which a bar of every interval may begin."""

    day: date
    opens: datetime
    closes: datetime
    anchor: datetime

    def holds(self, moment: datetime) -> bool:
        return self.opens <= moment < self.closes


@dataclass(frozen=True, slots=True)
class LiveBar:
    """A bar made of ticks. `traded` is the day's volume at its newest tick and `began` at its oldest, in units; None
    where ticks carry none."""

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    opened_at: datetime
    newest_at: datetime
    traded: Decimal | None = None
    began: Decimal | None = None
    open_interest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """When a history was read, the day's volume as the ticks had it then, and the volume of those bars of the session
    that are not looked at."""

    at: datetime
    traded: Decimal | None = None
    earlier: Decimal = ZERO


def length_of(interval: str) -> timedelta:
    return timedelta(minutes=MINUTES[interval]) if interval in MINUTES else timedelta(days=1)


def midnight(day: date) -> datetime:
    """How daily bars are dated."""
    return datetime.combine(day, time(), UTC)


def bar_start(interval: str, day: Day, moment: datetime) -> datetime | None:
    """The start of the bar a moment falls in; None outside the session."""
    if not day.holds(moment):
        return None
    if interval == DAILY:
        return midnight(day.day)
    length = length_of(interval)
    start = day.anchor + (moment - day.anchor) // length * length
    return max(start, day.opens)


def bar_end(interval: str, day: Day, start: datetime) -> datetime:
    """When a bar of this session is over."""
    if interval == DAILY:
        return day.closes
    length = length_of(interval)
    after = day.anchor + ((start - day.anchor) // length + 1) * length
    return min(after, day.closes)


def anchored(day: Day, interval: str, history: Sequence[Candle]) -> Day:
    """The session with the venue's own bars as its measure."""
    if not history:
        return day
    newest = history[-1].start
    if interval == DAILY:
        return replace(day, day=max(day.day, newest.astimezone(UTC).date()))
    return replace(day, anchor=newest) if day.opens < newest < day.closes else day


def moment_of(quote: Quote) -> datetime:
    """When a price was made: the venue's time where it is close to ours, else when it came."""
    at = quote.at
    return at if at is not None and timedelta() <= quote.received_at - at <= LATE else quote.received_at


class TickBars:
    """One-minute bars of one symbol's running session, from ticks in whatever order they come."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._bars: dict[datetime, LiveBar] = {}
        self._last: tuple[Decimal, datetime | None, Decimal | None] | None = None

    def take(self, quote: Quote, day: Day) -> bool:
        """Whether a bar changed: not outside the session, nor for what was said before."""
        moment = moment_of(quote)
        start = bar_start(SMALLEST, day, moment)
        said = (quote.last, quote.at, quote.volume)
        if start is None or (quote.at is not None and said == self._last):
            return False
        self._last = said
        if day.day != self._day:
            self._day, self._bars = day.day, {}
        known = self._bars.get(start)
        self._bars[start] = _first(quote, start, moment) if known is None else _with_tick(known, quote, moment)
        return True

    @property
    def traded(self) -> Decimal | None:
        """The day's volume at the newest bar's end."""
        return self._bars[max(self._bars)].traded if self._bars else None

    def bars(self, interval: str, day: Day, since: datetime | None = None) -> list[LiveBar]:
        """Ascending, put together to an interval; `since` is the start of the first bar that is of interest."""
        grouped: dict[datetime, LiveBar] = {}
        for minute in sorted(one for one in self._bars if since is None or one >= since):
            start = bar_start(interval, day, minute)
            if start is not None:
                known, bar = grouped.get(start), self._bars[minute]
                grouped[start] = replace(bar, start=start) if known is None else _followed_by(known, bar)
        return list(grouped.values())


def _first(quote: Quote, start: datetime, moment: datetime) -> LiveBar:
    price = quote.last
    return LiveBar(start, price, price, price, price, moment, moment, quote.volume, quote.volume, quote.open_interest)


def _with_tick(bar: LiveBar, quote: Quote, moment: datetime) -> LiveBar:
    """A late tick widens the bar; only the newest closes it, only the oldest opens it."""
    price, is_newest, is_oldest = quote.last, moment >= bar.newest_at, moment < bar.opened_at
    traded, interest = quote.volume, quote.open_interest
    return LiveBar(
        start=bar.start,
        open=price if is_oldest else bar.open,
        high=max(bar.high, price),
        low=min(bar.low, price),
        close=price if is_newest else bar.close,
        opened_at=min(bar.opened_at, moment),
        newest_at=max(bar.newest_at, moment),
        traded=traded if is_newest and traded is not None else bar.traded,
        began=traded if is_oldest and traded is not None else bar.began,
        open_interest=interest if is_newest and interest is not None else bar.open_interest,
    )


def _followed_by(bar: LiveBar, later: LiveBar) -> LiveBar:
    return LiveBar(
        start=bar.start,
        open=bar.open,
        high=max(bar.high, later.high),
        low=min(bar.low, later.low),
        close=later.close,
        opened_at=bar.opened_at,
        newest_at=later.newest_at,
        traded=bar.traded if later.traded is None else later.traded,
        began=bar.began,
        open_interest=bar.open_interest if later.open_interest is None else later.open_interest,
    )


def merge(
    history: Sequence[Candle], live: Sequence[LiveBar], interval: str, day: Day, reading: Reading
) -> list[Candle]:
    """History as the venue told it, with what the ticks know since. What was settled when it was read stays as read,
    and a bar that the venue has none of by then is none: nothing traded in it.
    """
    bars = {candle.start: candle for candle in history}
    today = midnight(day.day) if interval == DAILY else day.opens
    traded = sum((candle.volume for candle in history if candle.start >= today), reading.earlier)
    before: Decimal | None = None
    for bar in live:
        known = bars.get(bar.start)
        if bar_end(interval, day, bar.start) + SETTLED > reading.at:
            volume = _volume(bar, known, before, traded - (known.volume if known else ZERO), reading, interval)
            traded += volume - (known.volume if known else ZERO)
            bars[bar.start] = _joined(bar, known, volume)
        before = bar.traded if bar.traded is not None else before
    return [bars[start] for start in sorted(bars)]


def _volume(
    bar: LiveBar, known: Candle | None, before: Decimal | None, earlier: Decimal, reading: Reading, interval: str
) -> Decimal:
    """What traded in a bar, from the day's volume at its end and at the end of the bar before it; where the ticks began
    in its middle, what the history had of it and what came since, or what the history had of the day before it; and
    where the history ended long before, only what the ticks saw."""
    so_far = known.volume if known else ZERO
    if bar.traded is None:
        return so_far
    if interval == DAILY:
        return bar.traded
    if before is not None:
        return max(so_far, _gain(before, bar.traded))
    if known is not None and reading.traded is not None:
        return so_far + _gain(reading.traded, bar.traded)
    is_near = reading.at >= bar.start - length_of(interval)
    return max(so_far, _gain(earlier if is_near else bar.began or bar.traded, bar.traded))


def _gain(before: Decimal, after: Decimal) -> Decimal:
    """A day's volume that fell by more than half began anew; one that fell a little is a venue's correction."""
    if after < before / 2:
        return after
    return max(ZERO, after - before)


def _joined(bar: LiveBar, known: Candle | None, volume: Decimal) -> Candle:
    if known is None:
        return Candle(bar.start, bar.open, bar.high, bar.low, bar.close, volume, bar.open_interest)
    return Candle(
        start=bar.start,
        open=known.open,
        high=max(known.high, bar.high),
        low=min(known.low, bar.low),
        close=bar.close,
        volume=volume,
        open_interest=known.open_interest if bar.open_interest is None else bar.open_interest,
    )


def aggregate(candles: Iterable[Candle], interval: str, day_of: Callable[[datetime], Day]) -> list[Candle]:
    """Smaller bars put together, ascending; `day_of` tells the session a bar lies in."""
    grouped: dict[datetime, Candle] = {}
    for candle in sorted(candles, key=lambda one: one.start):
        start = bar_start(interval, day_of(candle.start), candle.start) or candle.start
        known = grouped.get(start)
        grouped[start] = replace(candle, start=start) if known is None else _added(known, candle)
    return list(grouped.values())


def _added(bar: Candle, later: Candle) -> Candle:
    return Candle(
        start=bar.start,
        open=bar.open,
        high=max(bar.high, later.high),
        low=min(bar.low, later.low),
        close=later.close,
        volume=bar.volume + later.volume,
        open_interest=bar.open_interest if later.open_interest is None else later.open_interest,
    )


def combine(legs: Sequence[tuple[Sequence[Candle], Decimal]]) -> tuple[list[Candle], int]:
    """The premium of legs held together, one point per bar that every leg has: the sum of their closes times their
    weights (signed units per unit). High and low of a sum are not known, so all four prices are the close's. And how
    many bars were left out because a leg had none.
    """
    if not legs:
        return [], 0
    closes = [{candle.start: candle.close for candle in candles} for candles, _ in legs]
    every = set().union(*closes)
    shared = sorted(set(closes[0]).intersection(*closes[1:]))
    sums = [(start, _sum(closes, legs, start)) for start in shared]
    return [Candle(start, value, value, value, value, ZERO) for start, value in sums], len(every) - len(shared)


def _sum(
    closes: Sequence[dict[datetime, Decimal]], legs: Sequence[tuple[Sequence[Candle], Decimal]], start: datetime
) -> Decimal:
    return sum((close[start] * weight for close, (_, weight) in zip(closes, legs, strict=True)), ZERO)
