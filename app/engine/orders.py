"""From decisions to lanes, and from what happened to whoever must look again."""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Retry
from app.engine.crew import Crew
from app.execution import journal
from app.execution.events import OrderChanged, TradesWanted
from app.execution.lease import Lease
from app.execution.recovery import adopt_orphans
from app.execution.service import asked_cancels
from app.execution.states import OrderState
from app.execution.writer import Writer, Written
from app.instruments.contracts import CannotResolve
from app.strategies.models import Run
from app.strategies.resolving import Resolver
from app.strategies.runner import ReadyToSend, Runner
from app.strategies.starting import Rules, begin, claim_runs, fail_run, resolve_run

log = structlog.get_logger()
RESOLVING_AT_ONCE = 4


class Dispatch:
    """Hands orders that may go to their account's lane."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    def ready(self, event: ReadyToSend) -> None:
        member = self._crew.get(event.account_id)
        if member is None:
            return  # the account is disabled: the orders stay NEW and are offered again when it is back
        works = [member.sender.cancelling(order) for order in event.cancel]
        works += [member.sender.placing(order) for order in event.place]
        member.lane.offer(works)

    def trades_wanted(self, event: TradesWanted) -> None:
        member = self._crew.get(event.account_id)
        if member is not None:
            member.attendant.look_now()


class Runs:
    """Starts runs and moves them on. `poke` and the events only say where looking is worth while."""

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
        self._lock = threading.Lock()
        self._parts: set[str] = set()
        self._accounts: set[str] = set()
        self._pool = ThreadPoolExecutor(RESOLVING_AT_ONCE, thread_name_prefix="resolve")

    def order_changed(self, event: OrderChanged) -> None:
        with self._lock:
            if event.account_run_id:
                self._parts.add(event.account_run_id)
            if event.state in (OrderState.LOST, OrderState.UNKNOWN) or event.account_run_id is None:
                self._accounts.add(event.account_id)  # orders that had to wait for this one may be elsewhere

    def recover(self) -> int:
        return adopt_orphans(self._db, self._writer, self._lease.engine_id, self._clock.now())

    def start(self) -> bool:
        runs = claim_runs(self._db, self._lease.engine_id, self._clock.now())
        for run in runs:
            self._pool.submit(self._start, run)
        return bool(runs)

    def step_changed(self) -> bool:
        with self._lock:
            parts, accounts = self._parts, self._accounts
            self._parts, self._accounts = set(), set()
        if accounts:
            parts = parts | set(self._runner.parts_of(accounts))
        return self._step(parts)

    def step_unfinished(self) -> bool:
        return self._step(self._runner.unfinished())

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _step(self, parts: Iterable[str]) -> bool:
        ids = sorted(parts)
        if ids:
            self._runner.step(ids)
        return bool(ids)

    def _start(self, run: Run) -> None:
        try:
            resolved = resolve_run(self._resolver, run, self._clock.now())
        except (CannotResolve, Retry) as error:
            why = str(error)
            self._writer.write(lambda s: Written(fail_run(s, run.id, why, self._clock.now())))
            return
        except Exception:
            log.exception("run_not_started", run_id=run.id)
            why = "The run could not be started: the log of the engine has the details."
            self._writer.write(lambda s: Written(fail_run(s, run.id, why, self._clock.now())))
            return
        parts = self._writer.write(
            lambda s: Written(begin(s, run.id, resolved, self._rules, self._clock.now())), durable=True
        )
        self._step(parts)


def cancel_asked(db: Database, writer: Writer, dispatch: Dispatch, clock: Clock) -> bool:
    """Cancel what people asked to be cancelled: withdraw what was never sent, ask the venue for the rest."""
    orders = asked_cancels(db)
    for order in orders:
        if order.state == OrderState.NEW:
            writer.write(partial(journal.withdraw, order_id=order.id, reason="cancelled by hand", now=clock.now()))
        else:
            dispatch.ready(ReadyToSend(order.account_id, (), (order,)))
    return bool(orders)
