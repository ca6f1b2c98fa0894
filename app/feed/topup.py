"""Prices by request where the stream gives none that may be used: what is always wanted first, then the oldest, one
batch at most every two seconds.

Runs in a thread of its own: a slow answer delays no tick. A symbol without any price is asked for once even out of
session, so that a page has something to show.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from app.core.clock import Clock
from app.core.errors import DeskError
from app.core.stepping import Stepping
from app.feed.asked import AskedAt, open_markets
from app.feed.client import Feed, Sources
from app.feed.hub import Hub
from app.feed.subscriptions import Modes
from app.venues.types import FeedMode, Symbol

log = structlog.get_logger()

BATCH = 100
EVERY = 2.0
UNPRICED_AGAIN = 30.0  # seconds until a symbol the venue could not price is asked for again
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class TopUp(Stepping):
    def __init__(self, hub: Hub, feed: Feed, sources: Sources, clock: Clock, limit: timedelta) -> None:
        super().__init__("feed-topup", EVERY)
        self._hub = hub
        self._feed = feed
        self._sources = sources
        self._clock = clock
        self._limit = max(limit - timedelta(seconds=EVERY), limit / 2)  # asked for before it is stale
        self._asked = AskedAt()
        self.failures = 0
        self.unpriced = 0  # asked for, and the venue gave no price

    def step(self) -> int:
        """Ask for one batch; says how many prices came that may be trusted."""
        wanted = self._feed.wanted()
        self._hub.forget(wanted, self._clock.now())
        self._asked.keep_only(wanted.keys())
        self._fetch_ladder(wanted)
        symbols = self._needy(list(wanted))
        if not symbols:
            return 0
        self._asked.note(symbols, self._clock.monotonic())
        return sum(self._fetch(symbols, account_id) for account_id in self._order()[:1])

    def _needy(self, wanted: Sequence[Symbol]) -> list[Symbol]:
        now, seconds = self._clock.now(), self._clock.monotonic()
        opened = open_markets(wanted, lambda exchange: self._sources.is_open(exchange, now))
        needy = [symbol for symbol in wanted if self._needs(symbol, opened[symbol.exchange], now, seconds)]
        always = self._feed.always()
        return sorted(needy, key=lambda symbol: (symbol not in always, self._seen_at(symbol)))[:BATCH]

    def _fetch_ladder(self, wanted: Modes) -> None:
        """One at a time, of those whose best prices somebody looks at and the stream does not give."""
        deep = [symbol for symbol, mode in wanted.items() if mode is FeedMode.DEPTH]
        old = [symbol for symbol in deep if self._needs_ladder(symbol, self._clock.now())]
        for symbol in sorted(old, key=self._laddered_at)[:1]:
            for account_id in self._order()[:1]:
                self._fetch_depth(symbol, account_id)

    def _needs_ladder(self, symbol: Symbol, now: datetime) -> bool:
        return self._sources.is_open(symbol.exchange, now) and now - self._laddered_at(symbol) > self._limit

    def _laddered_at(self, symbol: Symbol) -> datetime:
        quote = self._hub.newest(symbol)
        return quote.ladder.received_at if quote and quote.ladder else LONG_AGO

    def _fetch_depth(self, symbol: Symbol, account_id: str) -> None:
        try:
            quote = self._sources.venue(account_id).depth(symbol).quote
        except (DeskError, OSError) as error:
            log.warning("feed_depth_refused", account_id=account_id, symbol=str(symbol), error=str(error))
            return
        if quote is not None:
            self._feed.take_asked(account_id, quote)

    def _needs(self, symbol: Symbol, is_open: bool, now: datetime, seconds: float) -> bool:
        age = self._hub.age(symbol, now)
        if age is None:
            return self._asked.may_ask(symbol, seconds, UNPRICED_AGAIN)
        return is_open and self._hub.fresh(symbol, now, self._limit) is None

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
        self.unpriced += len(symbols) - len(quotes)
        return sum(self._feed.take_asked(account_id, quote) for quote in quotes.values())
