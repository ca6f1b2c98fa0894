"""The engine, put together: venues, lanes and attendants per account; the feed; the runs; the loops that turn them."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from app.accounts.events import AccountChanged, HealthChanged
from app.broadcast.coalesce import Broadcaster
from app.core import errands, idempotency
from app.core.aside import Aside
from app.core.errands import ErrandDone
from app.core.ids import new_id
from app.engine.attendant import FiguresRead, Rhythm, Tools
from app.engine.crew import Crew
from app.engine.errands import Desk as ErrandDesk
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.engine.masters import Masters
from app.engine.news import News
from app.engine.orders import Dispatch, LaneClaims, Runs, cancel_asked, order_decided
from app.engine.venue_errands import SpotPrices, VenueErrands, margin_of, standing_of
from app.execution.desk import open_gate
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.intake import Intake, Patience
from app.execution.lease import Lease
from app.execution.sender import ApprovalWanted, Desk, ModeSurprise
from app.execution.writer import Writer
from app.portfolio.carry import carry_forward
from app.strategies.preview import Previewer
from app.strategies.resolving import Resolver
from app.strategies.runner import ReadyToSend, RunChanged, Runner
from app.strategies.starting import Rules
from app.venues import openalgo
from app.venues.registry import Registry
from app.wiring import Services

log = structlog.get_logger()
LEASE_EVERY = 2.0


def registry() -> Registry:
    kinds = Registry()
    openalgo.register(kinds)
    return kinds


@dataclass(slots=True)
class Engine:
    """Start it, and stop it; everything else it does by itself."""

    services: Services
    lease: Lease
    writer: Writer
    crew: Crew
    runs: Runs
    market: Market
    broadcaster: Broadcaster
    aside: Aside
    errand_desk: ErrandDesk
    loops: dict[str, Loop]

    lost: threading.Event  # another engine leads now: this one must end, and may start again as the standby
    _threads: list[threading.Thread]
    _leading: threading.Event
    _stopping: threading.Event

    def start(self) -> None:
        self._spawn("lease", self._keep_lease)
        for name, loop in self.loops.items():
            self._spawn(name, partial(loop.run, self._leading.is_set))
        self.services.link.listen(self._on_nudge)

    def wait_until_leading(self, seconds: float) -> bool:
        return self._leading.wait(seconds)

    def stop(self) -> None:
        """Finish the steps under way, let go of the lease, close the connections."""
        self._stopping.set()
        for loop in self.loops.values():
            loop.stop()
        for thread in self._threads:
            thread.join(timeout=10)
        self.market.stop()
        self.errand_desk.close()
        self.runs.close()
        self.crew.close()
        self.aside.stop()
        self.broadcaster.stop()
        self.writer.close()
        self.lease.release()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _keep_lease(self) -> None:
        while not self._stopping.is_set():
            self._renew()
            self._stopping.wait(LEASE_EVERY)

    def _renew(self) -> None:
        try:
            leads = self.lease.take()
        except Exception:  # without a renewal the lease runs out by itself, and claims with it
            log.exception("lease_not_renewed")
            leads = False
        if leads and not self._leading.is_set():
            log.info("engine_leads", engine_id=self.lease.engine_id, epoch=self.lease.epoch)
            self.broadcaster.start()
            self._leading.set()
        elif not leads and self._leading.is_set():
            log.error("engine_lost_the_lease", engine_id=self.lease.engine_id)
            self._leading.clear()
            self.lost.set()

    def _on_nudge(self, kind: str, payload: dict[str, object]) -> None:
        if kind == "watch":
            self.market.watch(payload)
            return
        if kind == "hello":
            self.broadcaster.send_everything()
            return
        if kind == "decided" and self._leading.is_set():
            order_decided(self.services.db, self.services.bus, str(payload.get("order_id", "")))
        name = {"runs": "runs", "cancels": "runs", "decided": "runs"}.get(kind, "house")
        if kind == "accounts":
            self.services.bus.publish(AccountChanged("", str(payload.get("account_id", ""))))
        self.loops[name].nudge()


def build(services: Services) -> Engine:
    settings, db, clock, bus = services.settings, services.db, services.clock, services.bus
    engine_id = f"{os.getpid()}-{new_id()[-8:]}"
    lease, writer = Lease(db, clock, engine_id), Writer(db, bus)
    patience = Patience(settings.unknown_lookups, timedelta(seconds=settings.unknown_window_seconds))
    intake = Intake(db, writer, clock, patience)
    desk = Desk(writer, intake, clock, bus, lambda: lease.claimant)
    rhythm = Rhythm(settings.order_book_poll_seconds, settings.order_book_idle_seconds)
    tools = Tools(db, intake, services.health, services.snapshots, clock, rhythm, bus.publish)
    kinds = registry()
    crew = Crew(services.accounts, kinds, desk, tools, clock)
    market = Market(services, crew)
    broadcaster = Broadcaster(
        db, services.portfolio, market.hub, services.link, clock, market.feed.status, want=market.want_positions
    )
    news = News(services, broadcaster)
    standing = standing_of(services, crew)
    resolver = Resolver(services.instruments, SpotPrices(services, market.hub, crew))
    runner = Runner(db, writer, clock, open_gate, LaneClaims(crew, lease))
    runs = Runs(db, writer, clock, runner, resolver, lease, Rules(standing, open_gate))
    previewer = Previewer(resolver, lambda account_id, orders: margin_of(crew, account_id, orders), standing)
    venue_errands = VenueErrands(services, kinds, crew, previewer)
    errand_desk = ErrandDesk(db, clock, _handlers(venue_errands), bus.publish)
    dispatch = Dispatch(crew, desk)
    masters = Masters(services, crew)
    house = Loop(_house_jobs(services, crew, errand_desk, masters, intake, market), clock, services.pulse)
    house_beat = Job("beat", house.beat, 2.0)
    run_loop = Loop(_run_jobs(crew, runs, lambda: cancel_asked(db, writer, dispatch, clock)), clock, services.pulse)
    house.add(house_beat)
    loops = {"runs": run_loop, "house": house}
    aside = Aside("news")
    _listen(services, _Listeners(dispatch, runs, crew, news, broadcaster, market, aside), loops)
    parts = (services, lease, writer, crew, runs, market, broadcaster, aside, errand_desk, loops)
    return Engine(*parts, threading.Event(), [], threading.Event(), threading.Event())


def _handlers(venue_errands: VenueErrands) -> dict[str, Callable[[errands.Errand], dict[str, object]]]:
    return {
        "test_connection": venue_errands.test_connection,
        "preview_run": venue_errands.preview_run,
        "refresh_account": venue_errands.refresh_account,
    }


def _run_jobs(crew: Crew, runs: Runs, cancel: Callable[[], object]) -> list[Job]:
    return [
        Job("recover", runs.recover, 2.0),
        Job("start", lambda: crew.is_complete and runs.start(), 0),
        Job("cancels", cancel, 0),
        Job("asked", runs.step_asked, 0),
        Job("unfinished", runs.step_unfinished, 1.0),
    ]


def _house_jobs(
    services: Services, crew: Crew, desk: ErrandDesk, masters: Masters, intake: Intake, market: Market
) -> list[Job]:
    return [
        Job("crew", crew.refresh, 1.0),
        Job("errands", desk.take, 0),
        Job("masters", masters.step, 1.0),
        Job("parked", intake.release_parked, 5.0),
        Job("market", market.follow, 1.0),
        Job("feed", market.tell, 2.0),
        Job("carry", lambda: carry_forward(services.db, services.clock.now()), 600.0),
        Job("keys", lambda: idempotency.sweep(services.db, services.clock.now()), 3600.0),
        Job("checkpoint", services.db.checkpoint, 3.0),
        Job("sweep", lambda: errands.sweep(services.db, services.clock.now()), 3600.0),
    ]


@dataclass(frozen=True, slots=True)
class _Listeners:
    """Who hears what happens. What only tells people is done aside: the journal does not wait for it."""

    dispatch: Dispatch
    runs: Runs
    crew: Crew
    news: News
    broadcaster: Broadcaster
    market: Market
    aside: Aside


def _listen(services: Services, ears: _Listeners, loops: dict[str, Loop]) -> None:
    dispatch, runs, crew, news = ears.dispatch, ears.runs, ears.crew, ears.news
    broadcaster, market, aside = ears.broadcaster, ears.market, ears.aside
    bus = services.bus

    def order_changed(event: OrderChanged) -> None:
        runs.order_changed(event)
        member = crew.get(event.account_id)
        if member is not None:
            member.attendant.figures_moved()

    later = aside.later
    bus.subscribe(ReadyToSend, dispatch.ready)
    bus.subscribe(TradesWanted, dispatch.trades_wanted)
    bus.subscribe(OrderChanged, order_changed)
    bus.subscribe(OrderChanged, broadcaster.order_changed)
    bus.subscribe(OrderChanged, later(news.order_changed))
    bus.subscribe(FiguresRead, later(lambda event: news.figures_changed(event.account_id)))
    bus.subscribe(RunChanged, later(news.run_changed))
    bus.subscribe(RunChanged, lambda _event: market.follow_soon())
    bus.subscribe(Alarm, later(news.alarm))
    bus.subscribe(HealthChanged, later(news.health_changed))
    bus.subscribe(ErrandDone, later(news.errand_done))
    bus.subscribe(ModeSurprise, later(news.mode_surprise))
    bus.subscribe(ApprovalWanted, later(news.approval_wanted))
    bus.subscribe(AccountChanged, lambda _event: loops["house"].nudge())
