"""The risk monitor in the engine: fed by ticks, told of fills, and followed by an exit in the same breath.

What touches a bound becomes one unit of work in the journal's thread: the event, the decision, the step of the parts
and the claim of their exits, so that one commit lies between the tick and the wire.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database
from app.core.giving_way import give_way
from app.engine.lookouts import watch_off_ticks
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.execution.events import Alarm, OrderChanged
from app.execution.writer import Writer, Written
from app.risk.monitor import Monitor, Stake, Standing, Trigger
from app.risk.trailing import Trailed
from app.strategies import guarding, leaving
from app.strategies.part_views import ENDED
from app.strategies.runner import AT_ONCE, RunChanged, Runner
from app.venues.types import Symbol
from app.wiring import Services

log = structlog.get_logger()
BLIND = timedelta(seconds=10)


def watch_risk(
    services: Services, writer: Writer, runner: Runner, market: Market, nudge: Callable[[], None]
) -> tuple[dict[str, Loop], Monitor]:
    """The loop that keeps the stakes, and the one that looks at candles and deltas, with what they watch by; `nudge`
    wakes whoever steps parts that did not fit into one unit of work."""
    guard = Guard(services, writer, runner, market, nudge)
    services.bus.subscribe(OrderChanged, guard.part_changed)
    services.bus.subscribe(RunChanged, guard.part_changed)
    loops = {"risk": guard.loop, "lookouts": watch_off_ticks(services, guard.monitor, market)}
    return loops, guard.monitor


class Guard:
    def __init__(
        self, services: Services, writer: Writer, runner: Runner, market: Market, nudge: Callable[[], None]
    ) -> None:
        self._db: Database = services.db
        self._clock: Clock = services.clock
        self._publish = services.bus.publish
        self._writer = writer
        self._runner = runner
        self._market = market
        self._nudge = nudge
        self._limit = timedelta(seconds=services.settings.stale_after_seconds)
        self._lock = threading.Lock()
        self._parts: set[str] = set()  # that changed
        self._unlimited: set[str] = set()  # parts of runs without limits: their orders are no news here
        self._moved: dict[str, tuple[Stake, Trailed]] = {}
        self._is_first = True
        self._told: set[str] = set()
        self._marked: set[Symbol] = set()
        self.monitor = Monitor(
            lambda symbol: market.hub.fresh(symbol, services.clock.now(), self._limit), self._leave, self._keep
        )
        market.hub.listen(self.monitor.on_quote)
        jobs = [Job("stakes", self.follow, 0), Job("trails", self.keep_trails, 0.2), Job("sweep", self.sweep, 0.5)]
        self.loop = Loop(jobs, services.clock)

    # -- what changed

    def part_changed(self, event: OrderChanged | RunChanged) -> None:
        part = event.account_run_id
        if part is None:
            return
        if part in self._unlimited:
            if isinstance(event, RunChanged) and event.state in ENDED:
                self._unlimited.discard(part)
            return
        with self._lock:
            self._parts.add(part)
        self.loop.nudge()

    def follow(self) -> bool:
        """Read anew what changed; at first everything."""
        with self._lock:
            parts, self._parts = self._parts, set()
        if not (parts or self._is_first):
            return False
        try:
            return self._follow(parts)
        except Exception:
            with self._lock:
                self._parts |= parts  # or what they hold would be watched by nobody
            raise

    def _follow(self, parts: set[str]) -> bool:
        with self._db.read() as session:
            limited = guarding.limited(session, parts)
            self._unlimited |= parts - limited.keys()
            wanted = None if self._is_first else set(limited.values())
            if wanted == set():
                return False
            found = guarding.stakes(session, wanted)
        self._is_first = False
        self.monitor.put(wanted, found, self._clock.now())
        self._want_marks()
        return True

    def _want_marks(self) -> None:
        """What is looked at and held by nobody needs its price too."""
        marked = {mark.symbol for one in self.monitor.standings() for mark in one.stake.marks}
        if marked != self._marked:
            self._marked = marked
            self._market.want("limits", marked)

    # -- what touched a bound

    def _leave(self, trigger: Trigger) -> None:
        take_longer_turns = give_way()  # whatever else is reckoned in this moment
        decided = self._writer.submit(partial(self._left, trigger), durable=True)
        decided.add_done_callback(lambda _future: take_longer_turns())
        decided.add_done_callback(lambda future: self._after(trigger, future.exception()))

    def _left(self, trigger: Trigger, session: Session) -> Written:
        parts, events = leaving.leave(session, trigger, self._clock.now())
        stepped = self._runner.unit(parts[:AT_ONCE], session).events if parts else ()
        return Written(len(parts) > AT_ONCE, [*stepped, *events])

    def _after(self, trigger: Trigger, error: BaseException | None) -> None:
        self._nudge()
        if error is not None:
            log.error("risk_exit_not_decided", run_id=trigger.stake.run_id, error=str(error))
            self.monitor.again(trigger.stake)

    # -- how far stops have followed

    def _keep(self, stake: Stake, trailed: Trailed) -> None:
        self._moved[stake.id] = (stake, trailed)

    def keep_trails(self) -> bool:
        moved = {key: self._moved.pop(key) for key in list(self._moved)}
        if moved:
            try:
                self._writer.write(partial(self._kept, list(moved.values())))
            except Exception:
                for key, one in moved.items():  # what came meanwhile is newer
                    self._moved.setdefault(key, one)
                raise
        return bool(moved)

    def _kept(self, moved: list[tuple[Stake, Trailed]], session: Session) -> Written:
        leaving.keep(session, moved, self._clock.now())
        return Written(len(moved))

    # -- what no tick brings

    def sweep(self) -> None:
        now = self._clock.now()
        self.monitor.sweep(now)
        blind = {one.stake.id: one for one in self.monitor.standings() if self._is_blind(one, now)}
        for key in blind.keys() - self._told:
            stake = blind[key].stake
            text = f"{stake.name}: its stops stand still, since there is no fresh price of what it looks at."
            self._publish(Alarm(stake.owner_id, None, f"run:{stake.run_id}", text))
        self._told = set(blind)

    def _is_blind(self, one: Standing, now: datetime) -> bool:
        if one.blind_since is None or now - one.blind_since < BLIND:
            return False
        return any(self._market.is_open(symbol.exchange, now) for symbol in one.stake.held)
