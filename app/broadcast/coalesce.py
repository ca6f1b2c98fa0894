"""From the engine to the browsers, at a pace people can read: figures at 4 Hz, changes within 100 ms, a beat every 5 s.

Only the newest value of a figure is ever waiting, so a burst of a thousand ticks costs one message and a slow link
costs nothing but freshness. Ticks only mark their symbol; the rows are read again when orders changed, at most twice
a second per owner, and never for a tick.
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from app.broadcast.book import owners, price_forms, read_book
from app.broadcast.cells import PLAIN, Cells, OwnerBook, PriceForm, changed, owner_cells, price_cell
from app.core.clock import Clock, epoch_ms
from app.core.db import Database
from app.core.link import Link
from app.execution.events import OrderChanged
from app.feed.events import FeedStatus
from app.feed.hub import Hub
from app.portfolio.service import PortfolioService
from app.portfolio.trades import day_start
from app.venues.types import Quote, Symbol

log = structlog.get_logger()

FLUSH, TICK, BEAT = 0.1, 0.25, 5.0  # seconds
RELOAD_AT_MOST = 0.5
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


def nobody(_symbols: Collection[Symbol]) -> None:
    """Nobody subscribes on our behalf."""


class Broadcaster:
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
    ) -> None:
        """`want` is told the symbols of everything held, whenever they change."""
        self._db = db
        self._portfolio = portfolio
        self._hub = hub
        self._link = link
        self._clock = clock
        self._feed_status = feed_status
        self._want = want
        self._wanted: set[Symbol] = set()
        self._lock = threading.Lock()
        self._touched: set[Symbol] = set()
        self._dirty: set[str] = set()
        self._rooms: dict[str, set[str] | None] = {}
        self._owners: dict[str, _Owner] = {}
        self._forms: dict[Symbol, PriceForm] = {}
        self._send_all = False
        self._due = dict.fromkeys(("flush", "cells", "beat", "owners"), 0.0)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        hub.listen(self._note_tick)

    # -- the thread

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(FLUSH):
            try:
                self.step()
            except Exception:  # the next beat tries again
                log.exception("broadcast_step_failed")

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

    def order_changed(self, event: OrderChanged) -> None:
        self.reload(event.owner_id)

    def reload(self, owner_id: str) -> None:
        """What the owner holds changed: the rows are read before the next figures."""
        with self._lock:
            self._dirty.add(owner_id)

    def send_everything(self) -> None:
        """A web process has started and knows nothing yet."""
        self._send_all = True

    def _note_tick(self, quote: Quote) -> None:
        with self._lock:
            self._touched.add(quote.symbol)

    # -- one turn

    def step(self) -> None:
        now = self._clock.monotonic()
        for name, period, act in (
            ("flush", FLUSH, self._flush),
            ("owners", RELOAD_AT_LEAST, self._find_owners),
            ("cells", TICK, self._send_cells),
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
            self._dirty |= owners(self._db)

    def _send_beat(self) -> None:
        status = self._feed_status()
        last_at = epoch_ms(status.last_at) if status.last_at else None
        feed = {"state": status.state, "account_id": status.account_id, "last_at": last_at, "reason": status.reason}
        self._link.send("beat", {"engine_at": epoch_ms(self._clock.now()), "feed": feed})

    def _send_cells(self) -> None:
        everything, self._send_all = self._send_all, False
        with self._lock:
            touched, self._touched = self._touched, set()
        if everything:
            touched |= self._forms.keys()
        reloaded = self._reload_dirty()
        if touched:
            self._send(EVERYONE, self._market_cells(touched), whole=False)
        now = self._clock.monotonic()
        for owner_id, owner in self._owners.items():
            whole = everything or now - owner.sent_whole_at >= WHOLE_EVERY
            if whole or owner_id in reloaded or not touched.isdisjoint(owner.book.symbols):
                self._send_owner(owner_id, owner, whole, now)

    def _send_owner(self, owner_id: str, owner: _Owner, whole: bool, now: float) -> None:
        cells = owner_cells(owner.book, self._hub.newest)
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

    def _reload_dirty(self) -> set[str]:
        """The owners whose rows were read again."""
        now, moment = self._clock.monotonic(), self._clock.now()
        with self._lock:
            due = {one for one in self._dirty if self._may_reload(one, now)}
            due |= {one for one, owner in self._owners.items() if owner.day != day_start(moment)}
            self._dirty -= due
        for owner_id in due:
            book = read_book(self._db, self._portfolio, owner_id, moment)
            known = self._owners.get(owner_id)
            sent, whole_at = (known.sent, known.sent_whole_at) if known else ({}, float("-inf"))
            self._owners[owner_id] = _Owner(book, now, day_start(moment), sent, whole_at)
        if due:
            self._say_wanted()
        return due

    def _may_reload(self, owner_id: str, now: float) -> bool:
        known = self._owners.get(owner_id)
        return known is None or now - known.loaded_at >= RELOAD_AT_MOST

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
        return {f"ltp:{quote.symbol}": price_cell(quote, self._forms[quote.symbol]) for quote in quotes}
