"""From decisions to lanes, and from what happened to whoever must look again."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Retry
from app.engine.crew import Crew
from app.engine.rehearsal import rehearse
from app.engine.sizer import Sizer
from app.execution import journal
from app.execution.events import OrderChanged, TradesWanted
from app.execution.lanes import Room
from app.execution.lease import Lease
from app.execution.models import Order
from app.execution.recovery import adopt_orphans
from app.execution.sender import Desk, never_sent
from app.execution.service import asked_cancels
from app.execution.states import OrderState
from app.execution.writer import Unfollowed, Writer, Written
from app.instruments.contracts import CannotResolve
from app.strategies.models import Run
from app.strategies.resolving import Resolved, Resolver
from app.strategies.runner import AT_ONCE, ReadyToSend, Runner
from app.strategies.sizing import Sized
from app.strategies.starting import Rules, begin, claim_runs, fail_run, resolve_run
from app.strategies.taking_part import Asked, asked_by
from app.strategies.views import unanswered
from app.wiring import Services

log = structlog.get_logger()
RESOLVING_AT_ONCE = 4
GOOD_NEWS = (OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.FILLED)
ROUNDS = 5  # a step may withdraw orders, which is a change to follow again


class Dispatch:
    """Hands orders that may go to their account's lane."""

    def __init__(self, crew: Crew, desk: Desk) -> None:
        self._crew = crew
        self._desk = desk

    def ready(self, event: ReadyToSend) -> None:
        member = self._crew.get(event.account_id)
        if member is None:  # the account is disabled, or being opened anew
            for order in event.claimed:
                never_sent(self._desk, order.id)
            return  # the others stay NEW and are offered again when it is back
        works = [member.sender.cancelling(order) for order in event.cancel if self.may_ask(order, is_awaited=True)]
        works += [member.sender.sending(order) for order in event.claimed]
        works += [member.sender.placing(order) for order in event.place]
        works += [member.sender.changing(change) for change in event.change]
        member.lane.offer(works)

    def may_ask(self, order: Order, *, is_awaited: bool) -> bool:
        """Whether the venue is asked now to cancel it: one that refused it again and again is not pressed."""
        return self._desk.refusals.is_due(order.id, self._desk.clock.now(), is_awaited=is_awaited)

    def order_changed(self, event: OrderChanged) -> None:
        self._desk.refusals.changed(event)

    def trades_wanted(self, event: TradesWanted) -> None:
        member = self._crew.get(event.account_id)
        if member is not None:
            member.attendant.look_now()


class LaneClaims:
    """Claims for what an account's lane can send this moment, under this engine's lease."""

    def __init__(self, crew: Crew, lease: Lease) -> None:
        self._crew = crew
        self._lease = lease

    def room(self, account_id: str) -> Room:
        member = self._crew.get(account_id)
        return member.lane.room() if member is not None else Room()

    def claim(self, session: Session, orders: Sequence[tuple[str, str]], now: datetime) -> set[str]:
        known = [(order_id, self._known_at(account_id, now)) for account_id, order_id in orders]
        return journal.claim_known(session, known, self._lease.claimant, now)

    def _known_at(self, account_id: str, now: datetime) -> datetime | None:
        member = self._crew.get(account_id)
        return member.attendant.known_at(now) if member is not None else None


def order_decided(db: Database, bus: Bus, order_id: str) -> None:
    """A person decided, in the web's process, what became of an order: whoever listens here must hear it too."""
    with db.read() as session:
        order = session.get(Order, order_id)
    if order is None:
        return
    state = OrderState(order.state)
    changed = OrderChanged(
        order.id, order.owner_id, order.account_id, order.account_run_id, state, order.filled_quantity
    )
    bus.publish(changed)
    bus.publish(Unfollowed((changed,)))
    bus.publish(TradesWanted(order.account_id))


class Runs:
    """Starts runs and moves them on. Events only say where looking is worth while; the loop looks anyway."""

    def __init__(
        self, db: Database, writer: Writer, clock: Clock, runner: Runner, resolver: Resolver, lease: Lease,
        rules: Rules, sizer: Sizer,
    ) -> None:  # fmt: skip
        self._db = db
        self._writer = writer
        self._clock = clock
        self._runner = runner
        self._resolver = resolver
        self._lease = lease
        self.rules = rules
        self._sizer = sizer
        self._changed = Changed(writer, runner)
        self._pool = ThreadPoolExecutor(RESOLVING_AT_ONCE, thread_name_prefix="resolve")
        self._starting: set[str] = set()  # runs that a pool has
        # One after the other, so that no two are sized by the same funds; other runs don't wait for them.
        self._sizing_pool = ThreadPoolExecutor(1, thread_name_prefix="size-run")

    def follow(self, session: Session, events: Sequence[object]) -> Sequence[object]:
        """Step the parts whose orders changed, in the transaction of the change: what they release is claimed with it.
        Only so many at once: the journal's thread is not kept for longer."""
        said: list[object] = []
        for _ in range(ROUNDS):
            parts = self._due(session, events)
            if not parts:
                break
            events = list(self._runner.unit(sorted(parts)[:AT_ONCE], session).events)
            said += events
            for part in sorted(parts)[AT_ONCE:]:
                self._changed.note(part)
        return said

    def _due(self, session: Session, events: Sequence[object]) -> set[str]:
        """The touched parts that may have something to decide. While answers of an entry are still on their way, good
        news alone decides nothing: each of those answers is news again. A way out never waits for one."""
        changed = [event for event in events if isinstance(event, OrderChanged)]
        good = {e.account_run_id for e in changed if e.account_run_id and e.is_progress and e.state in GOOD_NEWS}
        other = self._touched([event for event in changed if event.state not in GOOD_NEWS])
        return other | (good - other - unanswered(session, good - other))

    def _touched(self, events: Sequence[object]) -> set[str]:
        changed = [event for event in events if isinstance(event, OrderChanged) and event.is_progress]
        parts = {event.account_run_id for event in changed if event.account_run_id}
        doubted = {event.account_id for event in changed if event.state in (OrderState.LOST, OrderState.UNKNOWN)}
        if doubted:  # orders that had to wait for this one may belong to another run
            parts |= set(self._runner.parts_of(doubted))
        return parts

    def look_again(self, event: Unfollowed) -> None:
        """Each part in a step of its own: one that is at fault stops no other."""
        for part in sorted(self._touched(event.events)):
            self._writer.submit(partial(self._runner.unit, [part]), durable=True)

    def rehearse(self) -> None:
        rehearse(self._db, self._runner, self.rules, self._clock)

    def recover(self) -> int:
        return adopt_orphans(self._db, self._writer, self._lease.engine_id, self._clock.now())

    def start(self) -> bool:
        runs = claim_runs(self._db, self._lease.engine_id, list(self._starting))
        self._starting.update(run.id for run in runs)
        for run in runs:
            asked = asked_by(run)
            (self._pool if asked is None else self._sizing_pool).submit(self._start, run, asked)
        return bool(runs)

    def step_asked(self) -> bool:
        return self._step(self._runner.asked_to_leave())

    def step_unfinished(self) -> bool:
        return self._step(self._runner.unfinished())

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._sizing_pool.shutdown(wait=False, cancel_futures=True)
        self._sizer.close()

    def _step(self, parts: Sequence[str]) -> bool:
        if parts:
            self._runner.step(sorted(parts))
        return bool(parts)

    def _start(self, run: Run, asked: Asked | None) -> None:
        """In the pool, where nobody would see an error: each ends in the run's row."""
        try:
            resolved = resolve_run(self._resolver, run, self._clock.now())
            sizes = self._sizer.sizes(asked, resolved, self._clock.now()) if asked is not None else None
            self.rules.prepare(run.owner_id, resolved)
            self._writer.write(partial(self._begin, run.id, resolved, sizes), durable=True)
        except (CannotResolve, Retry) as error:
            self._fail(run, str(error))
        except Exception:
            log.exception("run_not_started", run_id=run.id)
            self._fail(run, "The run could not be started: the log of the engine has the details.")
        finally:
            self._starting.discard(run.id)  # one that is resolving still could not even be said to have failed

    def _begin(
        self, run_id: str, resolved: Sequence[Resolved], sizes: dict[str, Sized] | None, session: Session
    ) -> Written:
        """The run's rows and its first step in one transaction: what may go, goes after one commit."""
        parts = begin(session, run_id, resolved, self.rules, self._clock.now(), sizes)
        return self._runner.unit(parts, session)

    def _fail(self, run: Run, why: str) -> None:
        self._writer.write(lambda session: Written(fail_run(session, run.id, why, self._clock.now())))


class Changed:
    """Parts whose orders changed, stepped in the journal's own thread right behind the change."""

    def __init__(self, writer: Writer, runner: Runner) -> None:
        self._writer = writer
        self._runner = runner
        self._lock = threading.Lock()
        self._parts: set[str] = set()
        self._is_due = False

    def note(self, part: str) -> None:
        with self._lock:
            self._parts.add(part)
            if self._is_due:
                return
            self._is_due = True
        self._writer.submit(_Step(self, self._runner), durable=True)

    def take(self) -> list[str]:
        with self._lock:
            parts = sorted(self._parts)
            self._parts.clear()
            self._is_due = False
        return parts


class _Step:
    """One step of what had changed when it ran first: a unit of work may be run again after a rollback."""

    def __init__(self, changed: Changed, runner: Runner) -> None:
        self._changed = changed
        self._runner = runner
        self._parts: list[str] | None = None

    def __call__(self, session: Session) -> Written:
        if self._parts is None:
            self._parts = self._changed.take()
        return self._runner.unit(self._parts, session)


def cancel_asked(services: Services, writer: Writer, dispatch: Dispatch) -> bool:
    """Cancel what people asked to be cancelled: withdraw what was never sent, ask the venue for the rest."""
    clock = services.clock
    orders = asked_cancels(services.db, clock.now())
    awaited = services.risk.striking() if orders else ()
    for order in orders:
        if order.state == OrderState.NEW:
            writer.write(partial(journal.withdraw, order_id=order.id, reason="cancelled by hand", now=clock.now()))
        elif dispatch.may_ask(order, is_awaited=order.account_id in awaited):
            dispatch.ready(ReadyToSend(order.account_id, (), (order,)))
    return bool(orders)
