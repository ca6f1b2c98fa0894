"""The feed in the engine: one stream for the desk, and what it must carry: the symbols of every live leg."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.broadcast.watch import Watchers
from app.engine.crew import Crew
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.feed.topup import TopUp
from app.strategies.models import AccountRun, LegRun
from app.strategies.runner import LIVE_PARTS
from app.venues.port import Venue
from app.venues.types import Symbol
from app.wiring import Services

INDICES = (Symbol("NSE_INDEX", "NIFTY"), Symbol("NSE_INDEX", "BANKNIFTY"), Symbol("BSE_INDEX", "SENSEX"))
KIND = "openalgo"


class Market:
    def __init__(self, services: Services, crew: Crew) -> None:
        self._services = services
        self._crew = crew
        self._is_started = False
        clock, stale = services.clock, timedelta(seconds=services.settings.stale_after_seconds)
        self.hub = Hub(clock)
        self.subscriptions = Subscriptions()
        sources = Sources(self._accounts, self._venue, self._is_open)
        self.feed = Feed(
            self.hub,
            self.subscriptions,
            sources,
            services.bus,
            clock,
            FeedSettings(stale=stale, pulse=INDICES),
        )
        self._watchers = Watchers(self.subscriptions, clock)
        self._top_up = TopUp(self.hub, self.feed, sources, clock, stale)

    def follow(self) -> None:
        """Want what live legs need, and say how the feed is."""
        self.subscriptions.want("legs", self._symbols())
        if not self._is_started and self._accounts():
            self._is_started = True
            self.feed.start()
            self._top_up.start()
        self.feed.wake()

    def want_positions(self, symbols: Collection[Symbol]) -> None:
        """Everything held needs a price, whether or not a run holds it."""
        self.subscriptions.want("positions", symbols)
        self.feed.wake()

    def tell(self) -> None:
        """Say how the feed is, for every page."""
        status = self.feed.status()
        last_at = status.last_at.isoformat() if status.last_at else None
        detail = {"state": status.state.value, "last_at": last_at, "account_id": status.account_id}
        self._services.pulse.beat("feed", detail | {"reason": status.reason})

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

    def _is_open(self, exchange: str, moment: datetime) -> bool:
        return self._services.instruments.calendar(moment).is_open(exchange, moment)

    def _symbols(self) -> list[Symbol]:
        with self._services.db.read() as session:
            rows = session.execute(
                select(LegRun.exchange, LegRun.symbol)
                .join(AccountRun, AccountRun.id == LegRun.account_run_id)
                .where(AccountRun.state.in_(LIVE_PARTS))
                .distinct()
            )
            return [Symbol(exchange, name) for exchange, name in rows]

    def _accounts(self) -> Sequence[str]:
        """Primaries first, then by rank: prices are the same whoever asks."""
        members = sorted(self._crew, key=lambda m: (not m.account.is_primary, m.account.failover_rank, m.account.id))
        return [member.account.id for member in members if member.account.venue_kind == KIND]

    def _venue(self, account_id: str) -> Venue:
        member = self._crew.get(account_id)
        if member is None:
            raise OSError(f"account {account_id} has no connection")
        return member.venue
