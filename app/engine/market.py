"""The feed in the engine: one stream for the desk, and what it must carry: the symbols of every live leg."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, or_, select

from app.broadcast.watch import Watchers
from app.core.clock import Clock, day_in_india
from app.engine.crew import Crew
from app.engine.feed_detail import detail
from app.execution.models import Order
from app.execution.states import LIVE
from app.feed.bands import Bands
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.failover import FailoverRules
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.feed.topup import TopUp
from app.instruments.service import InstrumentService
from app.strategies.models import ENTERED, AccountRun, LegRun
from app.strategies.part_views import AccountRunState
from app.strategies.runner import LIVE_PARTS
from app.venues.port import Venue
from app.venues.types import FeedMode, PriceType, Quote, Symbol
from app.wiring import Services
from config import Settings

INDICES = (Symbol("NSE_INDEX", "NIFTY"), Symbol("NSE_INDEX", "BANKNIFTY"), Symbol("BSE_INDEX", "SENSEX"))
KIND = "openalgo"
PROTECTION = Decimal(3)  # percent, where a venue takes no plain market orders and the account says nothing


def feed_settings(settings: Settings) -> FeedSettings:
    again = settings.feed_return_seconds
    return FeedSettings(
        rules=FailoverRules(silence=settings.feed_silence_seconds, hold=again, bar=again),
        stale=timedelta(seconds=settings.stale_after_seconds),
        freeze=settings.feed_freeze_seconds,
        pulse=INDICES,
    )


class ExitMeans:
    """What decides how exits go: prices, and what each account's venue takes."""

    def __init__(self, hub: Hub, crew: Crew, instruments: InstrumentService, clock: Clock, limit: timedelta) -> None:
        """A price older than `limit` decides nothing."""
        self._instruments = instruments
        self._hub = hub
        self._crew = crew
        self._clock = clock
        self._limit = limit

    def quote(self, symbol: Symbol) -> Quote | None:
        return self._hub.fresh(symbol, self._clock.now(), self._limit)

    def protection(self, account_id: str) -> Decimal | None:
        member = self._crew.get(account_id)
        if member is None:
            return None
        is_needed = member.venue.capabilities.market_protection
        return member.account.market_protection or (PROTECTION if is_needed else None)

    def can_change(self, account_id: str) -> bool:
        member = self._crew.get(account_id)
        return member is not None and member.venue.capabilities.modify

    def freeze(self, account_id: str, symbol: Symbol) -> Decimal | None:
        member = self._crew.get(account_id)
        kind = member.account.venue_kind if member else ""
        known = self._instruments.find(kind, symbol.exchange, symbol.name)
        return self._instruments.freeze_quantity(known, day_in_india(self._clock.now())) if known else None


class Market:
    def __init__(self, services: Services, crew: Crew) -> None:
        self._services = services
        self._crew = crew
        self._is_started = False
        clock, settings = services.clock, feed_settings(services.settings)
        stale = settings.stale
        self.hub = Hub(clock, band_of=Bands(services.instruments.rulings, clock))
        self.subscriptions = Subscriptions()
        sources = Sources(self._accounts, self._venue, self.is_open)
        self.feed = Feed(
            self.hub,
            self.subscriptions,
            sources,
            services.bus,
            clock,
            settings,
        )
        self._watchers = Watchers(self.subscriptions, clock)
        self._top_up = TopUp(self.hub, self.feed, sources, clock, stale)

    def follow(self) -> None:
        """Want what live legs and working orders need."""
        self.subscriptions.want("legs", self._symbols())
        self.subscriptions.want("following", self._following(), FeedMode.BEST)
        if not self._is_started and self._accounts():
            self._is_started = True
            self.feed.start()
            self._top_up.start()
        self.feed.wake()

    def want_positions(self, symbols: Collection[Symbol]) -> None:
        """Everything held needs a price, whether or not a run holds it."""
        self.subscriptions.want("positions", symbols)
        self.feed.wake()

    def mode_of(self, symbol: Symbol) -> FeedMode:
        """How closely anybody looks at it now."""
        return self.subscriptions.modes().get(symbol, FeedMode.LTP)

    def tell(self) -> None:
        """Say how the feed is, for every page."""
        self._services.pulse.beat("feed", detail(self.feed.report(), self._top_up))

    def watch(self, payload: dict[str, Any]) -> None:
        """A page looks at symbols nobody holds."""
        if self._watchers.take(payload):
            self.feed.wake()

    def follow_soon(self) -> None:
        self.feed.wake()

    def stop(self) -> None:
        if self._is_started:
            self._top_up.stop()
            self.feed.stop()

    def want(self, holder: str, symbols: Collection[Symbol]) -> None:
        """A part of the desk that wants these and no others from now on."""
        if self.subscriptions.want(holder, symbols):
            self.feed.wake()

    def is_open(self, exchange: str, moment: datetime) -> bool:
        return self._services.instruments.calendar(moment).is_open(exchange, moment)

    def _symbols(self) -> list[Symbol]:
        legs = (
            select(LegRun.exchange, LegRun.symbol)
            .join(AccountRun, AccountRun.id == LegRun.account_run_id)
            .where(AccountRun.state.in_(LIVE_PARTS))
        )
        orders = select(Order.exchange, Order.symbol).where(Order.state.in_(LIVE))
        with self._services.db.read() as session:
            return [Symbol(exchange, name) for exchange, name in session.execute(legs.union(orders))]

    def _following(self) -> list[Symbol]:
        """Entries that follow the bid or the ask need to know them."""
        is_late = and_(AccountRun.state == AccountRunState.OPEN, LegRun.waits == ENTERED)
        resting = (
            select(LegRun.exchange, LegRun.symbol, LegRun.chase)
            .join(AccountRun, AccountRun.id == LegRun.account_run_id)
            .where(or_(AccountRun.state == AccountRunState.ENTERING, is_late), LegRun.price_type == PriceType.LIMIT)
        )
        with self._services.db.read() as session:
            return [Symbol(exchange, name) for exchange, name, chase in session.execute(resting) if chase]

    def _accounts(self) -> Sequence[str]:
        """Primaries first, then by rank: prices are the same whoever asks. Without a broker login there are none."""
        members = sorted(self._crew, key=lambda m: (not m.account.is_primary, m.account.failover_rank, m.account.id))
        return [m.account.id for m in members if m.account.venue_kind == KIND and not m.needs_login]

    def _venue(self, account_id: str) -> Venue:
        member = self._crew.get(account_id)
        if member is None:
            raise OSError(f"account {account_id} has no connection")
        return member.venue
