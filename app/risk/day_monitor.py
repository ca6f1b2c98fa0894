"""The profit of the day of accounts and desks, followed on every tick in the thread that received the price.

Only a price that brings a limit nearer is looked at closely, and then every price that the profit rests on must be
young enough: on an old one nothing is decided. Each limit is touched once in a day; acting is done by whoever is told.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from app.core.money import ZERO
from app.risk.day_rules import DayBound, DayRule
from app.risk.monitor import Seen
from app.risk.states import Extent
from app.venues.types import Quote, Symbol


@dataclass(frozen=True, slots=True)
class DayStake:
    """An account's, or a desk's, day so far. `cash` is the profit without what the held units are worth, None where a
    price of a fill is not known yet; `held` signed units; `peak` the best profit that was seen before. A day begins at
    nought, or where positions were carried into it (`carries`), at what is seen of it first."""

    extent: Extent
    owner_id: str
    name: str
    day: date  # in India
    cash: Decimal | None
    held: Mapping[Symbol, Decimal]
    bounds: tuple[DayBound, ...]
    peak: Decimal | None = None
    carries: bool = False


@dataclass(frozen=True, slots=True)
class DayTrigger:
    """A limit of the day was touched: `threshold` and `value` are profits of the day in currency."""

    stake: DayStake
    bound: DayBound
    threshold: Decimal
    value: Decimal
    peak: Decimal
    prices: tuple[Seen, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class DayStanding:
    """How a day is: for pages. `profit` is None while it is not known."""

    stake: DayStake
    profit: Decimal | None
    peak: Decimal | None
    oldest: datetime | None  # of the prices in it
    blind_since: datetime | None


@dataclass(slots=True)
class _Watch:
    stake: DayStake
    peak: Decimal | None
    over: frozenset[str]  # keys of the limits that were touched
    low: Decimal | None = None  # at or under which, and at or over which it is worth a closer look
    high: Decimal | None = None
    has_drawdown: bool = False
    prices: dict[Symbol, Decimal] = field(default_factory=dict)
    profit: Decimal | None = None
    oldest: datetime | None = None
    blind_since: datetime | None = None

    def take(self, symbol: Symbol, price: Decimal) -> bool:
        before = self.prices.get(symbol)
        self.prices[symbol] = price
        if self.profit is None or before is None:
            return True
        self.profit = profit = self.profit + self.stake.held[symbol] * (price - before)
        return (
            (self.low is not None and profit <= self.low)
            or (self.high is not None and profit >= self.high)
            or (self.has_drawdown and self.peak is not None and profit > self.peak)
        )

    @property
    def left(self) -> list[DayBound]:
        return [bound for bound in self.stake.bounds if bound.key not in self.over]

    def aim(self) -> None:
        """Where the nearest limits are; a new peak moves them."""
        peak, left = self.peak or ZERO, self.left
        self.low = max((one.at(peak) for one in left if one.rule is not DayRule.PROFIT), default=None)
        self.high = min((one.distance for one in left if one.rule is DayRule.PROFIT), default=None)
        self.has_drawdown = any(one.rule is DayRule.DRAWDOWN for one in left)


class DayMonitor:
    def __init__(
        self,
        fresh: Callable[[Symbol], Quote | None],
        act: Callable[[DayTrigger], None],
        keep: Callable[[DayStake, Decimal], None],
    ) -> None:
        """`fresh` gives the newest price that may decide something; `act` is told once of each limit that is touched,
        and `keep` of every new peak. Both are quick: they are called in the thread of the tick."""
        self._fresh = fresh
        self._act = act
        self._keep = keep
        self._lock = threading.Lock()
        self._watches: dict[Extent, _Watch] = {}
        self._by_symbol: dict[Symbol, tuple[_Watch, ...]] = {}

    def put(self, stakes: Iterable[DayStake], over: frozenset[str], now: datetime) -> None:
        """These are all that is watched; `over` names what was touched before. A peak that is known here to be higher
        stays, on the same day."""
        with self._lock:
            before = self._watches
            self._watches = {stake.extent: _watch(stake, before.get(stake.extent), over) for stake in stakes}
            self._index()
            triggers = [trigger for watch in self._watches.values() for trigger in self._look(watch, now)]
        self._tell(triggers)

    def on_quote(self, quote: Quote) -> None:
        """A trusted price, in the thread that received it."""
        watches = self._by_symbol.get(quote.symbol)
        if not watches:
            return
        triggers: list[DayTrigger] = []
        with self._lock:
            for watch in watches:
                if watch.take(quote.symbol, quote.last):
                    triggers += self._look(watch, quote.received_at)
        self._tell(triggers)

    def sweep(self, now: datetime) -> None:
        """What no tick brings: a price that grew old, one that is good again."""
        with self._lock:
            triggers = [trigger for watch in self._watches.values() for trigger in self._look(watch, now)]
        self._tell(triggers)

    def again(self, key: str) -> None:
        """What it leads to could not be written: it is tried with the next price."""
        with self._lock:
            for watch in self._watches.values():
                watch.over -= {key}
                watch.aim()

    def standings(self) -> list[DayStanding]:
        with self._lock:
            return [
                DayStanding(one.stake, one.profit, one.peak, one.oldest, one.blind_since)
                for one in self._watches.values()
            ]

    def _index(self) -> None:
        found: dict[Symbol, list[_Watch]] = defaultdict(list)
        for watch in self._watches.values():
            for symbol in watch.stake.held:
                found[symbol].append(watch)
        self._by_symbol = {symbol: tuple(watches) for symbol, watches in found.items()}

    def _look(self, watch: _Watch, now: datetime) -> list[DayTrigger]:
        """With exact figures over prices that are fresh, all of them."""
        stake = watch.stake
        quotes = [self._fresh(symbol) for symbol in stake.held]
        seen = tuple(Seen(quote.symbol, quote.last, quote.received_at) for quote in quotes if quote is not None)
        if stake.cash is None or len(seen) < len(quotes):
            watch.blind_since = watch.blind_since or now
            watch.profit = None  # the next price is looked at again
            return []
        watch.blind_since = None
        watch.prices = {each.symbol: each.price for each in seen}
        watch.oldest = min((each.at for each in seen), default=None)
        watch.profit = profit = sum((stake.held[each.symbol] * each.price for each in seen), stake.cash)
        peak = watch.peak if watch.peak is not None else profit if stake.carries else ZERO
        peak = max(peak, profit)
        if peak != watch.peak:
            watch.peak = peak
            self._keep(stake, peak)
        reached = [bound for bound in watch.left if bound.is_reached(profit, peak)]
        watch.over |= {bound.key for bound in reached}
        watch.aim()
        return [DayTrigger(stake, one, one.at(peak), profit, peak, seen, now) for one in reached]

    def _tell(self, triggers: Iterable[DayTrigger]) -> None:
        for trigger in triggers:
            self._act(trigger)


def _watch(stake: DayStake, before: _Watch | None, over: frozenset[str]) -> _Watch:
    """What is being acted upon already stays so: the rows may not say it yet."""
    known = before if before is not None and before.stake.day == stake.day else None
    peaks = [peak for peak in (stake.peak, known.peak if known else None) if peak is not None]
    watch = _Watch(stake, max(peaks, default=None), over | known.over if known else over)
    watch.blind_since = known.blind_since if known else None
    watch.aim()
    return watch
