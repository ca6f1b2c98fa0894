"""Where things are put together, once: settings in, services out. Doors take what they need from here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.accounts.health import HealthService
from app.accounts.service import AccountService
from app.accounts.service import Setup as AccountSetup
from app.audit.trail import Trail
from app.core.bus import Bus
from app.core.clock import Clock, SystemClock
from app.core.crypto import Vault, load_keys
from app.core.db import Database
from app.core.link import Link, SilentLink, open_link
from app.core.pulse import Pulse
from app.execution.service import OrderService, busy_reason
from app.instruments.service import InstrumentService
from app.portfolio.service import PortfolioService
from app.portfolio.snapshots import Snapshots
from app.strategies.service import StrategyService
from app.strategies.views import live_reason
from app.users.passwords import Passwords, RunBlocking, run_here
from app.users.service import Users
from app.users.service import build as build_users
from config import Settings


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
    orders: OrderService
    strategies: StrategyService
    portfolio: PortfolioService
    snapshots: Snapshots

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
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        vault=vault,
        bus=bus,
        link=link,
        trail=trail,
        pulse=Pulse(db, clock),
        users=build_users(db, clock, trail.record, Passwords(run_blocking=run_blocking), settings.session_hours),
        accounts=AccountService(db, clock, vault, trail, _account_setup(settings, db, _announcer(role, bus, link))),
        health=HealthService(db, clock, bus.publish),
        instruments=InstrumentService(db),
        orders=OrderService(db, clock, link, trail),
        strategies=StrategyService(db, clock, link, trail),
        portfolio=PortfolioService(db),
        snapshots=Snapshots(db),
    )


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
