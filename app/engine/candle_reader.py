"""Candles read from a venue: what somebody wants and what has grown old, one call at a time.

The server spaces such calls itself, so the next leaves when the last was answered; they never pass an account's lane,
and no order waits for one. However many look at a contract, one call feeds them all. What an exit or a waiting leg
goes by is always the next, and what nobody wishes any more is not read: the list of what is due is made anew each time.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from app.core.clock import INDIA
from app.core.errors import DeskError
from app.core.giving_way import giving_way
from app.engine.crew import Crew, Member
from app.feed.baskets import SeriesKey
from app.feed.candle_store import Series
from app.feed.candles import DAILY, SETTLED, SMALLEST, Day, Reading, aggregate, bar_start
from app.feed.sessions import day_at, day_of
from app.venues.port import Venue
from app.venues.types import Candle, Symbol
from app.wiring import Services

log = structlog.get_logger()

SPANS = {"1m": 4, "3m": 8, "5m": 14, "10m": 20, "15m": 30, "30m": 60, "1h": 90, DAILY: 400}  # days
LATEST = {DAILY: 7}  # days read again to bring a series up to date; else the running one
MOST_BARS = 2000
TRY_AGAIN = timedelta(seconds=15)
UNCOVERED = timedelta(seconds=15)  # how old the unfinished bar may be when no tick carries it on
AT_REST = timedelta(minutes=15)  # how often a closed market is looked at
ACCOUNTS_ASKED = 3
KIND = "openalgo"
NOBODY = "No account is connected and logged in that could give candles. Look at the accounts page."


class CandleReader:
    def __init__(
        self,
        services: Services,
        crew: Crew,
        traded: Callable[[Symbol], Decimal | None],
        told: Callable[[Series], None],
    ) -> None:
        """`traded` is the day's volume as the ticks have it, `told` hears of each reading, good or bad."""
        self._services = services
        self._crew = crew
        self._traded = traded
        self._told = told
        self._known: dict[SeriesKey, Series] = {}
        self._lock = threading.Lock()
        self._due: list[SeriesKey] = []
        self._reading: SeriesKey | None = None
        self._is_at_work = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="candles")

    def step(self, wanted: Iterable[SeriesKey], covered: Callable[[Symbol], datetime | None]) -> None:
        """Read what is due. `covered` says since when ticks of a symbol are made into bars without a gap."""
        keys = list(dict.fromkeys([*self._services.candles.urgent(), *wanted]))
        found = {one.key: one for one in self._services.candles.read([key for key in keys if key not in self._known])}
        with self._lock:  # nothing is taken meanwhile, or it would stand among the due again
            self._known = {key: self._known[key] if key in self._known else found[key] for key in keys}
            due = [key for key in keys if self._is_due(self._known[key], covered(key.symbol))]
            self._due = [key for key in due if key != self._reading]
            if self._due and not self._is_at_work:
                self._is_at_work = True
                self._pool.submit(self._work)

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                self._read(key)
            except Exception:  # not even the failure could be kept: the others are read all the same
                log.exception("candles_not_kept", series=str(key))

    def _next(self) -> SeriesKey | None:
        with self._lock:
            self._reading = self._due.pop(0) if self._due else None
            self._is_at_work = self._reading is not None
            return self._reading

    def close(self) -> None:
        with self._lock:
            self._due = []
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_due(self, series: Series, covered: datetime | None) -> bool:
        now = self._services.clock.now()
        calendar = self._services.instruments.calendar(now)
        return is_due(series, day_at(calendar, series.key.symbol.exchange, now), now, covered)

    def _read(self, key: SeriesKey) -> None:
        try:
            with giving_way():
                self._try_to_read(key)
        except Exception:  # the pool would swallow it; whoever wants it asks again
            log.exception("candles_not_read", series=str(key))
            self._fail(key, "The desk could not read the candles. The log has the details.")

    def _try_to_read(self, key: SeriesKey) -> None:
        said: list[str] = []
        for member in ranked(self._crew)[:ACCOUNTS_ASKED]:
            began = self._services.clock.now()
            try:
                candles = self._ask(member.venue, self._services.candles.read([key])[0], began)
            except DeskError as error:
                said.append(error.message)
                continue
            reading = Reading(began, self._traded(key.symbol))
            self._services.candles.keep(key, candles, reading)
            self._tell(Series(key, candles, reading, began))
            return
        self._fail(key, " ".join(dict.fromkeys(said)) or NOBODY)

    def _fail(self, key: SeriesKey, trouble: str) -> None:
        self._services.candles.fail(key, trouble)
        self._tell(self._services.candles.read([key])[0])

    def _tell(self, series: Series) -> None:
        with self._lock:
            self._known[series.key] = series
        self._told(series)

    def _ask(self, venue: Venue, known: Series, now: datetime) -> list[Candle]:
        """The whole span the first time of a day, then only what may have changed."""
        today, interval = now.astimezone(INDIA).date(), known.key.interval
        is_new = known.reading is None or known.reading.at.astimezone(INDIA).date() != today
        days = SPANS[interval] if is_new else LATEST.get(interval, 0)
        found = self._history(venue, known.key, now, days)
        earlier = [] if is_new else [one for one in known.candles if not found or one.start < found[0].start]
        return [*earlier, *found][-MOST_BARS:]

    def _history(self, venue: Venue, key: SeriesKey, now: datetime, days: int) -> list[Candle]:
        """A venue that has no such interval gives minutes, and they are put together here."""
        end = now.astimezone(INDIA).date()
        try:
            return venue.history(key.symbol, key.interval, end - timedelta(days), end)
        except DeskError as error:
            if key.interval in (SMALLEST, DAILY) or "interval" not in error.message.lower():
                raise
        minutes = venue.history(key.symbol, SMALLEST, end - timedelta(min(days, SPANS[SMALLEST])), end)
        calendar = self._services.instruments.calendar(now)
        return aggregate(minutes, key.interval, lambda moment: day_of(calendar, key.symbol.exchange, moment))


def is_due(series: Series, day: Day | None, now: datetime, covered: datetime | None) -> bool:
    """Whether a wanted series is to be read: never before, a bar ended since, or nobody carries its last bar on."""
    if series.trouble and series.tried_at is not None and now - series.tried_at < TRY_AGAIN:
        return False
    if series.reading is None:
        return True
    at = series.reading.at
    start = bar_start(series.key.interval, day, now) if day is not None else None
    if start is not None:
        is_ended = at < start + SETTLED <= now
        return is_ended or (now - at > UNCOVERED and (covered is None or covered > at))
    if day is not None and now >= day.closes + SETTLED:
        return at < day.closes + SETTLED
    return now - at > AT_REST


def ranked(crew: Crew) -> list[Member]:
    """Primaries first, then by rank: candles are the same whoever asks."""
    able = [one for one in crew if one.account.venue_kind == KIND and not one.needs_login]
    return sorted(able, key=lambda one: (not one.account.is_primary, one.account.failover_rank, one.account.id))
