"""The alerts that are on, in memory: a tick looks only at those whose outcome it can change.

Per symbol the marks of its alerts are sorted; a tick from one price to the next touches the alerts whose mark lies
between the two, so a thousand alerts on one symbol cost a tick two searches and nothing else. What fired is kept until
it is written; until then the alert rests, so one crossing is one firing whatever threads the ticks come in.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from app.alerts.rules import BEGINNING, Progress, Rule, Subject, look, marks
from app.core.clock import Clock
from app.venues.types import Quote, Symbol

PriceOf = Callable[[Symbol], Quote | None]
Opened = Callable[[str, datetime], bool]


@dataclass(slots=True)
class Watch:
    """One alert that is on. `busy`: it fired and that is not written yet. `moved`: its progress is not written yet."""

    alert_id: str
    owner_id: str
    version: int
    subject: Subject
    rule: Rule
    symbols: tuple[Symbol, ...] = ()  # of a spread both, the first minus the second
    ratio: Decimal = Decimal(1)
    account_id: str = ""
    progress: Progress = BEGINNING
    busy: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A price that went into a value; `at` is None for what depends on no price."""

    name: str
    price: Decimal
    at: datetime | None
    source: str


@dataclass(frozen=True, slots=True)
class Fired:
    watch: Watch
    value: Decimal
    before: Progress
    seen: tuple[Seen, ...]
    at: datetime


@dataclass(slots=True)
class _Line:
    """The alerts of one symbol."""

    levels: list[Decimal] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)  # as the levels stand
    always: list[Watch] = field(default_factory=list)  # any value can change these
    last: Decimal | None = None

    def touched(self, price: Decimal) -> Sequence[Watch]:
        """Those whose outcome this price can change."""
        last, self.last = self.last, price
        if last is None:
            return [*self.watches, *self.always]
        low, high = (last, price) if last <= price else (price, last)
        return [*self.watches[bisect_left(self.levels, low) : bisect_right(self.levels, high)], *self.always]


@dataclass(frozen=True, slots=True)
class Prices:
    """`newest` gives a quote that is young enough for a decision, or None; `is_open` says whether an exchange trades;
    `limit` is how old a price of a profit may be.
    """

    newest: PriceOf
    is_open: Opened
    limit: timedelta


class Board:
    def __init__(self, clock: Clock, prices: Prices, fired: Callable[[], object]) -> None:
        """`fired` is called, in the thread of the tick, when something is to be written."""
        self._clock = clock
        self._price_of = prices.newest
        self._is_open = prices.is_open
        self._limit = prices.limit
        self._tell = fired
        self._lock = threading.Lock()
        self._watches: dict[str, Watch] = {}
        self._lines: dict[Symbol, _Line] = {}
        self._accounts: dict[str, list[Watch]] = {}
        self._fired: list[Fired] = []

    def put(self, watches: Iterable[Watch]) -> None:
        """All that are on. One that did not change goes on from where it is here."""
        with self._lock:
            known = self._watches
            self._watches = {new.alert_id: _newer(known.get(new.alert_id), new) for new in watches}
            self._sort()

    @property
    def symbols(self) -> set[Symbol]:
        return set(self._lines)

    @property
    def accounts(self) -> list[str]:
        return list(self._accounts)

    def __len__(self) -> int:
        return len(self._watches)

    # -- in the threads that receive prices

    def take(self, quote: Quote) -> None:
        line = self._lines.get(quote.symbol)
        if line is None:
            return
        with self._lock:
            for watch in line.touched(quote.last):
                self._look(watch, {quote.symbol: quote})

    def take_profit(self, account_id: str, value: Decimal, at: datetime | None) -> None:
        """An account's profit of today; `at` is the age of its oldest price, None where it depends on none."""
        if at is not None and self._clock.now() - at > self._limit:
            return
        with self._lock:
            for watch in self._accounts.get(account_id, ()):
                self._judge(watch, value, (Seen("P&L", value, at, "desk"),))

    # -- in the thread that writes

    def look_again(self) -> None:
        """All of them at the newest prices: what waited for a pause, a day, a session or a fresh price."""
        for watch in list(self._watches.values()):
            with self._lock:  # for each anew: a tick waits for one of them at most
                self._look(watch, {})

    def fired(self) -> list[Fired]:
        """What is to be written; it stays until it is settled or dropped."""
        with self._lock:
            return list(self._fired)

    def moved(self) -> list[Watch]:
        """Whose progress changed without a firing, and is not written yet."""
        with self._lock:
            found = [watch for watch in self._watches.values() if watch.moved and not watch.busy]
            for watch in found:
                watch.moved = False
        return found

    def settle(self, fired: Fired) -> None:
        """Its row was written, one version further on."""
        with self._lock:
            self._fired = [one for one in self._fired if one is not fired]
            fired.watch.version += 1
            fired.watch.busy = fired.watch.moved = False

    def drop(self, fired: Fired) -> None:
        """Its row is not as we knew it: it is read again."""
        with self._lock:
            self._fired = [one for one in self._fired if one is not fired]
            if self._watches.get(fired.watch.alert_id) is fired.watch:
                del self._watches[fired.watch.alert_id]
                self._sort()

    # -- under the lock

    def _sort(self) -> None:
        lines: dict[Symbol, list[tuple[Decimal, Watch]]] = {}
        always: dict[Symbol, list[Watch]] = {}
        self._accounts = {}
        for watch in self._watches.values():
            levels = marks(watch.rule, watch.progress) if watch.subject is Subject.PRICE else None
            for symbol in watch.symbols:
                lines.setdefault(symbol, []).extend((level, watch) for level in levels or ())
                always.setdefault(symbol, []).extend([watch] if levels is None else [])
            if watch.account_id:
                self._accounts.setdefault(watch.account_id, []).append(watch)
        for pairs in lines.values():
            pairs.sort(key=lambda pair: pair[0])
        self._lines = {
            symbol: _Line([level for level, _ in pairs], [watch for _, watch in pairs], always[symbol])
            for symbol, pairs in lines.items()
        }

    def _look(self, watch: Watch, at_hand: Mapping[Symbol, Quote]) -> None:
        if not watch.symbols:
            return
        quotes = [at_hand.get(symbol) or self._price_of(symbol) for symbol in watch.symbols]
        known = [quote for quote in quotes if quote is not None]
        if len(known) < len(quotes):
            return
        value = known[0].last if len(known) == 1 else known[0].last - watch.ratio * known[1].last
        self._judge(watch, value, known)

    def _judge(self, watch: Watch, value: Decimal, seen: Sequence[Quote] | tuple[Seen, ...]) -> None:
        if watch.busy:
            return
        now, before = self._clock.now(), watch.progress
        after, fires = look(watch.rule, before, value, now)
        if after == before or not self._trades(watch, now):
            return
        watch.progress, watch.moved = after, True
        if fires:
            watch.busy = True
            shown = tuple(one if isinstance(one, Seen) else _seen(one) for one in seen)
            self._fired.append(Fired(watch, value, before, shown, now))
            self._tell()
        if after.reference != before.reference:
            self._sort()

    def _trades(self, watch: Watch, now: datetime) -> bool:
        """A price from outside the session is no news, and one that decides nothing fires nothing."""
        return all(self._is_open(symbol.exchange, now) and self._price_of(symbol) for symbol in watch.symbols)


def _newer(known: Watch | None, new: Watch) -> Watch:
    return known if known is not None and known.version >= new.version else new


def _seen(quote: Quote) -> Seen:
    return Seen(quote.symbol.name, quote.last, quote.received_at, quote.source.value)
