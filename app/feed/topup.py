"""Prices by request where the stream gives none: oldest first, one batch at most every two seconds.

Runs in a thread of its own: a slow answer delays no tick. A symbol without any price is asked for once even out of
session, so that a page has something to show.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from app.core.clock import Clock
from app.core.errors import DeskError
from app.feed.client import Feed, Sources
from app.feed.hub import Hub
from app.feed.quotes import is_stale
from app.venues.types import Symbol

log = structlog.get_logger()

BATCH = 100
EVERY = 2.0
UNPRICED_AGAIN = 30.0  # seconds until a symbol the venue could not price is asked for again
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class TopUp:
    def __init__(self, hub: Hub, feed: Feed, sources: Sources, clock: Clock, limit: timedelta) -> None:
        self._hub = hub
        self._feed = feed
        self._sources = sources
        self._clock = clock
        self._limit = max(limit - timedelta(seconds=EVERY), limit / 2)  # asked for before it is stale
        self._asked_at: dict[Symbol, float] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="feed-topup", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.step()
            except Exception:  # the next beat tries again
                log.exception("feed_topup_failed")

    def step(self) -> int:
        """Ask for one batch; says how many prices came that may be trusted."""
        wanted = self._feed.wanted()
        self._hub.forget(wanted, self._clock.now())
        self._asked_at = {symbol: at for symbol, at in self._asked_at.items() if symbol in wanted}
        symbols = self._needy(list(wanted))
        if not symbols:
            return 0
        self._asked_at.update(dict.fromkeys(symbols, self._clock.monotonic()))
        return sum(self._fetch(symbols, account_id) for account_id in self._order()[:1])

    def _needy(self, wanted: Sequence[Symbol]) -> list[Symbol]:
        now, seconds = self._clock.now(), self._clock.monotonic()
        opened = {exchange: self._sources.is_open(exchange, now) for exchange in {symbol.exchange for symbol in wanted}}
        needy = [symbol for symbol in wanted if self._needs(symbol, opened[symbol.exchange], now, seconds)]
        return sorted(needy, key=self._seen_at)[:BATCH]

    def _needs(self, symbol: Symbol, is_open: bool, now: datetime, seconds: float) -> bool:
        age = self._hub.age(symbol, now)
        if age is None:
            return seconds - self._asked_at.get(symbol, seconds - UNPRICED_AGAIN) >= UNPRICED_AGAIN
        return is_open and is_stale(age, self._limit)

    def _seen_at(self, symbol: Symbol) -> datetime:
        quote = self._hub.newest(symbol)
        return quote.received_at if quote else LONG_AGO

    def _order(self) -> list[str]:
        """The account that carries the stream first; after a failure the others take turns."""
        accounts = list(self._sources.accounts())
        carrier = self._feed.account_id
        if carrier in accounts:
            accounts.remove(carrier)
            accounts.insert(0, carrier)
        turn = self.failures % len(accounts) if accounts else 0
        return accounts[turn:] + accounts[:turn]

    def _fetch(self, symbols: list[Symbol], account_id: str) -> int:
        try:
            quotes = self._sources.venue(account_id).quotes(symbols)
        except (DeskError, OSError) as error:
            self.failures += 1
            log.warning("feed_topup_refused", account_id=account_id, error=str(error))
            return 0
        return sum(self._hub.take(quote) for quote in quotes.values())
