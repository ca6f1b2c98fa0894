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
from app.execution import journal
from app.execution.events import OrderChanged, TradesWanted
from app.execution.lease import Lease
from app.execution.models import Order
from app.execution.recovery import adopt_orphans
from app.execution.sender import Desk, never_sent
from app.execution.service import asked_cancels
from app.execution.states import OrderState
from app.execution.writer import Writer, Written
from app.instruments.contracts import CannotResolve
from app.strategies.models import Run
from app.strategies.resolving import Resolved, Resolver
from app.strategies.runner import ReadyToSend, Runner
from app.strategies.starting import Rules, begin, claim_runs, fail_run, resolve_run

log = structlog.get_logger()
RESOLVING_AT_ONCE = 4


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
        works = [member.sender.cancelling(order) for order in event.cancel]
        works += [member.sender.sending(order) for order in event.claimed]
        works += [member.sender.placing(order) for order in event.place]
        member.lane.offer(works)

    def trades_wanted(self, event: TradesWanted) -> None:
        member = self._crew.get(event.account_id)
        if member is not None:
            member.attendant.look_now()


class LaneClaims:
    """Claims for what an account's lane can send this moment, under this engine's lease."""

    def __init__(self, crew: Crew, lease: Lease) -> None:
        self._crew = crew
        self._lease = lease

    def room(self, account_id: str) -> int:
        member = self._crew.get(account_id)
        return member.lane.room() if member is not None else 0

    def claim(self, session: Session, account_id: str, order_id: str, now: datetime) -> bool:
        member = self._crew.get(account_id)
        known = member.attendant.known_at() if member is not None else None
        return bool(journal.claim(session, order_id, self._lease.claimant, known, now).result)


def order_decided(db: Database, bus: Bus, order_id: str) -> None:
    """A person decided, in the web's process, what became of an order: whoever listens here must hear it too."""
    with db.read() as session:
        order = session.get(Order, order_id)
    if order is None:
        return
    state = OrderState(order.state)
    bus.publish(
        OrderChanged(order.id, order.owner_id, order.account_id, order.account_run_id, state, order.filled_quantity)
    )
    bus.publish(TradesWanted(order.account_id))


class Runs:
    """Starts runs and moves them on. Events only say where looking is worth while; the loop looks anyway."""

    def __init__(
        self, db: Database, writer: Writer, clock: Clock, runner: Runner, resolver: Resolver, lease: Lease, rules: Rules
    ) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._runner = runner
        self._resolver = resolver
        self._lease = lease
        self._rules = rules
        self._changed = Changed(writer, runner)
        self._pool = ThreadPoolExecutor(RESOLVING_AT_ONCE, thread_name_prefix="resolve")

    def order_changed(self, event: OrderChanged) -> None:
        if event.account_run_id:
            self._changed.note(event.account_run_id)
        if event.state in (OrderState.LOST, OrderState.UNKNOWN):
            for part in self._runner.parts_of([event.account_id]):
                self._changed.note(part)  # orders that had to wait for this one may belong to another run

    def recover(self) -> int:
        return adopt_orphans(self._db, self._writer, self._lease.engine_id, self._clock.now())

    def start(self) -> bool:
        runs = claim_runs(self._db, self._lease.engine_id, self._clock.now())
        for run in runs:
            self._pool.submit(self._start, run)
        return bool(runs)

    def step_asked(self) -> bool:
        return self._step(self._runner.asked_to_leave())

    def step_unfinished(self) -> bool:
        return self._step(self._runner.unfinished())

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _step(self, parts: Sequence[str]) -> bool:
        if parts:
            self._runner.step(sorted(parts))
        return bool(parts)

    def _start(self, run: Run) -> None:
        """In the pool, where nobody would see an error: each ends in the run's row."""
        try:
            resolved = resolve_run(self._resolver, run, self._clock.now())
            self._writer.write(partial(self._begin, run.id, resolved), durable=True)
        except (CannotResolve, Retry) as error:
            self._fail(run, str(error))
        except Exception:
            log.exception("run_not_started", run_id=run.id)
            self._fail(run, "The run could not be started: the log of the engine has the details.")

    def _begin(self, run_id: str, resolved: Sequence[Resolved], session: Session) -> Written:
        """The run's rows and its first step in one transaction: what may go, goes after one commit."""
        parts = begin(session, run_id, resolved, self._rules, self._clock.now())
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


def cancel_asked(db: Database, writer: Writer, dispatch: Dispatch, clock: Clock) -> bool:
    """Cancel what people asked to be cancelled: withdraw what was never sent, ask the venue for the rest."""
    orders = asked_cancels(db, clock.now())
    for order in orders:
        if order.state == OrderState.NEW:
            writer.write(partial(journal.withdraw, order_id=order.id, reason="cancelled by hand", now=clock.now()))
        else:
            dispatch.ready(ReadyToSend(order.account_id, (), (order,)))
    return bool(orders)
