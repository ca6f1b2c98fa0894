"""The schedule in the engine: entries at their time, connections warm before them, and runs left when their time came.

The next entries are known ahead, so that nothing has to be looked up in the moment they are due; deciding one is a
single unit of work (`scheduling`). Leaving goes the way of every other exit: whoever decides it first decides it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.broadcast.coalesce import Broadcaster
from app.core.clock import INDIA
from app.core.each import each
from app.core.errors import DeskError
from app.engine.crew import Crew
from app.engine.main import POLL, Job, Loop
from app.engine.market import Market
from app.engine.unreadable import Unreadable
from app.execution.events import Alarm
from app.execution.writer import Writer, Written
from app.instruments.contracts import CannotResolve
from app.notify.messages import Message
from app.notify.models import Level
from app.risk.limits import Bounds
from app.risk.monitor import Reach, Stake, Trigger
from app.risk.rules import Rule
from app.strategies import leaving
from app.strategies.legs import Leg
from app.strategies.market_days import MarketDays, is_open
from app.strategies.models import Run, Strategy
from app.strategies.resolving import Resolver
from app.strategies.runner import AT_ONCE, Runner
from app.strategies.schedule import Leaving, Slot
from app.strategies.scheduling import account_ids
from app.venues.types import Symbol
from app.wiring import Services

log = structlog.get_logger()
AHEAD = timedelta(days=1)  # entries that are kept in mind
ANEW = timedelta(seconds=30)  # how soon a change of the calendar is noticed
WARM = (timedelta(seconds=30), timedelta(seconds=4))  # before an entry: a server may close what stood idle
BEAT = timedelta(seconds=5)
BY = "schedule"
PULSE = "schedule"
ROOMS = ["strategies", "runs", "dashboard"]


@dataclass(slots=True)
class Armed:
    """A strategy that is armed, with its entries to come and those that are due."""

    strategy: Strategy
    pending: list[Slot]
    read_at: datetime
    warmed: set[tuple[datetime, timedelta]] = field(default_factory=set)

    def is_of(self, strategy: Strategy) -> bool:
        """Whether nobody changed it, or armed it anew, since."""
        known = self.strategy
        return (known.version, known.armed_at) == (strategy.version, strategy.armed_at)


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that leaves by its schedule."""

    run: Run
    leaving: Leaving
    days: MarketDays
    read_at: datetime


class Scheduler:
    def __init__(
        self, services: Services, crew: Crew, market: Market, writer: Writer, runner: Runner, resolver: Resolver,
        broadcaster: Broadcaster, nudge: Callable[[], None],
    ) -> None:  # fmt: skip
        """`nudge` wakes whoever starts runs and steps their parts."""
        self._services = services
        self._schedules = services.schedules
        self._clock = services.clock
        self._crew = crew
        self._market = market
        self._writer = writer
        self._runner = runner
        self._resolver = resolver
        self._broadcaster = broadcaster
        self._nudge = nudge
        self._unreadable = Unreadable(services)
        self._armed: dict[str, Armed] = {}
        self._watched: dict[str, Watched] = {}
        self._asked: set[str] = set()  # runs whose exit is in the journal, or on its way there
        self._closed: set[str] = set()  # runs that were told of: their time came while the market was closed
        self._told: tuple[dict[str, Any], datetime] | None = None
        self.loop = Loop(
            [
                Job("armed", self.plan, 1.0, can_wait=1.0),
                Job("entries", self.enter, 0),
                Job("warm", self.warm, 1.0, can_wait=1.0),
                Job("to leave", self.watch, 1.0, can_wait=1.0),
                Job("exits", self.leave, 0),
                Job("unsaid", self.tell, 1.0, can_wait=1.0),
            ],
            services.clock,
        )

    # -- entries

    def plan(self) -> None:
        """What is armed, and its next entries; read anew when it changed and from time to time."""
        now = self._clock.now()
        rows = self._schedules.armed()
        known, self._armed = self._armed, {}
        try:
            step = partial(self._plan, known, now)
            each(rows, step, "strategies could not be planned", partial(self._unreadable.strategy, now=now))
        finally:
            self._beat(self._summary(rows), now)

    def _plan(self, known: Mapping[str, Armed], now: datetime, row: Strategy) -> None:
        """What was known stays should it not be readable, but never the times of an earlier version."""
        before = known.get(row.id)
        if before is not None and before.is_of(row):
            self._armed[row.id] = before
            if now - before.read_at < ANEW:
                return
        self._armed[row.id] = self._read(row, before, now)

    def _beat(self, summary: dict[str, Any], now: datetime) -> None:
        """What is armed stands at the head of every page: told when it changed, and as a sign of life."""
        if self._told is None or self._told[0] != summary or now - self._told[1] >= BEAT:
            self._services.pulse.beat(PULSE, {"owners": summary})
            self._told = (summary, now)

    def _read(self, strategy: Strategy, before: Armed | None, now: datetime) -> Armed:
        days = self._schedules.days(strategy, now)
        pending = self._schedules.pending(strategy, days, now, AHEAD)
        return Armed(strategy, pending, now, before.warmed if before else set())

    def _summary(self, rows: Sequence[Strategy]) -> dict[str, Any]:
        """By owner how many are armed, and when the first of them enters within a day."""
        found: dict[str, Any] = {}
        for row in rows:
            one = found.setdefault(row.owner_id, {"armed": 0, "next_at": None, "name": ""})
            one["armed"] += 1
            pending = self._armed[row.id].pending if row.id in self._armed else []
            next_at = next((slot.at.isoformat() for slot in pending if not slot.skip), None)
            if next_at is not None and (one["next_at"] is None or next_at < one["next_at"]):
                one |= {"next_at": next_at, "name": row.name}
        return found

    def enter(self) -> bool:
        """Every entry that is due: each by itself, so that the trouble of one keeps no other."""
        now, done = self._clock.now(), False
        for armed in list(self._armed.values()):
            while armed.pending and armed.pending[0].at <= now:
                if not self._enter(armed.strategy, armed.pending[0]):
                    break
                armed.pending.pop(0)
                done = True
        self._wake_for_next()
        return done

    def _enter(self, strategy: Strategy, slot: Slot) -> bool:
        """Whether it is decided."""
        try:
            entry = self._schedules.enter(strategy.id, slot)
        except Exception:  # nothing was written: it is tried again while its grace lasts
            log.exception("entry_not_decided", strategy_id=strategy.id, slot=slot.name)
            return False
        if entry is not None:
            log.info("entry_decided", strategy_id=strategy.id, slot=slot.name, outcome=entry.outcome, why=entry.reason)
            if entry.outcome == "started":
                self._nudge()
            self._broadcaster.changed(strategy.owner_id, ROOMS)
        return True

    def _wake_for_next(self) -> None:
        """Not at the next turn but in the very moment: a turn may be late by its pause."""
        first = min((one.pending[0].at for one in self._armed.values() if one.pending), default=None)
        wait = (first - self._clock.now()).total_seconds() if first else POLL
        if 0 < wait < POLL:
            timer = threading.Timer(wait, self.loop.nudge)
            timer.daemon = True
            timer.start()

    # -- before an entry

    def warm(self) -> None:
        now = self._clock.now()
        spots: set[Symbol] = set()
        try:
            each(list(self._armed.values()), lambda one: self._warm_for(one, spots, now), "strategies stay cold")
        finally:
            self._market.want(PULSE, spots)

    def _warm_for(self, armed: Armed, spots: set[Symbol], now: datetime) -> None:
        """Adds what its entries to come are priced by."""
        for slot in armed.pending:
            if slot.skip or not timedelta() < slot.at - now <= WARM[0]:
                continue
            spots.update(self._resolver.spots(_legs(armed.strategy), now))
            marks = {(slot.at, before) for before in WARM if slot.at - now <= before}
            if marks - armed.warmed:
                armed.warmed |= marks
                threading.Thread(target=self._warm, args=[armed.strategy], name="warm", daemon=True).start()

    def _warm(self, strategy: Strategy) -> None:
        """Connections open, and contracts known: what is in the way is said by the entry itself."""
        for account_id in account_ids(self._services.db, strategy.id):
            self._crew.warm(account_id)
        try:
            self._resolver.resolve(strategy.venue_kind, _legs(strategy), self._clock.now())
        except (CannotResolve, DeskError) as error:
            log.warning("not_ready_for_entry", strategy_id=strategy.id, reason=str(error))

    # -- leaving

    def watch(self) -> None:
        """The live runs that leave by their schedule, and when: read anew from time to time, as calendars change."""
        now = self._clock.now()
        live = self._schedules.live_runs()
        known, self._watched = self._watched, {}
        self._asked.intersection_update({run.id for run in live})
        step = partial(self._watch, known, now)
        each(live, step, "runs could not be watched", partial(self._unreadable.run, now=now))

    def _watch(self, known: Mapping[str, Watched], now: datetime, run: Run) -> None:
        """What was known stays should it not be readable."""
        before = known.get(run.id)
        if before is not None:
            self._watched[run.id] = before
            if now - before.read_at < ANEW:
                return
        found = self._schedules.leaving(run, now)
        if found is not None:
            self._watched[run.id] = Watched(run, found, self._schedules.days(run, now), now)
        else:
            self._watched.pop(run.id, None)

    def leave(self) -> bool:
        now = self._clock.now()
        due = [one for one in self._watched.values() if one.leaving.at <= now and one.run.id not in self._asked]
        each(due, lambda one: self._leave_or_say(one, now), "runs could not be left")
        return bool(due)

    def _leave_or_say(self, one: Watched, now: datetime) -> None:
        if is_open(one.days, now):
            self._asked.add(one.run.id)
            self._leave(one, now)
        elif one.run.id not in self._closed:
            self._closed.add(one.run.id)
            self._say_closed(one)

    def _leave(self, one: Watched, now: datetime) -> None:
        decided = self._writer.submit(partial(self._left, _trigger(one, now)), durable=True)

        def after(future: Any) -> None:
            self._nudge()
            if future.exception() is not None:
                self._asked.discard(one.run.id)
                log.error("scheduled_exit_not_decided", run_id=one.run.id, error=str(future.exception()))

        decided.add_done_callback(after)

    def _left(self, trigger: Trigger, session: Session) -> Written:
        parts, events = leaving.leave(session, trigger, self._clock.now(), BY)
        stepped = self._runner.unit(parts[:AT_ONCE], session).events if parts else ()
        return Written(len(parts) > AT_ONCE, [*stepped, *events])

    def _say_closed(self, one: Watched) -> None:
        at = one.leaving.at.astimezone(INDIA)
        text = (
            f"{one.run.name} was to be left at {at:%H:%M} ({one.leaving.why}) and the desk was not there. Its market is"
            " closed now: it is left as soon as that opens, or exit it at the broker."
        )
        self._services.bus.publish(Alarm(one.run.owner_id, None, f"run:{one.run.id}", text))

    # -- what came to nothing

    def tell(self) -> None:
        with self._services.db.read() as session:
            if not self._schedules.has_unsaid(session):
                return
        with self._services.db.write() as session:
            for entry, name in self._schedules.unsaid(session, self._clock.now()):
                text = f"{name}: the entry of {entry.slot} was not made. {entry.reason}"
                key = f"entry:{entry.id}"
                link = f"/strategies/{entry.strategy_id}/schedule"
                message = Message(Level.WARN, "schedule", f"{name} did not enter at {entry.slot}", text, key, link)
                self._services.notify.put(session, entry.owner_id, message)


def _legs(strategy: Strategy) -> list[Leg]:
    return [Leg.model_validate(leg) for leg in strategy.legs]


def _trigger(one: Watched, now: datetime) -> Trigger:
    """As a bound that was touched: kept among the others, decided like them."""
    run = one.run
    stake = Stake(Reach.RUN, run.id, run.id, run.owner_id, run.name, None, {}, Bounds(), until=one.leaving.at)
    return Trigger(stake, Rule.SQUARE_OFF if one.leaving.is_square_off else Rule.SCHEDULE, None, None, (), now)
