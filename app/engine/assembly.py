"""The engine, put together: venues, lanes and attendants per account; the feed; the runs; the loops that turn them."""

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from app.accounts.events import AccountChanged, HealthChanged
from app.broadcast.coalesce import EVERYONE, Broadcaster
from app.core import errands, idempotency
from app.core.aside import Aside
from app.core.errands import ErrandDone
from app.engine import metrics
from app.engine.accounts_desk import FreshReadings, books_of, broadcast_accounts
from app.engine.alerts import watch_alerts
from app.engine.attendant import FiguresRead, Rhythm, Tools
from app.engine.bookkeeper import keep_books
from app.engine.charts import Charts
from app.engine.crew import Crew
from app.engine.day_guard import prices_for_limits, watch_days
from app.engine.errands import Desk as ErrandDesk
from app.engine.feed_news import tell_of_feed
from app.engine.figures import Books
from app.engine.guard import watch_risk
from app.engine.hands import Hands
from app.engine.jobs_told import beat
from app.engine.late_entries import LateEntries
from app.engine.leg_prices import MarketPrices
from app.engine.main import Job, Loop
from app.engine.market import ExitMeans, Market
from app.engine.masters import Masters
from app.engine.modes import Modes
from app.engine.news import News
from app.engine.option_chains import CHAIN, OptionChains
from app.engine.orders import Dispatch, LaneClaims, Runs, cancel_asked, order_decided
from app.engine.ready import CHECK_READY, Ready
from app.engine.reopening import Reopening
from app.engine.replay_desk import tapes
from app.engine.scheduler import Scheduler
from app.engine.sharing import Share
from app.engine.signals import act_on_signals
from app.engine.sizer import Sizer
from app.engine.sizing_market import SetMarket
from app.engine.stops import look_at_stops
from app.engine.telling import tell_people
from app.engine.ticket_errands import ticket_margins
from app.engine.truth import watch_outside
from app.engine.venue_errands import SpotPrices, VenueErrands, margin_of, standing_of
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.intake import Intake, Patience
from app.execution.lease import Lease, new_engine_id
from app.execution.sender import ApprovalWanted, Desk, ModeSurprise
from app.execution.tickets import MARGINS
from app.execution.writer import Unfollowed, Writer
from app.instruments.service import SYNC
from app.portfolio.carry import carry_forward
from app.portfolio.comparing import Comparer
from app.risk.events import StandingChanged
from app.strategies.preview import Previewer
from app.strategies.resolving import Resolver
from app.strategies.runner import ReadyToSend, RunChanged, Runner
from app.strategies.starting import Prepare, Rules
from app.venues import openalgo
from app.venues.registry import Registry
from app.wiring import Services

log = structlog.get_logger()
LEASE_EVERY = 2.0
LOOP_OF = {
    "starts": "starts",
    "runs": "runs",
    "cancels": "runs",
    "decided": "runs",
    "risk": "runs",
    "limits": "limits",
    "alerts": "alerts",
    "schedule": "schedule",
    "signals": "signals",
}  # by nudge
# Seconds between the tries of one that waits, which with the lease's term is how long nobody acts, or that leads and
# could not renew.
STANDBY_EVERY = 0.5


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
    charts: Charts
    chains: OptionChains
    broadcaster: Broadcaster
    aside: Aside
    errand_desk: ErrandDesk
    loops: dict[str, Loop]

    lost: threading.Event  # it does not lead any more, or cannot: it must end, and may start again as the standby
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
        self.charts.stop()
        self.chains.stop()
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
        """What is lost stays lost: whoever waits for `lost` ends this engine."""
        while not (self._stopping.is_set() or self.lost.is_set()):
            is_held = self._renew()
            self._stopping.wait(LEASE_EVERY if is_held else STANDBY_EVERY)

    def _renew(self) -> bool:
        """Whether the lease was taken now. Where nobody could be asked, what is held counts until it runs out: no other
        engine acts before, and nothing is sent after."""
        try:
            leads = self.lease.take()
        except Exception:  # tried again soon
            log.exception("lease_not_renewed")
            if self.services.clock.now() < self.lease.claimant.until:
                return False
            leads = False
        if leads and not self._leading.is_set():
            self._begin_to_lead()
        elif not leads and self._leading.is_set():
            log.error("engine_lost_the_lease", engine_id=self.lease.engine_id)
            self._lose()
        return leads

    def _begin_to_lead(self) -> None:
        """Wholly or not at all: one that could not start its threads ends, and another one begins anew."""
        try:
            self.broadcaster.start()
            self.charts.start()
            self.chains.start()
        except Exception:
            log.exception("engine_cannot_lead", engine_id=self.lease.engine_id)
            self._lose()
            return
        log.info("engine_leads", engine_id=self.lease.engine_id, epoch=self.lease.epoch)
        self._leading.set()

    def _lose(self) -> None:
        self._leading.clear()
        self.lost.set()

    def _on_nudge(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "watch":
            (self.chains if payload.get("mode") == CHAIN else self.market).watch(payload)
            return
        if kind == "chart":
            self.charts.watch(payload)
            return
        if kind == "candles":
            self.charts.look_soon()
            return
        if kind == "hello":
            self.broadcaster.send_everything()
            self.chains.send_everything()
            return
        if kind == "decided" and self._leading.is_set():
            order_decided(self.services.db, self.services.bus, str(payload.get("order_id", "")))
        if kind == "risk":
            self.services.bus.publish(StandingChanged(str(payload.get("owner", ""))))
        if kind == "instruments":
            self.services.instruments.forget()
            self.broadcaster.changed(EVERYONE, ["instruments"])
        if "rooms" in payload:
            self.broadcaster.changed(str(payload.get("owner", "")), [str(room) for room in payload["rooms"]])
        if kind == "accounts":
            self.services.bus.publish(AccountChanged("", str(payload.get("account_id", ""))))
        self.loops[LOOP_OF.get(kind, "house")].nudge()


def build(services: Services) -> Engine:
    settings, db, clock, bus, gate = services.settings, services.db, services.clock, services.bus, services.day_gate
    lease, writer = Lease(db, clock, new_engine_id(db)), Writer(db, bus)
    patience = Patience(settings.unknown_lookups, timedelta(seconds=settings.unknown_window_seconds))
    intake = Intake(db, writer, clock, patience)
    desk = Desk(writer, intake, clock, bus, lambda: lease.claimant, gate)
    kinds, books = registry(), books_of(services)
    tools = _tools(services, writer, intake, lambda: crew)
    crew = Crew(services.accounts, kinds, desk, tools, books, clock)
    market = Market(services, crew)
    broadcaster = Broadcaster(
        db, services.portfolio, market.hub, services.link, clock, market.feed.status,
        want=market.want_positions, mode_of=market.mode_of,
    )  # fmt: skip
    news = News(services, broadcaster)
    standing = standing_of(services, crew)
    resolver, sizer, prepare = _before_a_start(services, crew, market)
    stale = timedelta(seconds=settings.stale_after_seconds)
    means = ExitMeans(market.hub, crew, services.instruments, clock, stale)
    runner = Runner(db, writer, clock, gate, LaneClaims(crew, lease), means)
    runs = Runs(db, writer, clock, runner, resolver, lease, Rules(standing, gate, prepare), sizer)
    previewer = Previewer(resolver, partial(margin_of, crew), standing, sizer.sizes, crew.warm)
    venue_errands = VenueErrands(services, kinds, crew, previewer)
    masters, ready = Masters(services, crew), Ready(services, market, venue_errands.preview_run, broadcaster)
    handlers = _handlers(venue_errands, services, crew, books) | {SYNC: masters.sync_now, CHECK_READY: ready.check}
    errand_desk = ErrandDesk(db, clock, handlers, bus.publish)
    writer.follow(runs.follow)
    dispatch, hands = Dispatch(crew, desk), Hands(db, writer, clock, crew, lease)
    house = Loop(_house_jobs(services, crew, errand_desk, masters, intake, market), clock)
    run_loop = Loop(_run_jobs(runs, lambda: cancel_asked(services, writer, dispatch), hands.step), clock)
    starts = Loop([Job("start", lambda: crew.is_complete and runs.start(), 0)], clock)
    house.add(Job("beat", lambda: beat(services.pulse, clock, loops, crew), 2.0, can_wait=0.5))
    watchers, monitor = watch_risk(services, writer, runner, market, run_loop.nudge)
    scheduler = Scheduler(services, crew, market, writer, runner, resolver, broadcaster, _waking(starts, run_loop))
    loops = {
        "starts": starts,
        "runs": run_loop,
        "house": house,
        "alerts": watch_alerts(services, market, broadcaster),
        "accounts": broadcast_accounts(services, books, news),
        "schedule": scheduler.loop,
        "late entries": LateEntries(services, crew, market, writer, runner, resolver, runs.rules, run_loop.nudge).loop,
        "limits": watch_days(services, writer, runner, market, broadcaster, run_loop.nudge),
        "books": keep_books(services, broadcaster, monitor.standings),
        **watchers,
        **act_on_signals(services, broadcaster),
    } | tapes(services, market, crew)
    for loop in loops.values():
        loop.is_trading = crew.is_trading
    broadcaster.is_trading = crew.is_trading
    aside, charts, chains = Aside("news"), Charts(services, crew, market), OptionChains(services, crew, market)
    _listen(services, _Listeners(dispatch, runs, crew, news, broadcaster, market, aside), loops)
    by_clock = [Job("ready", ready.daily, 5.0), Reopening(services, writer, runner).job]
    watching = [metrics.watch(services, crew, market.feed.report), *by_clock]
    for job in (*watching, *watch_outside(services, crew, writer, runner, news, aside)):
        house.add(job)
    parts = (services, lease, writer, crew, runs, market, charts, chains, broadcaster, aside, errand_desk, loops)
    return Engine(*parts, threading.Event(), [], threading.Event(), threading.Event())


def _tools(services: Services, writer: Writer, intake: Intake, crew: Callable[[], Crew]) -> Tools:
    """Of the attendants, whose crew is not there yet."""
    db, clock, settings = services.db, services.clock, services.settings
    rhythm = Rhythm(settings.order_book_poll_seconds, settings.order_book_idle_seconds)
    compare = Comparer(db, writer, services.portfolio, clock, intake.disbelieved).compare
    return Tools(
        db, intake, services.health, clock, rhythm, services.bus.publish, Share(clock),
        lambda: len(crew()), compare, lambda: crew().is_trading(),
    )  # fmt: skip


def _before_a_start(services: Services, crew: Crew, market: Market) -> tuple[Resolver, Sizer, Prepare]:
    """What finds a run's contracts and its lots, and what the limits of the day ask of them, by the same prices."""
    prices = SpotPrices(services, market.hub, crew)
    resolver = Resolver(services.instruments, prices, MarketPrices(services, market.hub, crew))
    prepare = partial(prices_for_limits, services, prices)
    return resolver, Sizer(services, crew, SetMarket(services, crew, prices)), prepare


def _handlers(
    venue_errands: VenueErrands, services: Services, crew: Crew, books: Books
) -> dict[str, Callable[[errands.Errand], dict[str, object]]]:
    return {
        "test_connection": venue_errands.test_connection,
        "preview_run": venue_errands.preview_run,
        "refresh_account": venue_errands.refresh_account,
        "read_part": FreshReadings(services, crew, books).read,
        MARGINS: partial(ticket_margins, services, crew),
    }


def _waking(*loops: Loop) -> Callable[[], None]:
    def wake() -> None:
        for loop in loops:
            loop.nudge()

    return wake


def _run_jobs(runs: Runs, cancel: Callable[[], object], by_hand: Callable[[], object]) -> list[Job]:
    return [
        Job("recover", runs.recover, 2.0),
        Job("cancels", cancel, 0),
        Job("by hand", by_hand, 0),
        Job("asked", runs.step_asked, 0),
        Job("unfinished", runs.step_unfinished, 1.0),
    ]


def _house_jobs(
    services: Services, crew: Crew, desk: ErrandDesk, masters: Masters, intake: Intake, market: Market
) -> list[Job]:
    return [
        Job("crew", crew.refresh, 1.0, can_wait=2.0),
        Job("errands", desk.take, 0),
        Job("masters", masters.step, 1.0, can_wait=2.0),
        Job("parked", intake.release_parked, 5.0),
        Job("market", market.follow, 1.0, can_wait=1.0),
        Job("feed", market.tell, 2.0, can_wait=1.0),
        Job("stops", lambda: look_at_stops(services), 0.5),
        Job("carry", lambda: carry_forward(services.db, services.clock.now()), 600.0, can_wait=5.0),
        Job("candles", services.candles.sweep, 3600.0, can_wait=60.0),
        Job("keys", lambda: idempotency.sweep(services.db, services.clock.now()), 3600.0, can_wait=60.0),
        Job("checkpoint", services.db.checkpoint, 3.0, can_wait=3.0),
        Job("garbage", partial(gc.collect, 1), 1.0, can_wait=10.0),  # it stops every thread: not while orders are out
        Job("old garbage", gc.collect, 600.0, can_wait=60.0),
        Job("sweep", lambda: errands.sweep(services.db, services.clock.now()), 3600.0, can_wait=60.0),
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
        member = crew.get(event.account_id)
        if member is not None:
            member.attendant.figures_moved()

    later = aside.later
    tell_people(services, broadcaster, aside)
    tell_of_feed(services, broadcaster, aside)
    bus.subscribe(ReadyToSend, dispatch.ready)
    bus.subscribe(Unfollowed, runs.look_again)
    bus.subscribe(TradesWanted, dispatch.trades_wanted)
    bus.subscribe(OrderChanged, dispatch.order_changed)
    bus.subscribe(OrderChanged, later(order_changed))
    bus.subscribe(OrderChanged, later(broadcaster.order_changed))
    bus.subscribe(OrderChanged, later(news.order_changed))
    bus.subscribe(FiguresRead, later(lambda event: news.figures_changed(event.account_id)))
    bus.subscribe(RunChanged, later(news.run_changed))
    bus.subscribe(RunChanged, lambda _event: market.follow_soon())
    bus.subscribe(Alarm, later(news.alarm))
    bus.subscribe(HealthChanged, later(news.health_changed))
    bus.subscribe(StandingChanged, later(news.standing_changed))
    bus.subscribe(ErrandDone, later(news.errand_done))
    bus.subscribe(ModeSurprise, later(news.mode_surprise))
    modes = Modes(services)
    bus.subscribe(ModeSurprise, modes.surprised)
    bus.subscribe(HealthChanged, later(modes.health_changed))
    bus.subscribe(ApprovalWanted, later(news.approval_wanted))
    bus.subscribe(AccountChanged, lambda _event: loops["house"].nudge())
