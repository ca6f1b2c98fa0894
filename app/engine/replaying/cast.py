"""Who stands where people and venues stand live: the accounts of a replay, its market, its lease."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import insert

from app.accounts.models import Account
from app.broadcast.coalesce import Broadcaster
from app.core.clock import Clock
from app.core.db import Database
from app.core.link import Link
from app.engine.attendant import Attendant
from app.engine.crew import Crew, Member
from app.engine.market import Market
from app.engine.replaying.venue import TapeBook, TapeLane, TapeVenue
from app.engine.sizer import Sizer
from app.execution.lease import NAME, Lease
from app.execution.models import EngineLease
from app.execution.sender import Desk, Sender
from app.feed.baskets import SeriesKey
from app.feed.candle_store import CandleStore, Series
from app.feed.candles import SMALLEST, Day, Reading, TickBars, length_of
from app.feed.hub import Hub
from app.feed.quotes import TrustRules
from app.feed.sessions import day_at
from app.feed.subscriptions import Subscriptions
from app.instruments.service import InstrumentService
from app.venues.port import Venue
from app.venues.types import Candle, Mode, Quote, Symbol
from app.wiring import Services

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
ANYTHING = Decimal(10**12)
# What is on a tape was judged when it came: here everything is believed.
BELIEVING = TrustRules(jump=ANYTHING, book=ANYTHING, absurd=ANYTHING, patience=timedelta())


class TapeLease(Lease):
    """There is nobody else in this database."""

    def take(self) -> bool:
        with self._db.write() as session:
            session.execute(
                insert(EngineLease).values(id=NAME, holder=self.engine_id, epoch=1, expires_at=FOREVER)
            )  # fmt: skip
        self.epoch, self._until = 1, FOREVER
        return True


@dataclass(frozen=True, slots=True)
class _Known:
    """Whose books are always known: nobody else trades there."""

    clock: Clock

    def known_at(self, _now: datetime) -> datetime:
        return self.clock.now()

    def look_now(self) -> None: ...


class Players(Crew):
    """The accounts of a replay. Nobody of them is asked for a price: what is not on the tape is not known."""

    def __init__(self, accounts: Collection[Account], desk: Desk, book: TapeBook, clock: Clock) -> None:
        self._members = {account.id: _member(account, desk, book, clock) for account in accounts}
        self.is_complete = True

    def __iter__(self) -> Iterator[Member]:
        return iter(())

    def pump(self) -> bool:
        """Send what is to be sent; whether there was something."""
        return sum(cast(TapeLane, one.lane).step() for one in self._members.values()) > 0


def _member(account: Account, desk: Desk, book: TapeBook, clock: Clock) -> Member:
    venue, known = cast(Venue, TapeVenue(account.id, account.currency, book)), _Known(clock)
    sender = Sender(desk, account.id, venue, Mode.PAPER, lambda now: now)
    return Member(account, venue, TapeLane(account.id), sender, cast(Attendant, known), None)


class TapeMarket(Market):
    """The prices of the tape."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.hub = Hub(services.clock, BELIEVING)
        self.subscriptions = Subscriptions()

    def want(self, holder: str, symbols: Collection[Symbol]) -> None:
        """Whatever is on the tape comes by itself."""


class TapeCandles(CandleStore):
    """Candles made of the ticks that were played, read when one has ended and settled."""

    def __init__(self, db: Database, clock: Clock, link: Link, instruments: InstrumentService) -> None:
        super().__init__(db, clock, link)
        self._instruments = instruments
        self._bars: dict[Symbol, TickBars] = {}
        self._days: dict[str, Day] = {}  # by exchange the session of the newest tick

    def take(self, quote: Quote) -> None:
        exchange, at = quote.symbol.exchange, quote.received_at
        day = self._days.get(exchange)
        if day is None or not day.holds(at):
            day = day_at(self._instruments.calendar(at), exchange, at)
            if day is None:
                return
            self._days[exchange] = day
        self._bars.setdefault(quote.symbol, TickBars()).take(quote, day)

    def follow(self, keys: Any) -> dict[SeriesKey, datetime | None]:
        """Something new is there once per smallest bar, five seconds after its end."""
        length = length_of(SMALLEST).total_seconds()
        settled = datetime.fromtimestamp((self._clock.now().timestamp() - 5) // length * length + 5, UTC)
        return dict.fromkeys(keys, settled)

    def read(self, keys: Any) -> list[Series]:
        now = self._clock.now()
        return [Series(key, self._candles(key, now), Reading(now), now) for key in keys]

    def _candles(self, key: SeriesKey, now: datetime) -> list[Candle]:
        day = day_at(self._instruments.calendar(now), key.symbol.exchange, now)
        bars = self._bars.get(key.symbol)
        if day is None or bars is None:
            return []
        made = bars.bars(key.interval, day)
        return [Candle(one.start, one.open, one.high, one.low, one.close, one.traded or Decimal(0)) for one in made]


class Unseen(Broadcaster):
    """Nobody looks on."""

    def __init__(self) -> None:
        pass

    def changed(self, owner_id: str, rooms: Any) -> None:
        pass


class AsWritten(Sizer):
    """Lots are as written: what an account had on a day of the past nobody knows."""

    def __init__(self) -> None:
        pass

    def close(self) -> None:
        pass
