"""Entries that come later than the others: of legs that wait for a price, and of legs that come again after an exit.

A price that is waited for is noticed by the tick itself; the rest is looked at once a second, and only while a live run
has such legs. What is due becomes a unit of work in the journal's thread (`strategies/waits`): the decision, the orders
and the step of the parts together. Whatever is lost here is found again in the rows.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.core.errors import Retry
from app.core.money import plain
from app.engine.crew import Crew
from app.engine.late_sights import LateSights, changes, symbol_of
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.execution.writer import Writer, Written
from app.instruments.contracts import CannotResolve
from app.strategies import waits
from app.strategies.late_entry import Trigger, again_of
from app.strategies.legs import Leg
from app.strategies.models import LegRun, Run
from app.strategies.resolving import Resolved, Resolver
from app.strategies.runner import AT_ONCE, RunChanged, Runner
from app.strategies.starting import Rules
from app.strategies.waits import Decided, Left, Ready, Waiting
from app.venues.types import Quote, Symbol
from app.wiring import Services

log = structlog.get_logger()
EVERY, SELDOM = timedelta(seconds=1), timedelta(seconds=10)
PAUSE = timedelta(seconds=2)  # after a try that lacked something
HOLDER = "late entries"

Unit = Callable[[Session, Sequence[Ready], Rules, datetime], Decided]


@dataclass(frozen=True, slots=True)
class Watch:
    """A leg whose price is waited for."""

    one: Waiting
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Due:
    """A leg that is to be entered now, and what it means: a rule, or a contract that is known already."""

    ready: Ready
    part_id: str
    number: int
    leg: Leg

    @property
    def is_asking(self) -> bool:
        return self.leg.pricing.needs_quote or self.leg.kind != "SYMBOL"


class LateEntries:
    def __init__(
        self, services: Services, crew: Crew, market: Market, writer: Writer, runner: Runner, resolver: Resolver,
        rules: Rules, nudge: Callable[[], None],
    ) -> None:  # fmt: skip
        """`nudge` wakes whoever steps parts that did not fit into one unit of work."""
        self._services = services
        self._db = services.db
        self._clock = services.clock
        self._crew = crew
        self._market = market
        self._writer = writer
        self._runner = runner
        self._resolver = resolver
        self._rules = rules
        self._nudge = nudge
        self._sights = LateSights(services, market, writer)
        self._lock = threading.Lock()
        self._watched: dict[Symbol, tuple[Watch, ...]] = {}
        self._reached: dict[str, tuple[Waiting, Quote]] = {}  # by leg run
        self._asked: set[str] = set()  # leg runs whose decision is on its way to the journal
        self._paused: dict[str, datetime] = {}  # until when a leg run is not tried again
        self._lacking: set[Symbol] = set()  # underlyings whose price was asked for and not known
        self._is_used = True  # whether any live run has such legs
        self._has_late = True
        self._looked_at: datetime | None = None
        self._asked_at: datetime | None = None  # whether there are any that do not wait
        self._is_news = False
        market.hub.listen(self.on_quote)
        services.bus.subscribe(RunChanged, self._run_changed)
        jobs = [Job("reached", self.enter, 0), Job("again", self.come_again, 0.2), Job("waiting", self.look, 0)]
        self.loop = Loop(jobs, services.clock)

    def _run_changed(self, _event: RunChanged) -> None:
        self._is_news = True

    # -- a price came

    def on_quote(self, quote: Quote) -> None:
        """In the thread that received it: whether it is one that was waited for."""
        found = [watch for watch in self._watched.get(quote.symbol, ()) if watch.trigger.is_reached(quote.last)]
        if found:
            self._reach(found)

    def _reach(self, watches: Iterable[Watch]) -> None:
        """Together what one price reached: of one run the purchases go first."""
        quotes = [(watch, self._sights.fresh(symbol_of(watch.one))) for watch in watches]
        reached = [(watch.one, quote) for watch, quote in quotes if quote and watch.trigger.is_reached(quote.last)]
        with self._lock:
            new = {one.leg.id: (one, quote) for one, quote in reached if self._is_free(one.leg.id)}
            self._reached = new | self._reached
        if new:
            self.loop.nudge()

    def _is_free(self, leg_run_id: str) -> bool:
        until = self._paused.get(leg_run_id)
        return leg_run_id not in self._asked and (until is None or self._clock.now() >= until)

    def enter(self) -> bool:
        if not self._crew.is_complete:
            return False  # an account would look unconnected
        with self._lock:
            reached, self._reached = list(self._reached.values()), {}
            self._asked |= {one.leg.id for one, _ in reached}
        runs = {one.run.id: one.run for one, _ in reached}
        dues: dict[str, list[Due]] = defaultdict(list)
        for one, quote in sorted(reached, key=lambda found: (found[0].part.id, found[0].leg.side)):
            ready = Ready(one.leg.id, quote.last, quote.received_at)
            dues[one.run.id].append(Due(ready, one.part.id, one.leg.number, _leg_now(one.run, one.leg)))
        for run_id, found in dues.items():
            self._prepare(found, runs[run_id], False)
        return bool(reached)

    # -- an exit was made

    def come_again(self) -> bool:
        if not (self._is_used and self._crew.is_complete):
            return False
        with self._db.read() as session:
            found = [one for one in waits.left(session) if self._is_free(one.leg.id)]
        with self._lock:
            self._asked |= {one.leg.id for one in found}
        for one in found:
            due = Due(Ready(one.leg.id), one.part.id, one.leg.number, _leg_again(one))
            self._prepare([due], one.run, True)
        return bool(found)

    # -- both: what has to be known first, then the decision

    def _prepare(self, dues: Sequence[Due], run: Run, is_again: bool) -> None:
        """What asks a venue is not waited for by others."""
        if any(due.is_asking for due in dues):
            asking = (dues, run, is_again)
            threading.Thread(target=self._resolve, args=asking, name="late-entry", daemon=True).start()
        else:
            self._decide(dues, run, is_again, {})

    def _resolve(self, dues: Sequence[Due], run: Run, is_again: bool) -> None:
        """In a thread of its own, where nobody would see an error. One answer for all accounts."""
        known: dict[tuple[int, Leg], Resolved] = {}
        try:
            for due in dues:
                if due.is_asking and (due.number, due.leg) not in known:
                    found = self._resolver.resolve_one(run.venue_kind, due.number, due.leg, self._clock.now())
                    known[due.number, due.leg] = found
            self._decide(dues, run, is_again, known)
        except (CannotResolve, Retry) as error:  # tried anew while its price is reached, and told once
            log.warning("late_entry_not_resolved", run_id=run.id, reason=str(error))
            text = f"{run.name}: leg {due.number} is to be entered and cannot be yet. {error}"
            self._sights.say(due.ready.leg_run_id, run, text)
            self._pause(due.ready.leg_run_id for due in dues)
        except Exception:
            log.exception("late_entry_not_resolved", run_id=run.id)
            self._pause(due.ready.leg_run_id for due in dues)

    def _decide(self, dues: Sequence[Due], run: Run, is_again: bool, known: dict[tuple[int, Leg], Resolved]) -> None:
        asking = {due.number for due in dues if _leg(run, due.number).needs_underlying}
        underlyings = {number: self._underlying(run, number) for number in asking}
        if None in underlyings.values():  # its stop would be counted from a price that is not known
            self._pause(due.ready.leg_run_id for due in dues)
            return
        unit: Unit = waits.come_again if is_again else waits.enter
        by_part: dict[str, list[Ready]] = defaultdict(list)
        for due in dues:
            found = known.get((due.number, due.leg))
            terms = found.terms if found is not None else None
            contract = found if due.leg.kind != "SYMBOL" else None
            ready = replace(due.ready, terms=terms, contract=contract, underlying=underlyings.get(due.number))
            by_part[due.part_id].append(ready)
        parts = list(by_part.values())
        for some in [parts[i : i + AT_ONCE] for i in range(0, len(parts), AT_ONCE)]:
            batch = [ready for part in some for ready in part]
            self._submit([one.leg_run_id for one in batch], partial(self._carry_out, unit, batch))

    def _carry_out(self, unit: Unit, batch: Sequence[Ready], session: Session, now: datetime) -> Decided:
        return unit(session, batch, self._rules, now)

    def _submit(self, ids: Sequence[str], unit: Callable[[Session, datetime], Decided]) -> None:
        written = self._writer.submit(partial(self._stepped, unit), durable=True)

        def after(future: "Future[Any]") -> None:
            self._is_news = True
            self._pause(ids)  # until the rows were looked at again
            self._nudge()
            if future.exception() is not None:
                log.error("late_entry_not_decided", error=str(future.exception()))

        written.add_done_callback(after)

    def _stepped(self, unit: Callable[[Session, datetime], Decided], session: Session) -> Written:
        decided = unit(session, self._clock.now())
        parts = sorted(decided.parts)
        stepped = self._runner.unit(parts, session).events if parts else ()
        return Written(None, [*stepped, *decided.events, *changes(session, parts)])

    def _pause(self, leg_run_ids: Iterable[str]) -> None:
        until = self._clock.now() + PAUSE
        with self._lock:
            for leg_run_id in leg_run_ids:
                self._paused[leg_run_id] = until
                self._asked.discard(leg_run_id)

    def _underlying(self, run: Run, number: int) -> dict[str, Any] | None:
        known = (run.underlyings or {}).get(str(number))
        if not known:
            return None
        symbol = Symbol(known["exchange"], known["symbol"])
        quote = self._sights.fresh(symbol)
        if quote is None:
            self._lacking.add(symbol)
            return None
        return {**known, "price": plain(quote.last)}

    # -- once a second

    def look(self) -> bool:
        now = self._clock.now()
        is_due = self._looked_at is None or now - self._looked_at >= EVERY
        if not (is_due or (self._is_news and self._is_used)):
            return False
        is_anew = self._is_news or self._asked_at is None or now - self._asked_at >= SELDOM
        self._looked_at, self._is_news = now, False
        with self._db.read() as session:
            found = waits.waiting(session)
            if is_anew:
                self._asked_at, self._has_late = now, waits.is_any_late(session)
            self._is_used = bool(found) or self._has_late
            working = waits.under_way(session) if self._is_used else []
        if not self._is_used:
            self._lacking.clear()
            self._paused.clear()
        self._watch(found, now)
        if working:
            self._runner.step(working)
        return bool(found)

    def _watch(self, found: Sequence[Waiting], now: datetime) -> None:
        over = self._over(found, now)
        self._end(over)
        waiting = [one for one in found if one.leg.id not in over]
        self._market.want(HOLDER, {symbol_of(one) for one in waiting} | _underlyings(waiting) | self._lacking)
        looked = self._sights.look(waiting, now)
        self._end(looked.never)
        self._is_news = self._is_news or looked.is_new
        by_symbol: dict[Symbol, list[Watch]] = defaultdict(list)
        for one in waiting:
            if one.trigger is not None:
                by_symbol[symbol_of(one)].append(Watch(one, one.trigger))
        self._watched = {symbol: tuple(watches) for symbol, watches in by_symbol.items()}
        # It may have come before it was watched.
        self._reach(watch for watches in self._watched.values() for watch in watches)

    def _over(self, found: Sequence[Waiting], now: datetime) -> dict[str, str]:
        late: dict[str, str] = {}
        over = {}
        for one in found:
            if one.run.id not in late:
                late[one.run.id] = waits.too_late(one.run, now)
            why = waits.why_gone(one.part, one.run, one.leg, one.wait, now) or late[one.run.id]
            if why and one.leg.id not in self._asked:
                over[one.leg.id] = why
        return over

    def _end(self, over: dict[str, str]) -> None:
        ids = sorted(over)
        for batch in [ids[i : i + AT_ONCE] for i in range(0, len(ids), AT_ONCE)]:
            self._submit(batch, partial(_ended, {leg_id: over[leg_id] for leg_id in batch}))


def _ended(reasons: dict[str, str], session: Session, now: datetime) -> Decided:
    return waits.end(session, reasons, now)


def _underlyings(waiting: Iterable[Waiting]) -> set[Symbol]:
    """That a stop or target is counted from once they are entered."""
    found = [(one.run.underlyings or {}).get(str(one.leg.number)) for one in waiting]
    return {Symbol(known["exchange"], known["symbol"]) for known in found if known}


def _leg(run: Run, number: int) -> Leg:
    return Leg.model_validate(run.legs[number - 1])


def _leg_now(run: Run, row: LegRun) -> Leg:
    """Of the contract it waited with, but where a strike is chosen only now; at market where it comes again."""
    leg = _leg(run, row.number)
    if row.entry > 1:
        return leg.unpriced.fixed(row.exchange, row.symbol)
    is_open = leg.breakout is not None and leg.breakout.strike == "breakout"
    return leg if is_open else leg.fixed(row.exchange, row.symbol)


def _leg_again(one: Left) -> Leg:
    """At market; the contract it had, or the one that its rule means now."""
    leg, again = _leg(one.run, one.leg.number).unpriced, again_of(one.leg.again)
    is_new = again is not None and again.strike == "new"
    return leg if is_new else leg.fixed(one.leg.exchange, one.leg.symbol)
