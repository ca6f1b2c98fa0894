"""Reads one account's books for everybody: each reading is kept and told by the keeper, so that nobody asks again.

Between the looks at the order book, positions and funds are read fast while something is held and slowly otherwise,
trades more slowly. A reading for the screen stays within the account's budget and gives way to orders. Safe for several
threads: two that want the same part at the same moment share one call.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from app.accounts.health import HealthService, Sighting
from app.broadcast.keeper import Keeper
from app.broadcast.parts import Part, Rows, funds_rows, held_rows, order_rows, quantities, trade_rows
from app.broadcast.rates import Budget, Rates, fresh_for
from app.core.clock import Clock
from app.core.errors import DeskError
from app.portfolio.snapshots import Snapshots
from app.venues.port import Venue
from app.venues.types import OrderReport, TradeReport

Report = TypeVar("Report")
HOLDINGS = 300.0  # seconds; what was delivered overnight moves slowly
GIVE_WAY = 0.25  # seconds, while orders are on their way
LONGEST_PAUSE = 30.0  # after failures
NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Books:
    """What every reader of an account works with."""

    keeper: Keeper
    snapshots: Snapshots
    health: HealthService
    clock: Clock
    rates: Rates


@dataclass(slots=True)
class _Pace:
    """When each part was read last, in monotonic seconds."""

    figures: float = NEVER
    trades: float = NEVER
    holdings: float = NEVER
    locks: dict[Part, threading.Lock] = field(default_factory=lambda: {part: threading.Lock() for part in Part})


class Figures:
    def __init__(
        self, books: Books, account_id: str, venue: Venue, rates: Rates, crowding: Callable[[], float]
    ) -> None:
        self._books = books
        self._account_id = account_id
        self._venue = venue
        self._rates = rates
        self._crowding = crowding  # 1.0, or more in a desk of very many accounts
        self._budget = Budget(rates.per_minute)
        self._pace = _Pace()
        self._held: dict[str, str] | None = None  # quantities; None before the first reading
        self._failures = 0
        self._refreshing = threading.Lock()
        self.is_busy: Callable[[], bool] = lambda: False

    # -- when

    @property
    def every(self) -> float:
        """Seconds between readings of positions and funds as things are."""
        return self._crowding() * (self._rates.figures if self._held else self._rates.figures_idle)

    @property
    def _trades_every(self) -> float:
        return self._crowding() * (self._rates.trades if self._held else self._rates.trades_idle)

    def due_in(self) -> float:
        """Seconds until the next reading for the screen."""
        now, pace = self._books.clock.monotonic(), self._pace
        due = min(pace.figures + self.every, pace.trades + self._trades_every) - now
        if self._failures:
            due = max(due, min(LONGEST_PAUSE, 2.0**self._failures))
        if self.is_busy():
            due = max(due, GIVE_WAY)
        return max(0.0, due, self._budget.wait(now))

    def glance(self) -> bool:
        """Read what is due; True when other quantities are held than before. Raises DeskError."""
        if self.is_busy():
            return False
        self._failures += 1
        now, moved = self._books.clock.monotonic(), False
        if now >= self._pace.figures + self.every:
            moved = self.positions()
            self.funds()
        if now >= self._pace.trades + self._trades_every:
            self.try_trades()
        self._failures = 0
        return moved

    # -- the readings

    def orders(self, every: float) -> list[OrderReport]:
        """The next is due after `every` seconds at the latest. Raises DeskError, as all of them."""
        return self._read(Part.ORDERS, self._venue.orders, order_rows, every)

    def trades(self) -> list[TradeReport]:
        self._pace.trades = self._books.clock.monotonic()
        return self._read(Part.TRADES, self._venue.trades, trade_rows, self._trades_every)

    def try_trades(self) -> tuple[list[TradeReport] | None, DeskError | None]:
        """A trade book that fails takes nothing away from what the other books show."""
        try:
            return self.trades(), None
        except DeskError as error:
            return None, error

    def positions(self) -> bool:
        """Kept as the venue's book; True when other quantities are held than before."""
        self._pace.figures, started = self._books.clock.monotonic(), self._books.clock.now()
        reports = self._read(Part.POSITIONS, self._venue.positions, held_rows, self.every)
        self._books.snapshots.positions(self._account_id, reports, started)
        held, before = quantities(held_rows(reports)), self._held
        self._held = held
        return before is not None and held != before

    def funds(self) -> None:
        currency = self._venue.capabilities.currency
        funds = self._read(Part.FUNDS, self._venue.funds, lambda found: funds_rows(found, currency), self.every)
        self._books.health.record(self._account_id, Sighting(funds=funds))

    def holdings(self) -> None:
        """Read when they are due."""
        now = self._books.clock.monotonic()
        if now >= self._pace.holdings + HOLDINGS:
            started = self._books.clock.now()
            reports = self._read(Part.HOLDINGS, self._venue.holdings, held_rows, HOLDINGS)
            self._books.snapshots.holdings(self._account_id, reports, started)
            self._pace.holdings = now

    def refresh(self, part: Part, asked_at: datetime) -> float:
        """Have a reading that began after `asked_at`; whoever asks meanwhile shares it. Raises DeskError.

        0.0 when it is there, else in how many seconds the account's budget allows one.
        """
        readings: dict[Part, Callable[[], object]] = {
            Part.FUNDS: self.funds,
            Part.POSITIONS: self.positions,
            Part.TRADES: self.trades,
        }
        with self._refreshing:
            read_at = self._books.keeper.read_at(self._account_id, part)
            if read_at is not None and read_at >= asked_at:
                return 0.0
            wait = self._budget.wait(self._books.clock.monotonic())
            if not wait:
                readings[part]()
            return wait

    def _read(self, part: Part, ask: Callable[[], Report], write: Callable[[Report], Rows], every: float) -> Report:
        books = self._books
        with self._pace.locks[part]:
            started = books.clock.now()
            self._budget.note(books.clock.monotonic())
            try:
                reports = ask()
            except DeskError as error:
                books.keeper.failed(self._account_id, error.message)
                raise
            books.keeper.took(self._account_id, part, write(reports), started, fresh_for(every))
        return reports
