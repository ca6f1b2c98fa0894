"""The engine's numbers for Prometheus: how long the steps of orders take, how they end, how busy the lanes are.

An event only notes an order's id; its row is read aside, together with the others', so nothing here is on an order's
way. All labels have few values: steps, purposes, venue kinds, ends; an account is named by its id alone, and only where
there is one series of it. The numbers are written as a text file, which the web's /metrics shows.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import select

from app.accounts.models import Account
from app.core.clock import Clock
from app.core.db import Database
from app.engine.crew import Crew
from app.engine.feed_metrics import FeedNumbers
from app.engine.main import Job
from app.execution.events import Alarm, OrderChanged
from app.execution.lanes import Lane
from app.execution.models import Order
from app.execution.order_times import times_of
from app.execution.states import FINAL, OrderState
from app.execution.timing import Step, StepName, steps
from app.feed.events import FeedReport, FeedState
from app.venues.port import StreamState
from app.wiring import Services

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)  # seconds
EVERY = 2.0  # seconds
AT_ONCE = 500
REMEMBERED = 20_000
SUBJECTS = ("order", "run", "account")  # of alarms; anything else is counted as "desk"


class Metrics:
    """`step` reads what was noted and writes the file; everything else only takes note."""

    def __init__(self, db: Database, clock: Clock, crew: Crew, feed_is_live: Callable[[], bool], file: Path) -> None:
        self._db = db
        self._clock = clock
        self._file = file
        self._lock = threading.Lock()
        self._noted: set[str] = set()
        self._observed: dict[str, set[StepName]] = defaultdict(set)  # of orders that are not at their end yet
        self._ended: dict[str, None] = {}  # the newest of those that are; what is still heard of them changes nothing
        self._doubted: set[str] = set()
        self._registry = CollectorRegistry()
        self._make()
        self._registry.register(_Lanes(crew, feed_is_live))

    def add(self, collector: Collector) -> None:
        self._registry.register(collector)

    def order_changed(self, event: OrderChanged) -> None:
        with self._lock:
            self._noted.add(event.order_id)

    def alarm(self, event: Alarm) -> None:
        kind = event.subject.partition(":")[0]
        self._alarms.labels(kind if kind in SUBJECTS else "desk").inc()

    def step(self) -> None:
        with self._lock:
            noted, self._noted = sorted(self._noted), set()
        now = self._clock.now()
        for start in range(0, len(noted), AT_ONCE):
            for order, kind in self._read(noted[start : start + AT_ONCE]):
                self._observe(order, kind, now)
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_to_textfile(str(self._file), self._registry)

    def _make(self) -> None:
        registry, like = self._registry, ("step", "purpose", "venue_kind")
        self._steps = Histogram(
            "mirrordesk_order_step_seconds",
            "How long a step of an order took: turn (written to claimed), lane (to the call), answer, fill.",
            like,
            buckets=BUCKETS,
            registry=registry,
        )
        self._answers = Summary(
            "mirrordesk_account_answer_seconds",
            "How long an account's venue took to answer.",
            ("account_id",),
            registry=registry,
        )
        self._ends = Counter(
            "mirrordesk_orders", "Orders that ended.", ("outcome", "purpose", "venue_kind"), registry=registry
        )
        self._unknown = Counter("mirrordesk_orders_unknown", "Orders whose answer was lost.", registry=registry)
        self._reconciled = Counter(
            "mirrordesk_orders_reconciled", "Orders in doubt that were decided.", ("verdict",), registry=registry
        )
        self._alarms = Counter("mirrordesk_alarms", "What a person was told at once.", ("subject",), registry=registry)

    def _read(self, ids: Iterable[str]) -> list[tuple[Order, str]]:
        """The orders, each with the kind of its venue."""
        wanted = select(Order, Account.venue_kind).join(Account, Account.id == Order.account_id)
        with self._db.read() as session:
            return [(order, kind) for order, kind in session.execute(wanted.where(Order.id.in_(ids)))]

    def _observe(self, order: Order, kind: str, now: datetime) -> None:
        if order.id in self._ended:
            return
        self._doubt(order)
        seen = self._observed[order.id]
        is_over = order.state in FINAL
        for step in steps(times_of(order, order.created_at), now):
            if step.name is StepName.FILL and order.target_trigger is not None:
                continue  # what rests at the broker fills when its price comes, and that is no latency
            if step.is_over and step.name not in seen and (is_over or step.name is not StepName.FILL):
                seen.add(step.name)
                self._note_step(step, order, kind)
        if is_over:
            self._observed.pop(order.id, None)
            self._forget_later(order.id)
            self._ends.labels(order.failure or order.state, order.purpose, kind).inc()

    def _note_step(self, step: Step, order: Order, kind: str) -> None:
        if step.is_lost:
            return
        self._steps.labels(step.name.value, order.purpose, kind).observe(step.ms / 1000)
        if step.name is StepName.ANSWER:
            self._answers.labels(order.account_id).observe(step.ms / 1000)

    def _forget_later(self, order_id: str) -> None:
        self._ended[order_id] = None
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def _doubt(self, order: Order) -> None:
        if order.state == OrderState.UNKNOWN and order.id not in self._doubted:
            self._doubted.add(order.id)
            self._unknown.inc()
        elif order.id in self._doubted and order.state != OrderState.UNKNOWN:
            self._doubted.discard(order.id)
            self._reconciled.labels("lost" if order.state == OrderState.LOST else "found").inc()


def watch(services: Services, crew: Crew, feed: Callable[[], FeedReport]) -> Job:
    """Begin to count; the job that writes it down."""
    metrics = Metrics(
        services.db, services.clock, crew, lambda: feed().status.state is FeedState.LIVE, services.settings.metrics_file
    )
    metrics.add(FeedNumbers(feed))
    services.bus.subscribe(OrderChanged, metrics.order_changed)
    services.bus.subscribe(Alarm, metrics.alarm)
    return Job("metrics", metrics.step, EVERY, can_wait=10.0)


class _Lanes(Collector):
    """What the lanes and streams are doing, looked at when it is asked for."""

    def __init__(self, crew: Crew, feed_is_live: Callable[[], bool]) -> None:
        self._crew = crew
        self._feed_is_live = feed_is_live
        self._counted: dict[str, tuple[Lane, int]] = {}  # an account that is opened anew has a new lane
        self._rate_waits = 0

    def collect(self) -> Iterable[Metric]:
        members = list(self._crew)
        waiting = [member.lane.waiting for member in members]
        yield GaugeMetricFamily("mirrordesk_accounts_open", "Accounts the engine trades in.", len(members))
        yield GaugeMetricFamily("mirrordesk_lanes_waiting", "Accounts with calls queued.", sum(map(bool, waiting)))
        yield GaugeMetricFamily("mirrordesk_lane_calls_waiting", "Calls queued, in all accounts.", sum(waiting))
        for member in members:
            self._count(member.account.id, member.lane)
        text = "Calls that waited for a venue's rate limit."
        yield CounterMetricFamily("mirrordesk_rate_limit_waits", text, self._rate_waits)
        streams = GaugeMetricFamily("mirrordesk_streams_live", "Streams that are signed in.", labels=["kind"])
        live = sum(member.attendant.stream_state is StreamState.LIVE for member in members)
        streams.add_metric(["orders"], live)
        streams.add_metric(["prices"], int(self._feed_is_live()))
        yield streams

    def _count(self, account_id: str, lane: Lane) -> None:
        known, before = self._counted.get(account_id, (lane, 0))
        now = lane.rate_waits
        self._rate_waits += now - (before if known is lane else 0)
        self._counted[account_id] = (lane, now)
