"""What is known about each account's health, with its age. A healthy account is called unreachable only
when it was missed twice in a row; everything a venue says plainly (wrong key, no login, approval needed)
counts at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from app.accounts.events import HealthChanged
from app.accounts.models import Account, AccountHealth, HealthState
from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.money import plain
from app.core.prepared import execute
from app.venues.types import FundsReport, Mode

_health: Table = AccountHealth.__table__  # type: ignore[assignment]  # a declarative class has a Table
_these = _health.c.account_id.in_(bindparam("ids", expanding=True))
_HEALTH = select(_health).where(_these)
_STATES = select(_health.c.account_id, _health.c.state, _health.c.mode).where(_these)

MISSES = 2  # so many in a row before a healthy account counts as unreachable
LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one contact with a venue showed; None and "" say nothing about a thing.

    `ordered` is True when an order went through, which alone proves that no approval is needed any more.
    """

    state: HealthState | None = None
    error: str = ""
    latency_ms: int | None = None
    broker: str = ""
    mode: Mode | None = None
    funds: FundsReport | None = None
    order_stream: str = ""
    market_stream: str = ""
    book_read: bool = False
    ordered: bool = False


def next_state(before: HealthState, failures: int, seen: HealthState, ordered: bool = False) -> tuple[HealthState, int]:
    """The state after a sighting, and how often in a row the account was unreachable."""
    if seen is HealthState.UNREACHABLE:
        failures += 1
        return (before if before.usable and failures < MISSES else seen), failures
    if before is HealthState.APPROVAL_NEEDED and seen.usable and not ordered:
        return before, 0  # a reading works on such a server too: it proves nothing
    return seen, 0


def in_mode(seen: HealthState, mode: str) -> HealthState:
    """Healthy means ok or paper, by the mode last known: a book reads the same in both."""
    if not seen.usable:
        return seen
    return HealthState.PAPER if mode == Mode.PAPER else HealthState.OK


class HealthService:
    def __init__(self, db: Database, clock: Clock, announce: Callable[[object], None] = lambda _event: None) -> None:
        self._db = db
        self._clock = clock
        self._announce = announce

    def of(self, account_ids: Iterable[str]) -> dict[str, AccountHealth]:
        """By account id, rows to be read; an account never seen is missing."""
        return self._read(_HEALTH, account_ids)

    def states(self, account_ids: Iterable[str]) -> dict[str, AccountHealth]:
        """As `of`, with the state and the mode alone: asked before each entry."""
        return self._read(_STATES, account_ids)

    def _read(self, query: Any, account_ids: Iterable[str]) -> dict[str, AccountHealth]:
        with self._db.read() as session:
            return {row.account_id: row for row in execute(session, query, {"ids": list(account_ids)})}

    def record(self, account_id: str, seen: Sighting) -> HealthState | None:
        """Write down what was seen; the state afterwards, or None when the account is gone."""
        now = self._clock.now()
        with self._db.write() as session:
            account = session.get(Account, account_id)
            if account is None or account.removed_at is not None:
                return None
            health = session.get(AccountHealth, account_id) or _fresh(session, account_id)
            before = HealthState(health.state)
            self._settle(health, seen, now)
            _note(health, account, seen, now)
            if health.state != before:
                event = HealthChanged(account.owner_id, account_id, before.value, health.state, health.last_error)
                after_commit(session, lambda: self._announce(event))
        return HealthState(health.state)

    def _settle(self, health: AccountHealth, seen: Sighting, now: datetime) -> None:
        if seen.state is None:
            return
        state = in_mode(seen.state, seen.mode.value if seen.mode else health.mode)
        after, failures = next_state(HealthState(health.state), health.failures, state, seen.ordered)
        health.state, health.failures, health.checked_at = after.value, failures, now
        if seen.state.usable:
            health.last_ok_at = now


def age_seconds(moment: datetime | None, now: datetime) -> int | None:
    """How old a figure is; None when there is none."""
    return None if moment is None else max(0, int((now - moment).total_seconds()))


def _fresh(session: Session, account_id: str) -> AccountHealth:
    health = AccountHealth(account_id=account_id, state=HealthState.UNKNOWN, failures=0)
    session.add(health)
    return health


def _note(health: AccountHealth, account: Account, seen: Sighting, now: datetime) -> None:
    """Copy what the sighting says; what it does not say stays with its own age."""
    if seen.error:
        health.last_error, health.last_error_at = seen.error[:LONGEST_ERROR], now
    if seen.latency_ms is not None:
        health.latency_ms = seen.latency_ms
    if seen.broker:
        health.broker = account.broker = seen.broker[:64]
    if seen.mode is not None:
        health.mode = account.seen_mode = seen.mode.value
    if seen.funds is not None:
        health.funds, health.funds_at = _as_text(seen.funds), now
    if seen.book_read:
        health.book_read_at = now
    health.order_stream = seen.order_stream or health.order_stream or ""
    health.market_stream = seen.market_stream or health.market_stream or ""


def _as_text(funds: FundsReport) -> dict[str, Any]:
    figures: dict[str, Decimal | None] = {
        "available": funds.available,
        "used": funds.used,
        "collateral": funds.collateral,
        "realised_pnl": funds.realised_pnl,
        "unrealised_pnl": funds.unrealised_pnl,
    }
    return {name: None if figure is None else plain(figure) for name, figure in figures.items()}
