"""A desk on a tape: the live parts that decide, put together over a simulated venue and turned by one thread.

A tick goes first to the orders that work at the venue, then to whoever watches prices, as live; what that leads to is
carried out before the next one. What live is done by the clock is done every half second of the tape.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select

from app.accounts.models import Account
from app.engine.guard import Guard
from app.engine.late_entries import Due, LateEntries
from app.engine.leg_prices import MarketPrices
from app.engine.lookouts import watch_off_ticks
from app.engine.main import Loop
from app.engine.market import ExitMeans
from app.engine.orders import Dispatch, LaneClaims, Runs
from app.engine.replaying.cast import AsWritten, Players, TapeCandles, TapeLease, TapeMarket, Unseen
from app.engine.replaying.clock import TapeClock
from app.engine.replaying.venue import TapeBook
from app.engine.replaying.writer import TapeWriter
from app.engine.scheduler import Scheduler
from app.engine.venue_errands import SpotPrices
from app.execution.events import OrderChanged
from app.execution.intake import Intake, Patience
from app.execution.lease import new_engine_id
from app.execution.sender import Desk
from app.replays.terms import Terms
from app.risk.gate import gate
from app.strategies.models import Run
from app.strategies.part_views import ENDED
from app.strategies.resolving import Resolver
from app.strategies.runner import ReadyToSend, RunChanged, Runner
from app.strategies.starting import Rules, claim_runs
from app.venues.types import OrderReport, Quote
from app.wiring import Services

BEAT = timedelta(seconds=0.5)
SECOND, PLAN = timedelta(seconds=1), timedelta(seconds=30)
RESTLESS = timedelta(seconds=40)  # after news parts are looked at each second; else every so often
CALM = timedelta(seconds=10)
ROUNDS = 1_000  # of consequences of one tick


class TapeRuns(Runs):
    """Starts what was asked for at once."""

    def start(self) -> bool:
        runs = claim_runs(self._db, self._lease.engine_id)
        for run in runs:
            self._start(run, None)
        return bool(runs)


class TapeEntries(LateEntries):
    """What has to be known first is known at once: nobody is asked."""

    def _prepare(self, dues: Sequence[Due], run: Run, is_again: bool) -> None:
        self._resolve(dues, run, is_again)


class TapeDesk:
    def __init__(self, services: Services, clock: TapeClock, terms: Terms) -> None:
        self.services, self.clock = services, clock
        db, bus = services.db, services.bus
        self.writer = TapeWriter(db, bus)
        self._intake = Intake(db, self.writer, clock, Patience(1, timedelta()))
        self._lease = TapeLease(db, clock, new_engine_id(db))
        self._lease.take()
        self.market = TapeMarket(services)
        self._book = TapeBook(terms.slippage, self._report)
        desk = Desk(self.writer, self._intake, clock, bus, lambda: self._lease.claimant, gate)
        self._players = Players(_accounts(services), desk, self._book, clock)
        self._runner = self._make_runner()
        self._runs, self._scheduler, self._late = self._make_starts()
        self._guard = Guard(services, self.writer, self._runner, self.market, self._nudge)
        self._lookouts = self._make_lookouts()
        self._dispatch = Dispatch(self._players, desk)
        bus.subscribe(ReadyToSend, self._dispatch.ready)
        bus.subscribe(RunChanged, self._run_changed)
        bus.subscribe(OrderChanged, self._guard.part_changed)
        bus.subscribe(RunChanged, self._guard.part_changed)
        self._candles = cast(TapeCandles, services.candles)
        self._reports: list[tuple[str, OrderReport]] = []
        self._is_asked = True  # a run may be waiting to begin, or a part to leave
        self._restless_until = clock.now()
        self._next_second = self._next_plan = self._next_look = clock.now()
        self.is_live = False

    # -- what comes from the tape

    def tick(self, quote: Quote) -> None:
        self.clock.go(quote.received_at)
        self._book.take(quote)
        if self._reports:
            self._pump()
        self._candles.take(quote)
        self.market.hub.take(quote)
        self._pump()

    def beat(self) -> None:
        """What no tick brings; called every half second of the tape."""
        now = self.clock.now()
        if now >= self._next_plan:
            self._next_plan = now + PLAN
            self._scheduler.plan()
            self._scheduler.watch()
        self._scheduler.enter()
        if self.is_live:
            self._guard.sweep()
            self._guard.keep_trails()
            self._scheduler.leave()
            self._late.come_again()
            self._late.look()
            self._each_second(now)
        self._pump()

    def ask(self) -> None:
        """A run was asked for by hand."""
        self._nudge()
        self._pump()

    def failure(self) -> BaseException | None:
        """What the journal could not carry out."""
        return self.writer.failures[0] if self.writer.failures else None

    def stops(self) -> dict[str, object]:
        """By run the profit at which it is left by itself, where it is."""
        return {one.stake.id: one.stop for one in self._guard.monitor.standings()}

    # -- turning

    def _each_second(self, now: datetime) -> None:
        if now < self._next_second:
            return
        self._next_second = now + SECOND
        for loop in self._lookouts:
            for job in loop.jobs:
                job.step()
        if self._book.is_busy or now < self._restless_until or now >= self._next_look:
            self._next_look = now + CALM
            self._runs.step_unfinished()

    def _pump(self) -> None:
        """Until nothing follows any more."""
        for _ in range(ROUNDS):
            reports, self._reports = self._reports, []
            for account_id, report in reports:
                self._intake.push(account_id, report)
            is_asked, self._is_asked = self._is_asked, False
            if is_asked:
                self._runs.start()
                self._runs.step_asked()
            worked = self._late.enter() or self._players.pump()
            followed = self._guard.follow() if reports or is_asked or worked else False
            if not (reports or is_asked or worked or followed):
                return
            self._look_at_runs()
        raise RuntimeError("one tick of the tape led to more consequences than make sense")

    def _nudge(self) -> None:
        self._is_asked = True

    def _report(self, account_id: str, report: OrderReport) -> None:
        self._reports.append((account_id, report))

    def _run_changed(self, _event: RunChanged) -> None:
        self._is_asked = True

    def _look_at_runs(self) -> None:
        self._restless_until = self.clock.now() + RESTLESS
        with self.services.db.read() as session:
            live = select(Run.id).where(Run.state.not_in(ENDED)).limit(1)
            self.is_live = session.scalar(live) is not None
        self._scheduler.watch()

    # -- putting together

    def _make_runner(self) -> Runner:
        stale = timedelta(seconds=self.services.settings.stale_after_seconds)
        claims = LaneClaims(self._players, self._lease)
        means = ExitMeans(self.market.hub, self._players, self.services.instruments, self.clock, stale)
        return Runner(self.services.db, self.writer, self.clock, gate, claims, means)

    def _make_starts(self) -> tuple[TapeRuns, Scheduler, TapeEntries]:
        services, hub = self.services, self.market.hub
        spots = SpotPrices(services, hub, self._players)
        resolver = Resolver(services.instruments, spots, MarketPrices(services, hub, self._players))
        rules = Rules(lambda _accounts: {}, gate)
        parts = (services.db, self.writer, self.clock, self._runner, resolver, self._lease, rules, AsWritten())
        runs = TapeRuns(*parts)
        self.writer.follow(runs.follow)
        known = (services, self._players, self.market, self.writer, self._runner, resolver, Unseen(), self._nudge)
        late = TapeEntries(
            services, self._players, self.market, self.writer, self._runner, resolver, rules, self._nudge
        )
        return runs, Scheduler(*known), late

    def _make_lookouts(self) -> list[Loop]:
        return [watch_off_ticks(self.services, self._guard.monitor, self.market)]


def _accounts(services: Services) -> list[Account]:
    with services.db.read() as session:
        return list(session.scalars(select(Account).order_by(Account.failover_rank)))
