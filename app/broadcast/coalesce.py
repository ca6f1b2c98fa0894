"""From the engine to the web: prices within 25 ms, an owner's figures at 4 Hz, changes within 100 ms, a beat every 5 s.

Only the newest value of a figure is ever waiting, so a burst of a thousand ticks costs one message and a slow link
costs nothing but freshness. Each owner's figures have a moment of their own in the quarter of a second, so that many
owners are work spread evenly; the web then lets each browser take what is newest at 4 Hz. Ticks only mark their symbol;
the rows are read again when orders changed, at most twice a second per owner, and never for a tick.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.broadcast.book import owners, price_forms, read_book
from app.broadcast.cells import PLAIN, Cells, OwnerBook, PriceForm, changed, owner_cells, price_cell
from app.broadcast.market import close_cells
from app.core.clock import Clock, epoch_ms
from app.core.db import Database
from app.core.link import Link
from app.core.stepping import Stepping
from app.execution.events import OrderChanged
from app.feed.events import FeedState, FeedStatus
from app.feed.hub import Hub
from app.portfolio.service import PortfolioService
from app.portfolio.trades import day_start
from app.venues.types import FeedMode, Quote, Symbol

STEP = 0.025  # seconds
FLUSH, TICK, BEAT = 0.1, 0.25, 5.0
SLOTS = 10  # moments within a tick that owners are spread over
RELOAD_AT_MOST = 0.5
RESTING = 10  # times as long as a reading took the next one waits: figures get a tenth of a processor at most
AT_REST_FOR_ORDERS = 4  # times as long while orders are on their way
SETTLING = 0.2  # after the first change of a burst: the same processor sends orders in that moment
RELOAD_AT_LEAST = 60.0
WHOLE_EVERY = 30.0  # everything is sent again for web processes that came later
AGE_MS = 1000
MOST_ROOMS = 200
EVERYONE = "*"


@dataclass(slots=True)
class _Owner:
    """What browsers were last told of one owner."""

    book: OwnerBook
    loaded_at: float
    day: datetime
    sent: Cells
    sent_whole_at: float
    took: float  # seconds to read the rows
    slot: float  # seconds after the tick that its figures are sent
    due_at: float = 0.0
    moved: bool = True  # since they were sent


def _gist(status: FeedStatus) -> tuple[str, str | None, str | None]:
    """What a badge says of the feed besides its age: a change of it waits for no beat."""
    word = "" if status.state in (FeedState.LIVE, FeedState.SLOW, FeedState.STALE) else status.state
    return word, status.account_id, status.source


def nobody(_symbols: Collection[Symbol]) -> None:
    """Nobody subscribes on our behalf."""


def plainest(_symbol: Symbol) -> FeedMode:
    """Nobody looks closer than at the last price."""
    return FeedMode.LTP


class Broadcaster(Stepping):
    def __init__(
        self,
        db: Database,
        portfolio: PortfolioService,
        hub: Hub,
        link: Link,
        clock: Clock,
        feed_status: Callable[[], FeedStatus],
        *,
        want: Callable[[Collection[Symbol]], object] = nobody,
        mode_of: Callable[[Symbol], FeedMode] = plainest,
    ) -> None:
        """`want` is told the symbols of everything held, whenever they change; `mode_of` says how closely anybody looks
        at a symbol.
        """
        super().__init__("broadcast", STEP)
        self._db = db
        self._portfolio = portfolio
        self._hub = hub
        self._link = link
        self._clock = clock
        self._feed_status = feed_status
        self._want = want
        self._mode_of = mode_of
        self._close: dict[Symbol, Cells] = {}  # what was last sent beyond the last price
        self._wanted: set[Symbol] = set()
        self._lock = threading.Lock()
        self._touched: set[Symbol] = set()
        self._dirty: dict[str, float] = {}  # since when
        self._rooms: dict[str, set[str] | None] = {}
        self._owners: dict[str, _Owner] = {}
        self._forms: dict[Symbol, PriceForm] = {}
        self._send_all = False
        self.is_trading: Callable[[], bool] = lambda: False  # whether orders are on their way
        self._told: tuple[str, str | None, str | None] = ("", None, None)
        self._due = dict.fromkeys(("flush", "cells", "beat", "owners"), 0.0)
        self._ears: tuple[Callable[[Cells], object], ...] = ()
        self._more: tuple[Callable[[str], Cells], ...] = ()
        hub.listen(self._note_tick)

    # -- from any thread

    def changed(self, owner_id: str, rooms: Iterable[str]) -> None:
        """These parts of the owner's pages are to be fetched again; told within 100 ms, each room once."""
        with self._lock:
            known = self._rooms.setdefault(owner_id, set())
            if known is None:
                return
            known.update(rooms)
            if len(known) > MOST_ROOMS:
                self._rooms[owner_id] = None  # everything

    def notice(self, owner_id: str, level: str, text: str, link: str = "") -> None:
        self._link.send("notice", {"owner": owner_id, "level": level, "text": text, "link": link})

    def hear(self, ear: Callable[[Cells], object]) -> None:
        """`ear` gets all figures of an owner whenever they are reckoned, in the broadcaster's thread."""
        self._ears = (*self._ears, ear)

    def also(self, figures: Callable[[str], Cells]) -> None:
        """`figures` gives more of an owner's live figures; asked in the broadcaster's thread whenever they are
        reckoned."""
        self._more = (*self._more, figures)

    def order_changed(self, event: OrderChanged) -> None:
        self.reload(event.owner_id)

    def reload(self, owner_id: str) -> None:
        """What the owner holds changed: the rows are read before the next figures."""
        with self._lock:
            self._dirty.setdefault(owner_id, self._clock.monotonic())

    def send_everything(self) -> None:
        """A web process has started and knows nothing yet."""
        self._send_all = True

    def _note_tick(self, quote: Quote) -> None:
        with self._lock:
            self._touched.add(quote.symbol)

    # -- one turn

    def step(self) -> None:
        now = self._clock.monotonic()
        if _gist(self._feed_status()) != self._told:
            self._due["beat"] = 0.0
        for name, period, act in (
            ("flush", FLUSH, self._flush),
            ("owners", RELOAD_AT_LEAST, self._find_owners),
            ("cells", STEP, self._send_cells),
            ("beat", BEAT, self._send_beat),
        ):
            if now >= self._due[name]:
                self._due[name] = now + period
                act()

    def _flush(self) -> None:
        with self._lock:
            rooms, self._rooms = self._rooms, {}
        for owner_id, names in rooms.items():
            self._link.send("changed", {"owner": owner_id, "rooms": None if names is None else sorted(names)})

    def _find_owners(self) -> None:
        self._forms = {symbol: form for symbol, form in self._forms.items() if form is not PLAIN}  # asked for again
        with self._lock:
            self._dirty = dict.fromkeys(owners(self._db), self._clock.monotonic()) | self._dirty

    def _send_beat(self) -> None:
        status = self._feed_status()
        last_at = epoch_ms(status.last_at) if status.last_at else None
        feed = {"state": status.state, "account_id": status.account_id, "last_at": last_at, "reason": status.reason}
        feed["source"] = status.source
        self._told = _gist(status)
        self._link.send("beat", {"engine_at": epoch_ms(self._clock.now()), "feed": feed})

    def _send_cells(self) -> None:
        everything, self._send_all = self._send_all, False
        with self._lock:
            touched, self._touched = self._touched, set()
        if everything:
            touched |= self._forms.keys()
            self._close.clear()
        self._reload_dirty()
        if touched:
            self._send(EVERYONE, self._market_cells(touched), whole=False)
        now = self._clock.monotonic()
        for owner_id, owner in self._owners.items():
            owner.moved = owner.moved or not touched.isdisjoint(owner.book.symbols)
            whole = everything or now - owner.sent_whole_at >= WHOLE_EVERY
            if everything or (now >= owner.due_at and (whole or owner.moved)):
                owner.moved = False
                self._send_owner(owner_id, owner, whole, now)
                took = self._clock.monotonic() - now
                owner.due_at = max(_next(owner.slot, now), now + self._resting() * took)

    def _resting(self) -> int:
        return RESTING * (AT_REST_FOR_ORDERS if self.is_trading() else 1)

    def _send_owner(self, owner_id: str, owner: _Owner, whole: bool, now: float) -> None:
        cells = owner_cells(owner.book, self._hub.newest)
        for ear in self._ears:
            ear(cells)
        for more in self._more:
            cells |= more(owner_id)
        if whole or owner.sent.keys() - cells.keys():
            owner.sent_whole_at, owner.sent = now, cells
            self._send(owner_id, cells, whole=True)
        else:
            news = changed(owner.sent, cells, AGE_MS)
            owner.sent |= news
            self._send(owner_id, news, whole=False)

    def _send(self, owner_id: str, cells: Cells, *, whole: bool) -> None:
        if cells or whole:
            payload: dict[str, Any] = {"owner": owner_id, "cells": cells}
            self._link.send("tick", {**payload, "whole": True} if whole else payload)

    def _reload_dirty(self) -> None:
        now, moment = self._clock.monotonic(), self._clock.now()
        today = day_start(moment)
        with self._lock:
            due = {one for one, since in self._dirty.items() if self._may_reload(one, since, now)}
            due |= {one for one, owner in self._owners.items() if owner.day != today}
            for one in due:
                self._dirty.pop(one, None)
        for owner_id in due:
            began = self._clock.monotonic()
            book = read_book(self._db, self._portfolio, owner_id, moment)
            known = self._owners.get(owner_id)
            sent, whole_at = (known.sent, known.sent_whole_at) if known else ({}, float("-inf"))
            took = self._clock.monotonic() - began
            slot = known.slot if known else len(self._owners) % SLOTS * TICK / SLOTS
            self._owners[owner_id] = _Owner(book, now, today, sent, whole_at, took, slot)
        if due:
            self._say_wanted()

    def _may_reload(self, owner_id: str, since: float, now: float) -> bool:
        known = self._owners.get(owner_id)
        pause = max(RELOAD_AT_MOST, self._resting() * known.took) if known else 0.0
        return known is None or (now - since >= SETTLING and now - known.loaded_at >= pause)

    def _say_wanted(self) -> None:
        wanted = {symbol for owner in self._owners.values() for symbol in owner.book.symbols}
        if wanted != self._wanted:
            self._wanted = wanted
            self._want(wanted)

    def _market_cells(self, touched: set[Symbol]) -> Cells:
        new = touched - self._forms.keys()
        if new:
            self._forms |= dict.fromkeys(new, PLAIN) | price_forms(self._db, new)
        quotes = [quote for symbol in touched if (quote := self._hub.newest(symbol)) is not None]
        cells = {f"ltp:{quote.symbol}": price_cell(quote, self._forms[quote.symbol]) for quote in quotes}
        for quote in quotes:
            cells |= self._news_of(quote)
        return cells

    def _news_of(self, quote: Quote) -> Cells:
        """What changed beyond the last price, where somebody looks."""
        cells = close_cells(quote, self._forms[quote.symbol], self._mode_of(quote.symbol))
        if not cells:
            self._close.pop(quote.symbol, None)
            return cells
        before = self._close.get(quote.symbol, {})
        news = changed(before, cells, AGE_MS)
        self._close[quote.symbol] = before | news
        return news


def _next(slot: float, now: float) -> float:
    """The slot's next moment after now."""
    return slot + TICK * (1 + (now - slot) // TICK)
