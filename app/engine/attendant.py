"""One attendant per account reads its books: fast while something is pending, slowly otherwise, at once when asked.

It has its own thread and its own connection, so an account that hangs delays nobody. One order-book request covers
all orders of the account. A reading that fails is no evidence of anything: it is noted and made again. Between these
looks it glances at positions, funds and trades for the screen (`figures`); a glance proves nothing about orders.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select

from app.accounts.health import HealthService, Sighting
from app.accounts.models import HealthState
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import DeskError, Refused
from app.engine.figures import Figures
from app.engine.sharing import Share
from app.execution.intake import Books, Intake
from app.execution.models import Order
from app.execution.states import LIVE, OrderState
from app.venues.port import StreamState, Venue
from app.venues.types import OrderReport, WrongMode

log = structlog.get_logger()
SWEEP = timedelta(seconds=30)  # positions and funds while nothing happens
AFTER_CHANGE = timedelta(seconds=2)
SPREAD = timedelta(seconds=2)
RESTING = 5.0  # seconds between books while orders only rest at the venue and updates are pushed
LONGEST_PAUSE = 30.0  # after failures, while nothing is pending
MOST_PATIENCE = 8  # after failures, while something is: as many pauses of the usual length
ACCOUNTS_AT_EASE = 25
GIVE_WAY, GIVE_WAY_AT_MOST = 0.25, 3.0  # seconds, while orders are on their way
KINDS = ("look", "glance")
AT_REST = (OrderState.OPEN, OrderState.TRIGGER_PENDING)


@dataclass(frozen=True, slots=True)
class FiguresRead:
    """An account's positions and funds were read, or could not be."""

    account_id: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between readings of the order book."""

    pending: float
    idle: float


@dataclass(frozen=True, slots=True)
class Tools:
    db: Database
    intake: Intake
    health: HealthService
    clock: Clock
    rhythm: Rhythm
    announce: Callable[[object], None]
    share: Share
    crowd: Callable[[], int] = lambda: 1  # how many accounts there are
    compare: Callable[[str], bool] = lambda _account_id: False  # after the positions; True asks for a second look soon
    is_trading: Callable[[], bool] = lambda: False  # whether orders of any account are on their way

    @property
    def crowding(self) -> float:
        """With many accounts each is read less often, so that all together leave the processor to orders."""
        return max(1.0, self.crowd() / ACCOUNTS_AT_EASE)


@dataclass(slots=True)
class _Place:
    """Of a reading among those of all accounts."""

    begins_at: float
    gave_way: float = 0.0  # seconds, to orders
    is_lost: bool = False

    def pause(self, tools: Tools, kind: str) -> float:
        """Seconds that it must wait; 0.0 when it may begin."""
        now = tools.clock.monotonic()
        if now >= self.begins_at and self.gave_way < GIVE_WAY_AT_MOST and tools.is_trading():
            self.gave_way += GIVE_WAY
            self.is_lost = True
            return GIVE_WAY
        if self.is_lost:
            self.is_lost, self.begins_at = False, tools.share.begins_at(kind)
        return max(0.0, self.begins_at - now)


class Attendant:
    def __init__(self, tools: Tools, account_id: str, venue: Venue, figures: Figures) -> None:
        self._tools = tools
        self._account_id = account_id
        self._venue = venue
        self.figures = figures
        self._wake = threading.Event()
        self._closing = False
        self._spread = SPREAD * random.random()  # accounts must not all sweep at the same moment
        self._failures = 0
        self._is_asked = True  # the first look is due at once
        self.when_looked: Callable[[], None] = _nobody  # called after each look, whatever came of it
        self._looked_at = 0.0
        self._place: _Place | None = None  # of what it would read, while it gives way
        self._moved_at: float | None = None  # when an order moved first since the last look
        self._swept_at: datetime | None = None
        self._sweep_due: datetime | None = None
        self.positions_read_at: datetime | None = None  # when that reading began
        self.stream_state = StreamState.CONNECTING
        self.book_read_at: datetime | None = None
        self._thread = threading.Thread(target=self._run, name=f"books-{account_id[-6:]}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def known_at(self, now: datetime | None = None) -> datetime | None:
        """How recently the whole book is known: now while updates are pushed, else since the last reading."""
        if self.book_read_at is not None and self.stream_state is StreamState.LIVE:
            return now or self._tools.clock.now()
        return self.book_read_at

    def look_now(self) -> None:
        """Read the books as soon as the thread is free."""
        self._is_asked = True
        self._wake.set()

    def sweep_now(self) -> None:
        """Read the books and the positions as soon as the thread is free."""
        self._sweep_due = self._tools.clock.now()
        self.look_now()

    def figures_moved(self) -> None:
        """Positions and funds are worth a reading soon, and an order may be pending that was not before."""
        self._sweep_due = (
            self._sweep_due or self._tools.clock.now() + AFTER_CHANGE + self._spread * self._tools.crowding
        )
        if self._moved_at is None:
            self._moved_at = self._tools.clock.monotonic()
            self._wake.set()

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing:
            try:
                self._turn()
            except Exception:  # nobody starts this thread anew: without it nobody would read this account's books
                self._failures += 1
                log.exception("attendant_failed", account_id=self._account_id)
                self._wake.clear()  # or what woke the turn that failed would wake one after the other
                self._wake.wait(self._tools.rhythm.pending)

    def _turn(self) -> None:
        glance = False
        if not self._is_asked:
            look, figures = self._remaining(), self._until_glance()
            glance = figures < look
            if self._wake.wait(min(look, figures)):
                self._wake.clear()  # asked, closing, or an order moved: how long to pause is another question now
                return
            if (glance or self.stream_state is StreamState.LIVE) and self._gives_way(KINDS[glance]):
                return
        self._place = None
        began = time.thread_time()
        self._glance() if glance else self._look()
        self._tools.share.note(KINDS[glance], time.thread_time() - began)

    def _gives_way(self, kind: str) -> bool:
        """Whether what was due must wait for another turn: a reading for the screen, or a book that only audits what
        is pushed. It takes its place among those of the other accounts, and where orders are on their way in any of
        them when its turn comes, it waits, not for long, and then takes another place: or all that waited would begin
        at once. A book that tells how orders stand never waits."""
        if self._place is None:
            self._place = _Place(self._tools.share.begins_at(kind))
        pause = self._place.pause(self._tools, kind)
        if self._wake.wait(pause):
            self._wake.clear()
            self._place = None  # it is another question now
            return True
        return pause > 0

    def _until_glance(self) -> float:
        """Seconds; a failed look is made again first."""
        return LONGEST_PAUSE if self._failures else self.figures.due_in()

    def _glance(self) -> None:
        """What is held may have changed outside the desk: then a look at all the books follows."""
        try:
            if self.figures.glance():
                self.figures_moved()
        except DeskError as error:
            self._failures += 1  # a look follows soon, which tells whether the account is well
            self._note_failure(error)
        except Exception:  # the next glance comes anyway; this one is in the log
            log.exception("glance_failed", account_id=self._account_id)

    def _remaining(self) -> float:
        """Seconds until the next look; waking up in between does not begin the pause anew."""
        now = self._tools.clock.monotonic()
        moved_at = self._moved_at
        if moved_at is not None:
            settling = moved_at + self._while_pending() - now
            if settling > 0 and self.stream_state is StreamState.LIVE:
                return settling  # what is pushed comes sooner than a book, which would only be in the way
            self._moved_at = None  # else the next order that moves would not wake this thread
        return max(0.0, self._looked_at + self._pause() - now)

    def _while_pending(self) -> float:
        """Seconds between books while something is pending. While news is pushed they are an audit, and with many
        accounts each is audited less often, so that all together leave the processor to orders."""
        is_audit = self.stream_state is StreamState.LIVE
        return self._tools.rhythm.pending * (self._tools.crowding if is_audit else 1.0)

    def _look(self) -> None:
        self._is_asked = False
        self._moved_at = None
        self._looked_at = self._tools.clock.monotonic()
        try:
            self._look_at_books()
            self._sweep()
            self._failures = 0
        except DeskError as error:
            self._failures += 1
            self._note_failure(error)
        except Exception:  # the next look comes anyway; this one is in the log
            self._failures += 1
            log.exception("books_failed", account_id=self._account_id)

    def _look_at_books(self) -> None:
        try:
            self._read_books()
        finally:
            self.when_looked()  # orders wait for the first look at the books, and not for positions and funds

    def _pause(self) -> float:
        pending = self._pending()
        if self._failures:
            longest = MOST_PATIENCE * self._tools.rhythm.pending if pending else LONGEST_PAUSE
            return min(longest, self._tools.rhythm.pending * 2 ** min(self._failures, 10))
        if not pending:
            return min(self._tools.rhythm.idle, self._until_sweep())
        if self.stream_state is StreamState.LIVE and self._is_resting(pending):
            return max(RESTING, self._tools.rhythm.pending)
        return self._while_pending()

    def _is_resting(self, pending: dict[OrderState, datetime]) -> bool:
        """Nothing but orders that have stood at the venue for a while: a market order that stands is news unheard."""
        settled = self._tools.clock.now() - AFTER_CHANGE
        return all(
            state is OrderState.NEW or (state in AT_REST and moved_at < settled) for state, moved_at in pending.items()
        )

    def _until_sweep(self) -> float:
        if self._sweep_due is None:
            return self._tools.rhythm.idle
        return max(0.1, (self._sweep_due - self._tools.clock.now()).total_seconds())

    def _pending(self) -> dict[OrderState, datetime]:
        """The states of what is not finished, each with the last time an order in it moved."""
        with self._tools.db.read() as session:
            latest = session.execute(
                select(Order.state, func.max(Order.updated_at))
                .where(Order.account_id == self._account_id, Order.state.in_(LIVE))
                .group_by(Order.state)
            )
            return {OrderState(state): moved_at for state, moved_at in latest}

    def _read_books(self) -> None:
        clock = self._tools.clock
        started, ticking = clock.now(), clock.monotonic()
        pairs = self._read_pairs()  # before the orders: what came of one that is gone is in the later book
        orders = self.figures.orders(self._tools.rhythm.idle)
        latency = int((clock.monotonic() - ticking) * 1000)
        self.book_read_at = started
        wants_trades = self._tools.intake.wants_trades(self._account_id, orders, self.stream_state is StreamState.LIVE)
        trades, problem = self.figures.try_trades() if wants_trades else (None, None)
        self._tools.intake.books(self._account_id, Books(orders, trades, started, pairs))
        if problem:
            raise problem
        if self._failures or self._is_sweep_due():
            seen = Sighting(HealthState.OK, latency_ms=latency, book_read=True, order_stream=self.stream_state)
            self._tools.health.record(self._account_id, seen)

    def _read_pairs(self) -> list[OrderReport] | None:
        """A book of pairs that fails takes nothing away from what the other books show."""
        if not self._tools.intake.has_pairs(self._account_id):
            return None
        try:
            return self._venue.pairs()
        except DeskError as error:
            log.warning("pairs_not_read", account_id=self._account_id, reason=error.message)
            return None

    def _is_sweep_due(self) -> bool:
        now = self._tools.clock.now()
        asked = self._sweep_due is not None and now >= self._sweep_due
        return asked or self._swept_at is None or now - self._swept_at >= SWEEP

    def _sweep(self) -> None:
        """Positions and funds, with their age."""
        if not self._is_sweep_due():
            return
        asked, self._sweep_due = self._sweep_due, None
        try:
            self._read_figures(is_asked=asked is not None)
        except Exception:
            self._sweep_due = self._sweep_due or asked  # it is owed still
            raise
        self._swept_at = self._tools.clock.now()
        self._tools.announce(FiguresRead(self._account_id))

    def _read_figures(self, *, is_asked: bool) -> None:
        self._read_positions()
        self.figures.holdings()
        self.figures.funds()
        if is_asked:
            self.figures.try_trades()
        mode = self._venue.mode()
        state = HealthState.PAPER if mode == "paper" else HealthState.OK
        broker = self._venue.identity()
        seen = Sighting(state, broker=broker, mode=mode, order_stream=self.stream_state)
        self._tools.health.record(self._account_id, seen)

    def _read_positions(self) -> None:
        """With the moment the reading began: what fills while it is under way may not be in it."""
        tools, started = self._tools, self._tools.clock.now()
        self.figures.positions()
        if tools.compare(self._account_id):
            self.figures_moved()
        self.positions_read_at = started

    def _note_failure(self, error: DeskError) -> None:
        state, mode = HealthState.UNREACHABLE, None
        if isinstance(error, Refused):
            state = HealthState.NOT_LOGGED_IN
            self._swept_at = None  # what is held may have changed by the time somebody mends it
        if isinstance(error, WrongMode):
            state, mode = HealthState.WRONG_MODE, error.mode
        seen = Sighting(state, error=error.message, mode=mode, order_stream=self.stream_state)
        self._tools.health.record(self._account_id, seen)
        self._tools.announce(FiguresRead(self._account_id))


def _nobody() -> None:
    pass
