"""Every position with limits, watched on every tick: in the thread that received the price, in microseconds.

A stake is what a run, an account's part of it or a leg has at risk: the cash that went in and out, and what is held.
Its profit is followed tick by tick; only when it touches a bound is looked closer, and then every price it rests on
must be young enough. The monitor decides that something must be left, once; leaving is done by whoever it tells.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.core.money import ZERO
from app.risk.deltas import DeltaWatch
from app.risk.limits import Bounds, Reached
from app.risk.rules import Rule
from app.risk.trailing import Trailed, merge, ratchet
from app.risk.turning import TrendWatch
from app.venues.types import Quote, Symbol

PLACES = 4  # of a combined premium
AT_ONCE = 25  # looks that a tick may have to wait for


class Reach(StrEnum):
    """What is left when a stake touches its bound."""

    RUN = "run"
    PART = "part"
    LEG = "leg"


@dataclass(frozen=True, slots=True)
class Mark:
    """A price at which something is left, whatever its profit: the underlying's, mostly."""

    rule: Rule
    symbol: Symbol
    level: Decimal
    is_above: bool

    def is_reached(self, price: Decimal) -> bool:
        return price >= self.level if self.is_above else price <= self.level


@dataclass(frozen=True, slots=True)
class Stake:
    """`cash` is what came in less what went out, None where a price is not known yet; `held` signed units. `trend` and
    `delta` are watched elsewhere, off the ticks."""

    reach: Reach
    id: str  # of the run, the account run or the leg run
    run_id: str
    owner_id: str
    name: str
    cash: Decimal | None
    held: Mapping[Symbol, Decimal]
    bounds: Bounds
    trailed: Trailed = Trailed()
    until: datetime | None = None
    marks: tuple[Mark, ...] = ()
    trend: TrendWatch | None = None
    delta: DeltaWatch | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    symbol: Symbol
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A bound that was found touched off the ticks."""

    rule: Rule
    threshold: Decimal
    value: Decimal
    prices: tuple[Seen, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A bound was touched. `threshold` and `value` are profits in currency, or what the rule looks at: the combined
    premium, the underlying, a close and its line, a delta; none of both for a time that came. `says` names what was
    looked at, where the prices do not tell."""

    stake: Stake
    rule: Rule
    threshold: Decimal | None
    value: Decimal | None
    prices: tuple[Seen, ...]
    at: datetime
    says: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a stake is: for pages. `profit` is None while it is not known."""

    stake: Stake
    profit: Decimal | None
    stop: Decimal | None
    trailed: Trailed
    blind_since: datetime | None
    is_over: bool = False


@dataclass(slots=True)
class _Watch:
    stake: Stake
    trailed: Trailed
    stop: Reached | None = None
    target: Reached | None = None
    prices: dict[Symbol, Decimal] = field(default_factory=dict)
    profit: Decimal | None = None
    is_over: bool = False
    blind_since: datetime | None = None
    symbols: frozenset[Symbol] = frozenset()  # whose prices it rests on

    def is_due(self, now: datetime, stale: Collection[Symbol]) -> bool:
        """Whether it must be looked at though no price came."""
        has_time_come = self.stake.until is not None and now >= self.stake.until
        is_unclear = self.profit is None or self.blind_since is not None
        return not self.is_over and (has_time_come or is_unclear or not self.symbols.isdisjoint(stale))

    def take(self, symbol: Symbol, price: Decimal) -> bool:
        """Whether this price is worth a closer look."""
        if self.is_over:
            return False
        for mark in self.stake.marks:
            if mark.symbol == symbol and mark.is_reached(price):
                return True
        quantity = self.stake.held.get(symbol)
        return quantity is not None and self._moves(symbol, quantity, price)

    def _moves(self, symbol: Symbol, quantity: Decimal, price: Decimal) -> bool:
        before = self.prices.get(symbol)
        self.prices[symbol] = price
        if self.profit is None or before is None:
            return True
        self.profit = profit = self.profit + quantity * (price - before)
        return (
            (self.stop is not None and profit <= self.stop[0])
            or (self.target is not None and profit >= self.target[0])
            or (self.stake.bounds.trail is not None and profit > self.trailed.peak)
        )

    def touched(self, profit: Decimal) -> Reached | None:
        if self.stop is not None and profit <= self.stop[0]:
            return self.stop
        if self.target is not None and profit >= self.target[0]:
            return self.target
        return None


class Monitor:
    def __init__(
        self,
        fresh: Callable[[Symbol], Quote | None],
        leave: Callable[[Trigger], None],
        keep: Callable[[Stake, Trailed], None],
    ) -> None:
        """`fresh` gives the newest price that may decide something; `leave` is told once of what must be left, and
        `keep` of every stop that moved. Both are quick: they are called in the thread of the tick."""
        self._fresh = fresh
        self._leave = leave
        self._keep = keep
        self._lock = threading.Lock()
        self._watches: dict[tuple[Reach, str], _Watch] = {}
        self._by_symbol: dict[Symbol, tuple[_Watch, ...]] = {}

    def put(self, run_ids: Iterable[str] | None, stakes: Iterable[Stake], now: datetime) -> None:
        """These are all stakes of these runs, or of all; a stop that is known here to be higher stays."""
        with self._lock:
            runs = None if run_ids is None else set(run_ids)
            gone = {key: one for key, one in self._watches.items() if runs is None or one.stake.run_id in runs}
            new = {(stake.reach, stake.id): _watch(stake, gone.get((stake.reach, stake.id))) for stake in stakes}
            for key in gone:
                del self._watches[key]
            self._watches |= new
            self._index(gone.values(), new.values())
            triggers = [self._look(watch, now) for watch in new.values()]
        self._tell(triggers)

    def on_quote(self, quote: Quote) -> None:
        """A trusted price, in the thread that received it."""
        symbol, triggers = quote.symbol, []
        with self._lock:
            for watch in self._by_symbol.get(symbol, ()):
                if watch.take(symbol, quote.last):
                    triggers.append(self._look(watch, quote.received_at))
        if triggers:
            self._tell(triggers)

    def sweep(self, now: datetime) -> None:
        """What no tick brings: a time that came, a price that grew old, one that is good again. A few at a time: a
        tick that touches a bound does not wait for all of them."""
        with self._lock:
            watches, symbols = list(self._watches.values()), list(self._by_symbol)
        stale = {symbol for symbol in symbols if self._fresh(symbol) is None}
        due = [watch for watch in watches if watch.is_due(now, stale)]
        for start in range(0, len(due), AT_ONCE):
            with self._lock:
                triggers = [self._look(watch, now) for watch in due[start : start + AT_ONCE] if self._is_known(watch)]
            self._tell(triggers)

    def decide(self, stake: Stake, found: Found, now: datetime) -> bool:
        """Leave by what was seen off the ticks; False when it is left already, or no longer watched."""
        with self._lock:
            watch = self._watches.get((stake.reach, stake.id))
            if watch is None or watch.is_over:
                return False
            watch.is_over = True
            trigger = Trigger(watch.stake, found.rule, found.threshold, found.value, found.prices, now, found.says)
        self._tell([trigger])
        return True

    def again(self, stake: Stake) -> None:
        """Leaving could not be decided: it is tried with the next price, or the next sweep if none comes."""
        with self._lock:
            watch = self._watches.get((stake.reach, stake.id))
            if watch is not None:
                watch.is_over, watch.profit = False, None

    def standings(self) -> list[Standing]:
        with self._lock:
            return [
                Standing(
                    each.stake, each.profit, each.stop and each.stop[0], each.trailed, each.blind_since, each.is_over
                )
                for each in self._watches.values()
            ]

    def _is_known(self, watch: _Watch) -> bool:
        return self._watches.get((watch.stake.reach, watch.stake.id)) is watch

    def _index(self, gone: Iterable[_Watch], new: Iterable[_Watch]) -> None:
        """Only what changed: with many runs, indexing all anew would keep the ticks waiting."""
        for watch in gone:
            for symbol in watch.symbols:
                left = tuple(one for one in self._by_symbol[symbol] if one is not watch)
                if left:
                    self._by_symbol[symbol] = left
                else:
                    del self._by_symbol[symbol]
        for watch in new:
            for symbol in watch.symbols:
                self._by_symbol[symbol] = (*self._by_symbol.get(symbol, ()), watch)

    def _look(self, watch: _Watch, now: datetime) -> Trigger | None:
        """With exact figures over prices that are fresh, all of them."""
        if watch.is_over:
            return None
        stake = watch.stake
        if stake.until is not None and now >= stake.until:
            watch.is_over = True
            return Trigger(stake, Rule.TIME, None, watch.profit, (), now)
        marked = [(mark, self._fresh(mark.symbol)) for mark in stake.marks]
        for mark, quote in marked:
            if quote is not None and mark.is_reached(quote.last):
                watch.is_over = True
                return Trigger(stake, mark.rule, mark.level, quote.last, (_seen(quote),), now)
        quotes = [self._fresh(symbol) for symbol in stake.held]
        seen = tuple(_seen(quote) for quote in quotes if quote is not None)
        is_known = stake.cash is not None and len(seen) == len(quotes)
        is_blind = not is_known or any(quote is None for _, quote in marked)
        watch.blind_since = (watch.blind_since or now) if is_blind else None
        return self._look_at_profit(watch, seen, now) if is_known else None

    def _look_at_profit(self, watch: _Watch, seen: tuple[Seen, ...], now: datetime) -> Trigger | None:
        stake = watch.stake
        watch.prices = {each.symbol: each.price for each in seen}
        watch.profit = profit = sum((stake.held[each.symbol] * each.price for each in seen), stake.cash or ZERO)
        self._trail(watch, profit)
        reached = watch.touched(profit)
        if reached is None:
            return None
        watch.is_over = True
        (threshold, rule), value = reached, profit
        premium = stake.bounds.premium
        if premium is not None and rule in (Rule.PREMIUM_STOP, Rule.PREMIUM_TARGET):
            threshold, value = round(premium.at(threshold), PLACES), round(premium.at(profit), PLACES)
        return Trigger(stake, rule, threshold, value, seen, now)

    def _trail(self, watch: _Watch, profit: Decimal) -> None:
        terms = watch.stake.bounds.trail
        if terms is None:
            return
        after = ratchet(watch.trailed, profit, terms)
        if after != watch.trailed:
            watch.trailed = after
            watch.stop = watch.stake.bounds.stop_after(after)
            self._keep(watch.stake, after)

    def _tell(self, triggers: Iterable[Trigger | None]) -> None:
        for trigger in triggers:
            if trigger is not None:
                self._leave(trigger)


def _seen(quote: Quote) -> Seen:
    return Seen(quote.symbol, quote.last, quote.received_at)


def _watch(stake: Stake, before: _Watch | None) -> _Watch:
    """What is being left already stays so: the rows may not say it yet."""
    trailed = merge(stake.trailed, before.trailed) if before is not None else stake.trailed
    symbols = frozenset((*stake.held, *(mark.symbol for mark in stake.marks)))
    watch = _Watch(stake, trailed, stake.bounds.stop_after(trailed), stake.bounds.first_target, symbols=symbols)
    if before is not None:
        watch.is_over, watch.blind_since = before.is_over, before.blind_since
    return watch
