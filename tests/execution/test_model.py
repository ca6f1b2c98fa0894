"""A desk and a venue as values, with a clock of their own: any mixture of answers, losses, crashes, fills and readings.

The decisions are the real ones (`waves.decide`, `states.advance`, `reconcile.judge`); only the rows are plain objects.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.execution import reconcile
from app.execution.reconcile import Adopt, Candidate, Doubtful, Lost
from app.execution.states import FINAL, OrderState, Progress, advance, check
from app.strategies.waves import (
    ENDED,
    AccountRunState,
    AccountRunView,
    LegView,
    OnFailure,
    OrderView,
    Resend,
    decide,
)
from app.venues.types import OrderReport, OrderStatus, PriceType, Side, Symbol

S = OrderState
LEGS = {"hedge": Side.BUY, "short": Side.SELL}
TARGET, FREEZE = Decimal(5), Decimal(2)  # cut into 2 + 2 + 1, so that slices look alike
ANSWERS = (*["done"] * 8, "refused", "unavailable", "lost placed", "lost", "crash before", "crash after")
HAPPENINGS = (
    *["send"] * 5, *["fill"] * 5, *["push"] * 4, *["read_book"] * 3, "time_passes", "reject", "ask_for_the_exit",
)  # fmt: skip
WINDOW, LOOKUPS = timedelta(seconds=20), 3


@dataclass
class AtVenue:
    """What the venue knows; it gives no client order id back."""

    name: str
    leg: str
    side: Side
    quantity: Decimal
    at: datetime
    filled: Decimal = Decimal(0)
    status: OrderStatus = OrderStatus.OPEN
    seq: int = 0

    def report(self) -> OrderReport:
        return OrderReport(
            self.name, Symbol("NFO", self.leg), self.side, self.quantity, PriceType.MARKET, "NRML", self.status,
            self.status.value, filled_quantity=self.filled, average_price=Decimal(1) if self.filled else None,
            at=self.at,
        )  # fmt: skip


@dataclass
class Ours:
    id: str
    intent: str
    leg: str
    side: Side
    quantity: Decimal
    is_exit: bool
    attempt: int
    state: OrderState = S.NEW
    filled: Decimal = Decimal(0)
    failure: str = ""
    venue: str | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_at: datetime | None = None
    seen_mark: int = 0
    lookups: int = 0
    sends: int = 0

    def view(self) -> OrderView:
        return OrderView(
            self.id, self.is_exit, self.state, self.quantity, self.filled, self.failure, "", self.attempt,
            self.ended_at, self.cancel_at,
        )  # fmt: skip

    def move(self, state: OrderState, now: datetime, failure: str = "") -> None:
        self.state = check(self.state, state)
        if state in FINAL:
            self.ended_at, self.failure = now, failure

    def take(self, report: OrderReport, now: datetime) -> None:
        step = advance(Progress(self.state, self.quantity, self.filled, None), report).progress
        self.filled = step.filled
        if step.state is not self.state:
            self.move(step.state, now, "refused" if step.state is S.REJECTED else "")


@dataclass
class World:
    now: datetime = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    state: AccountRunState = AccountRunState.ENTERING
    is_exit_wanted: bool = False
    ours: dict[str, Ours] = field(default_factory=dict)
    venue: dict[str, AtVenue] = field(default_factory=dict)
    ready: list[str] = field(default_factory=list)
    seq: int = 0

    def held(self, leg: str) -> Decimal:
        """What the venue would show as the position, in the leg's own direction."""
        sign = {LEGS[leg]: 1, LEGS[leg].opposite: -1}
        return sum((sign[v.side] * v.filled for v in self.venue.values() if v.leg == leg), Decimal(0))


class DeskAndVenue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.w = World()
        for leg in LEGS:
            self._submit(leg, TARGET, 1, is_exit=False)

    @rule(what=st.sampled_from(HAPPENINGS), pick=st.integers(0, 20), how=st.sampled_from(ANSWERS))
    def happen(self, what: str, pick: int, how: str) -> None:
        """One rule, so that all of these mix."""
        getattr(self, what)(pick, how)
        self.step()

    # -- the desk

    def step(self) -> None:
        w = self.w
        legs = tuple(
            LegView(leg, side, TARGET, False, tuple(o.view() for o in w.ours.values() if o.leg == leg), leg)
            for leg, side in LEGS.items()
        )
        made = decide(AccountRunView(w.state, OnFailure.UNWIND, w.is_exit_wanted, legs), w.now)
        for order_id in made.withdraw:
            w.ours[order_id].move(S.CANCELLED, w.now, "withdrawn")
        fresh = [i for again in made.enter for i in self._again(again, is_exit=False)]
        fresh += [i for again in made.leave for i in self._again(again, is_exit=True)]
        w.is_exit_wanted = w.is_exit_wanted or bool(made.unwind)
        w.ready += [i for i in (*made.release, *fresh) if i not in w.ready]
        for order_id in made.cancel:
            self._cancel(w.ours[order_id])
        w.state = made.state

    def send(self, pick: int, how: str) -> None:
        w = self.w
        if not w.ready:
            return
        order = w.ours[w.ready.pop(pick % len(w.ready))]
        if order.state is not S.NEW or self._has_double(order):
            return
        order.move(S.SENDING, w.now)
        order.sent_at, order.seen_mark, order.sends = w.now, w.seq, order.sends + 1
        if how in ("done", "lost placed", "crash after"):
            placed = AtVenue(f"v{len(w.venue)}", order.leg, order.side, order.quantity, w.now)
            w.venue[placed.name] = placed
        if how == "done":
            order.venue = placed.name
            order.move(S.OPEN, w.now)
        elif how in ("refused", "unavailable"):
            order.move(S.REJECTED, w.now, how)
        else:
            order.move(S.UNKNOWN, w.now)  # after a crash by recovery, else by the answer that did not come

    def push(self, pick: int, _how: str) -> None:
        owned = [order for order in self.w.ours.values() if order.venue]
        if owned:
            order = owned[pick % len(owned)]
            order.take(self.w.venue[order.venue].report(), self.w.now)

    def read_book(self, _pick: int = 0, _how: str = "") -> None:
        w = self.w
        for found in w.venue.values():
            if not found.seq:
                w.seq += 1
                found.seq = w.seq
        owners = {order.venue: order for order in w.ours.values() if order.venue}
        for name, order in owners.items():
            order.take(w.venue[name].report(), w.now)
        unowned = [Candidate(v.report(), v.seq) for v in w.venue.values() if v.name not in owners]
        doubtful = [self._doubtful(order) for order in w.ours.values() if order.state is S.UNKNOWN]
        for verdict in reconcile.judge(doubtful, unowned, w.now, LOOKUPS, WINDOW):
            if isinstance(verdict, Adopt):
                order = w.ours[verdict.order_id]
                order.venue = verdict.report.venue_order_id
                order.take(replace(verdict.report), w.now)
                if order.state is S.UNKNOWN:
                    order.move(S.OPEN, w.now)
            elif isinstance(verdict, Lost):
                w.ours[verdict.order_id].move(S.LOST, w.now, "lost")

    def ask_for_the_exit(self, pick: int, _how: str) -> None:
        self.w.is_exit_wanted = self.w.is_exit_wanted or len(self.w.venue) > pick % 8

    # -- the venue and the time

    def fill(self, pick: int, _how: str) -> None:
        working = [v for v in self.w.venue.values() if v.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)]
        if working:
            self._fill(working[pick % len(working)], Decimal(1 + pick % 2))

    def reject(self, pick: int, _how: str) -> None:
        fresh = [v for v in self.w.venue.values() if v.status is OrderStatus.OPEN]
        if fresh and pick < 4:
            fresh[pick % len(fresh)].status = OrderStatus.REJECTED

    def time_passes(self, pick: int, _how: str) -> None:
        self.w.now += timedelta(seconds=pick)

    # -- what must always be so

    @invariant()
    def nothing_is_oversold(self) -> None:
        for leg in LEGS:
            assert 0 <= self.w.held(leg) <= TARGET

    @invariant()
    def no_short_without_its_hedge(self) -> None:
        assert self.w.held("short") <= self.w.held("hedge")

    @invariant()
    def no_venue_order_is_owned_twice(self) -> None:
        names = [order.venue for order in self.w.ours.values() if order.venue]
        assert len(names) == len(set(names))

    @invariant()
    def no_order_is_sent_twice_and_none_claims_more_than_happened(self) -> None:
        for order in self.w.ours.values():
            assert order.sends <= 1
            assert order.filled <= (self.w.venue[order.venue].filled if order.venue else 0)

    def teardown(self) -> None:
        """Once the trouble is over and the exit is wanted, everything ends flat and owned."""
        w = self.w
        w.is_exit_wanted = True
        for _ in range(60):
            self.step()
            while w.ready:
                self.send(0, "done")
            for found in w.venue.values():
                if found.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED):
                    self._fill(found, found.quantity)
            self.read_book()
            self.time_passes(15, "")
            if w.state in ENDED:
                break
        assert w.state in ENDED
        assert all(w.held(leg) == 0 for leg in LEGS)
        assert {order.venue for order in w.ours.values() if order.venue} == set(w.venue)

    # -- hands

    def _submit(self, leg: str, quantity: Decimal, attempt: int, is_exit: bool) -> list[str]:
        side = LEGS[leg].opposite if is_exit else LEGS[leg]
        intent = f"{leg} {'exit' if is_exit else 'entry'} {attempt}"
        ids = []
        while quantity > 0:
            part = min(quantity, FREEZE)
            quantity -= part
            order_id = f"{len(self.w.ours):04}"
            self.w.ours[order_id] = Ours(order_id, intent, leg, side, part, is_exit, attempt)
            ids.append(order_id)
        return ids

    def _again(self, again: Resend, is_exit: bool) -> list[str]:
        return self._submit(again.leg_id, again.quantity, again.attempt, is_exit)

    def _has_double(self, order: Ours) -> bool:
        return any(
            other.state is S.UNKNOWN
            and (other.leg, other.side) == (order.leg, order.side)
            and (not order.is_exit or other.quantity == order.quantity)
            for other in self.w.ours.values()
        )

    def _cancel(self, order: Ours) -> None:
        found = self.w.venue[order.venue]
        order.cancel_at = self.w.now
        order.move(S.CANCEL_PENDING, self.w.now)
        if found.status in (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED):
            found.status = OrderStatus.CANCELLED

    def _doubtful(self, order: Ours) -> Doubtful:
        order.lookups += order.sent_at < self.w.now
        return Doubtful(
            order.id, order.intent, "NFO", order.leg, order.side, order.quantity, PriceType.MARKET, "NRML", None, None,
            order.sent_at, order.seen_mark, order.sent_at, order.lookups,
        )  # fmt: skip

    def _fill(self, found: AtVenue, quantity: Decimal) -> None:
        found.filled = min(found.quantity, found.filled + quantity)
        is_done = found.filled == found.quantity
        found.status = OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED


TestDeskAndVenue = DeskAndVenue.TestCase
TestDeskAndVenue.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
