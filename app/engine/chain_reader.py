"""What the stream does not give an option chain, read from a venue once for all who look: far strikes, and yesterday.

Strikes around the money are streamed. The others are asked for in batches, one a second at most and each symbol twice a
minute, since put-call ratios and max pain need the open interest of all. A quote tells no open interest of the day
before: that is the last daily bar, one call per option and day, the nearest to the money first.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import structlog

from app.broadcast.chains import Chains
from app.core.clock import day_in_india
from app.core.errors import DeskError
from app.core.stepping import Stepping
from app.engine.candle_reader import ranked
from app.engine.crew import Crew
from app.feed.asked import AskedAt, open_markets
from app.feed.candles import DAILY
from app.feed.hub import Hub
from app.instruments.trading_days import TradingDays
from app.venues.types import Candle, Symbol
from app.wiring import Services

log = structlog.get_logger()

EVERY = 1.0  # seconds
BATCH = 100
AGE = timedelta(seconds=30)
AT_REST = 300.0  # seconds; how often a closed market is asked for what it never told
HISTORIES = 2  # calls in one turn: the server spaces them itself, and charts want some too
BACK = timedelta(days=10)  # longer than any run of closed days
TRY_AGAIN = 600.0  # seconds


class ClosingInterest:
    """Open interest at the close of the trading day before, by symbol, each good for one session's day."""

    def __init__(self) -> None:
        self.known: dict[Symbol, Decimal] = {}
        self._days: dict[Symbol, date] = {}
        self._tried = AskedAt()

    def missing(self, symbols: Iterable[Symbol], day: date, now: float) -> list[Symbol]:
        """Those to be read; what was true for another day is let go."""
        for symbol in [symbol for symbol, known in self._days.items() if known != day and symbol in self.known]:
            if self._days[symbol] < day:
                del self.known[symbol], self._days[symbol]
        return [one for one in symbols if one not in self.known and self._tried.may_ask(one, now, TRY_AGAIN)]

    def tried(self, symbol: Symbol, day: date, now: float, found: Decimal | None) -> None:
        self._tried.note([symbol], now)
        if found is not None:
            self.known[symbol], self._days[symbol] = found, day


def session_day(calendar: TradingDays, exchange: str, now: datetime) -> date:
    """The day of the session that runs, or of the last one: its figures stand until the next opens."""
    today = day_in_india(now)
    for back in range(BACK.days):
        session = calendar.session(exchange, today - timedelta(days=back))
        if session is not None and session.opens <= now:
            return session.day
    return today


def closing_interest(candles: Sequence[Candle], today: date) -> Decimal | None:
    """That of the newest daily bar before `today`; None when no bar tells."""
    earlier = [bar for bar in candles if day_in_india(bar.start) < today and bar.open_interest is not None]
    return max(earlier, key=lambda bar: bar.start).open_interest if earlier else None


class ChainReader(Stepping):
    def __init__(self, services: Services, crew: Crew, hub: Hub, chains: Chains, interest: ClosingInterest) -> None:
        super().__init__("chain-reader", EVERY)
        self._services = services
        self._crew = crew
        self._hub = hub
        self._chains = chains
        self._interest = interest
        self._asked = AskedAt()

    def step(self) -> None:
        shown = self._chains.shown()
        members = ranked(self._crew) if shown else []
        if not members:
            return
        now, seconds = self._services.clock.now(), self._services.clock.monotonic()
        wanted = [symbol for listing in shown.values() for symbol in listing.sides.values()]
        self._asked.keep_only(set(wanted))
        self._price(self._due(wanted, now, seconds), seconds)
        calendar = self._services.instruments.calendar(now)
        for key, listing in shown.items():
            day = session_day(calendar, key.exchange, now)
            missing = self._interest.missing(self._chains.nearest(key, listing), day, seconds)
            self._look_back(missing[:HISTORIES], day, seconds)

    def _due(self, wanted: Sequence[Symbol], now: datetime, seconds: float) -> list[Symbol]:
        calendar = self._services.instruments.calendar(now)
        opened = open_markets(wanted, lambda exchange: calendar.is_open(exchange, now))
        due = [symbol for symbol in wanted if self._is_due(symbol, opened[symbol.exchange], now, seconds)]
        return self._asked.longest_ago(due, BATCH)

    def _is_due(self, symbol: Symbol, is_open: bool, now: datetime, seconds: float) -> bool:
        quote = self._hub.newest(symbol)
        lacks = quote is None or quote.open_interest is None
        is_old = is_open and quote is not None and now - quote.received_at >= AGE
        pause = AGE.total_seconds() if is_open else AT_REST
        return (lacks or is_old) and self._asked.may_ask(symbol, seconds, pause)

    def _price(self, symbols: list[Symbol], seconds: float) -> None:
        if not symbols:
            return
        self._asked.note(symbols, seconds)
        for member in ranked(self._crew)[:2]:
            try:
                quotes = member.venue.quotes(symbols)
            except (DeskError, OSError) as error:
                log.warning("chain_not_priced", account_id=member.account.id, error=str(error))
                continue
            for quote in quotes.values():
                self._hub.take(quote)
            return

    def _look_back(self, symbols: Sequence[Symbol], day: date, seconds: float) -> None:
        """One account is asked; what it cannot tell is asked again in ten minutes: a chain is whole without it."""
        for symbol in symbols:
            members = ranked(self._crew)
            found = None
            try:
                candles = members[0].venue.history(symbol, DAILY, day - BACK, day) if members else []
                found = closing_interest(candles, day)
            except (DeskError, OSError) as error:
                log.info("closing_interest_not_read", symbol=str(symbol), error=str(error))
            self._interest.tried(symbol, day, seconds, found)
