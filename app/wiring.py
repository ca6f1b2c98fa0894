"""Where things are put together, once: settings in, services out. Doors take what they need from here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.accounts.health import HealthService
from app.accounts.service import AccountService
from app.accounts.service import Setup as AccountSetup
from app.alerts.service import AlertService
from app.audit.trail import Trail
from app.broadcast.cached import CachedAccounts
from app.core.bus import Bus
from app.core.clock import Clock, SystemClock
from app.core.crypto import Vault, load_keys
from app.core.db import Database
from app.core.link import Link, SilentLink, open_link
from app.core.pulse import Pulse
from app.execution.by_hand import ByHand
from app.execution.by_hand import build as build_by_hand
from app.execution.flattening import Flattener
from app.execution.service import OrderService, busy_reason
from app.feed.candle_store import CandleStore
from app.instruments.overrides import Overrides
from app.instruments.service import InstrumentService
from app.notify.service import MessagesRead, Notified, NotifyService
from app.portfolio.analytics import AnalyticsService
from app.portfolio.curves import Curves
from app.portfolio.diary import Diary
from app.portfolio.service import PortfolioService
from app.portfolio.snapshots import Snapshots
from app.replays.recordings import Recordings
from app.replays.service import Replays
from app.risk.day_gate import DayGate
from app.risk.day_known import KnownLimits
from app.risk.day_service import DayLimitService
from app.risk.gate import gate
from app.risk.killing import Means
from app.risk.service import RiskService
from app.signals.receiving import Door
from app.signals.service import SignalService
from app.strategies.adopting import Adopting
from app.strategies.gone import gone_by_hand
from app.strategies.library import StrategyLibrary
from app.strategies.scheduling import Schedules, under_way
from app.strategies.service import StrategyService
from app.strategies.sizing_service import SizingService
from app.strategies.stopping import StoppableRuns
from app.strategies.views import live_reason
from app.users.passwords import Passwords, RunBlocking, run_here
from app.users.people import People
from app.users.service import Users
from app.users.service import build as build_users
from app.watchlists.service import ListsChanged, WatchlistService
from config import Settings

LIMITS_KEPT = 5.0  # seconds; the engine's loop reads them twice a second, so no order does
MESSAGES = ["notifications", "dashboard"]
ROOMS: dict[type, list[str]] = {ListsChanged: ["watchlists"], Notified: MESSAGES, MessagesRead: MESSAGES}


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the doors work with; the same in every process of a desk."""

    settings: Settings
    clock: Clock
    db: Database
    vault: Vault
    bus: Bus
    link: Link
    trail: Trail
    pulse: Pulse
    users: Users
    accounts: AccountService
    health: HealthService
    instruments: InstrumentService
    overrides: Overrides
    orders: OrderService
    by_hand: ByHand
    strategies: StrategyService
    schedules: Schedules
    library: StrategyLibrary
    sizing: SizingService
    risk: RiskService
    day_limits: DayLimitService
    known_limits: KnownLimits
    day_gate: DayGate
    portfolio: PortfolioService
    snapshots: Snapshots
    cached: CachedAccounts
    adopting: Adopting
    notify: NotifyService
    alerts: AlertService
    watchlists: WatchlistService
    signals: SignalService
    signal_door: Door
    candles: CandleStore
    analytics: AnalyticsService
    curves: Curves
    diary: Diary
    recordings: Recordings
    replays: Replays

    def close(self) -> None:
        self.link.close()
        self.db.close()


def build(
    settings: Settings,
    role: str = "command",
    run_blocking: RunBlocking = run_here,
    clock: Clock | None = None,
) -> Services:
    """`role` is web, engine, or command (no link). Raises KeyProblem when the key does not fit what is stored."""
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = clock or SystemClock()
    db = Database(settings.database_url)
    vault = Vault(load_keys(settings.encryption_keys, settings.key_file))
    link = SilentLink() if role == "command" else _open_link(settings, role)
    bus, trail = Bus(), Trail(db, clock)
    instruments = InstrumentService(db, clock)
    strategies = StrategyService(db, clock, link, trail, instruments)
    known, portfolio = KnownLimits(db, clock, LIMITS_KEPT if role == "engine" else 0.0), PortfolioService(db)
    day_gate = DayGate(db, clock, known, portfolio, instruments)
    users = build_users(db, clock, trail.record, Passwords(run_blocking=run_blocking), settings.session_hours)
    means = Means(StoppableRuns(), Flattener(instruments, gate, gone_by_hand))
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        vault=vault,
        bus=bus,
        link=link,
        trail=trail,
        pulse=Pulse(db, clock),
        users=replace(users, people=People(db, clock, users.sessions, trail.record, under_way)),
        accounts=AccountService(db, clock, vault, trail, _account_setup(settings, db, _announcer(role, bus, link))),
        health=HealthService(db, clock, bus.publish),
        instruments=instruments,
        overrides=Overrides(db, clock, trail, _told_of(instruments, link)),
        orders=OrderService(db, clock, link, trail),
        by_hand=build_by_hand(db, clock, link, trail, instruments, day_gate, gone_by_hand),
        strategies=strategies,
        library=StrategyLibrary(db, clock, trail, strategies),
        schedules=Schedules(db, clock, link, trail, instruments),
        sizing=SizingService(db, clock, trail),
        risk=RiskService(db, clock, link, trail, means),
        day_limits=DayLimitService(db, clock, link, trail, means),
        known_limits=known,
        day_gate=day_gate,
        portfolio=portfolio,
        snapshots=Snapshots(db),
        cached=CachedAccounts(db),
        adopting=Adopting(db, clock, link, trail, instruments),
        candles=CandleStore(db, clock, link),
        analytics=AnalyticsService(db),
        curves=Curves(db),
        diary=Diary(db, clock),
        recordings=Recordings(db, clock, trail, settings.recordings_folder),
        replays=Replays(db, clock, trail),
        notify=NotifyService(db, clock, _page_teller(role, bus, link)),
        alerts=AlertService(db, clock, link, trail, instruments),
        watchlists=WatchlistService(db, clock, instruments, _page_teller(role, bus, link)),
        signals=SignalService(db, clock, link, trail, vault),
        signal_door=Door(db, clock, link, vault),
    )


def _told_of(instruments: InstrumentService, link: Link) -> Callable[[], None]:
    """After an override: this process looks again, and the engine is told to."""

    def announce() -> None:
        instruments.forget()
        link.send("instruments", {})

    return announce


def _page_teller(role: str, bus: Bus, link: Link) -> Callable[[object], None]:
    """In the engine what changed is an event; elsewhere the engine is asked to tell the owner's other pages."""
    if role == "engine":
        return bus.publish

    def nudge(event: Any) -> None:
        link.send("told", {"owner": event.owner_id, "rooms": ROOMS[type(event)]})

    return nudge


def _open_link(settings: Settings, role: str) -> Link:
    return open_link(role, settings.link_folder, settings.redis_url, settings.database_url)


def _account_setup(settings: Settings, db: Database, announce: Callable[[object], None]) -> AccountSetup:
    return AccountSetup(
        allow_private=settings.allow_private_hosts,
        is_busy=lambda account_id: busy_reason(db, account_id) or live_reason(db, account_id),
        announce=announce,
        place_timeout=settings.place_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
    )


def _announcer(role: str, bus: Bus, link: Link) -> Callable[[object], None]:
    """In the engine an account's change is an event; elsewhere it is a nudge for the engine."""
    if role == "engine":
        return bus.publish

    def nudge(event: Any) -> None:
        link.send("accounts", {"account_id": event.account_id})

    return nudge
